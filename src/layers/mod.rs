//! The layers, and what a layer of one's own needs.

mod activation;
mod avg_pool2d;
mod channels;
mod dense;
mod dropout;
mod dropout2d;
mod flatten;
mod global_avg_pool2d;
mod gradient;
mod layer;
mod max_pool2d;
mod param;
mod pool_mean;
mod pool_window;
mod reshape;
mod samples;
mod softmax;
mod special;
mod window;

pub use activation::Activation;
pub use avg_pool2d::AvgPool2d;
pub use channels::{ChannelsFirst, ChannelsLast};
pub use dense::Dense;
pub use dropout::Dropout;
pub use dropout2d::Dropout2d;
pub use flatten::Flatten;
pub use global_avg_pool2d::GlobalAvgPool2d;
pub(crate) use gradient::number_params;
pub use gradient::{GradientSink, GradientSource, GradientStore, Whole};
pub use layer::{Backward, CloneLayer, Forward, Layer, Memory, Mode, RandomKey};
pub use max_pool2d::MaxPool2d;
pub use param::Param;
pub use reshape::Reshape;
pub use softmax::{LogSoftmax, Softmax};
pub(crate) use softmax::{max_and_log_sum, softmax};
pub use window::{Padding, Sides, Window};
