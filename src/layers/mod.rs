//! The layers, and what a layer of one's own needs.

mod activation;
mod batch_norm;
mod dense;
mod dropout;
mod embedding;
mod flatten;
mod gradient;
mod layer;
mod layer_norm;
mod param;
mod reshape;
mod softmax;
mod special;
mod window;

pub use activation::Activation;
pub use batch_norm::{BatchNorm, Momentum};
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub(crate) use gradient::number_params;
pub use gradient::{GradientSink, GradientSource, GradientStore, Whole};
pub use layer::{Backward, CloneLayer, Forward, Layer, Memory, Mode, RandomKey};
pub use layer_norm::LayerNorm;
pub use param::Param;
pub use reshape::Reshape;
pub use softmax::{LogSoftmax, Softmax};
pub(crate) use softmax::{max_and_log_sum, softmax};
pub use window::{Padding, Sides, Window};
