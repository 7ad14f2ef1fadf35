//! The layers, and what a layer of one's own needs.
//!
//! Shapes leave out the batch. Images have their channels last, and so have sequences. The [builder](crate::sequential::Builder) of a model
//! has a method for each layer, in lower case, and [`layer`](crate::sequential::Builder::layer) for one that was made by hand.
//!
//! | layer | from | to | what it does |
//! |---|---|---|---|
//! | [`Dense`] | `[inputs]` | `[outputs]` | weighted sums of all inputs |
//! | [`Conv2d`] | `[height, width, inputs]` | `[rows, columns, outputs]` | weighted sums of what a window sees |
//! | [`ConvTranspose2d`] | `[height, width, inputs]` | `[rows, columns, outputs]` | each number spread by the weights of a window |
//! | [`MaxPool2d`], [`AvgPool2d`] | `[height, width, channels]` | `[rows, columns, channels]` | the largest, or the mean, of a window |
//! | [`AdaptiveMaxPool2d`], [`AdaptiveAvgPool2d`] | `[height, width, channels]` | `[rows, columns, channels]` | the same of so many parts |
//! | [`GlobalAvgPool2d`] | `[height, width, channels]` | `[channels]` | the mean of each channel |
//! | [`Conv1d`], [`ConvTranspose1d`] | `[length, inputs]` | `[places, outputs]` | the same on sequences |
//! | [`MaxPool1d`], [`AvgPool1d`], [`AdaptiveMaxPool1d`], [`AdaptiveAvgPool1d`] | `[length, channels]` | `[places, channels]` | the same on sequences |
//! | [`Flatten`], [`Reshape`] | any | any | the same numbers under other axes |
//! | [`ChannelsLast`], [`ChannelsFirst`] | an image | an image | the other order of its axes |
//! | [`Activation`] | any | the same | a function of each element |
//! | [`Prelu`] | any | the same | a rectifier whose slope below 0 is learned |
//! | [`Glu`] | `[…, features]` | `[…, features / 2]` | half of the features, each through a gate |
//! | [`Softmax`], [`LogSoftmax`], [`Softmin`] | any | the same | probabilities along the last axis |
//! | [`BatchNorm`] | `[…, channels]` | the same | each channel normalised over the batch |
//! | [`LayerNorm`] | any | the same | each sample normalised over its last axes |
//! | [`RmsNorm`] | any | the same | the same without a mean |
//! | [`GroupNorm`], [`InstanceNorm`] | `[…, channels]` | the same | groups of channels, or each, of a sample normalised |
//! | [`Normalization`] | `[…, features]` | the same | each feature scaled by fixed statistics of data |
//! | [`Dropout`], [`Dropout2d`] | any | the same | forgets elements, or channels, while it trains |
//! | [`QuantizedDense`], [`QuantizedConv2d`], [`QuantizedConv1d`] | as without | as without | weighted sums with weights of eight bits, for inference |
//! | [`Embedding`] | `[…]` of whole numbers | `[…, dimension]` | a row of numbers that is learned for each |
//!
//! Paths side by side and residual blocks are a layer too: [`Branches`](crate::sequential::Branches). So is a model:
//! [`Sequential`](crate::Sequential).
//!
//! # What layers are made with
//!
//! | | |
//! |---|---|
//! | [`Window`] | what a convolution or a pool sees, with [`Sides`] and [`Padding`] |
//! | [`Channels`] | the channels and groups of a convolution |
//! | [`Momentum`] | how running statistics follow the batches |
//! | [`OnSequences`] | what makes a layer of sequences of one of images |
//! | [`init`](crate::init) | how weights start |
//!
//! # For layers of one's own
//!
//! | | |
//! |---|---|
//! | [`Layer`], [`Param`], [`Mode`], [`CloneLayer`] | the trait, and what a layer owns |
//! | [`Forward`], [`Backward`], [`Memory`], [`RandomKey`] | what a pass brings with it, and what it needs |
//! | [`Part`] | a layer inside of another, in a pass |
//! | [`GradientSink`], [`GradientSource`], [`Whole`], [`GradientStore`] | how the gradients of parameters are handed on, and kept |
//! | [`Settings`], [`Setting`] | what a file keeps of a layer beside its parameters; [`Stored`] are the layers of this crate that it can have |
//! | [`Along`], [`Order`], [`Turn`] | for files of programs that keep images with their channels first |
//! | [`OutputKind`], [`softmax()`] | what outputs are, and how logits become probabilities |
//! | [`Units`] | for [narrowing](crate::narrow) across a layer |
//! | [`OnnxGraph`], [`OnnxValue`], [`OnnxAttribute`] | for ONNX files |

#![deny(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

mod activation;
mod adaptive_avg_pool1d;
mod adaptive_avg_pool2d;
mod adaptive_max_pool1d;
mod adaptive_max_pool2d;
mod affine;
mod along;
mod avg_pool1d;
mod avg_pool2d;
mod batch_norm;
mod bf16_weight;
mod carve;
mod channels;
mod conv1d;
mod conv2d;
mod conv_channels;
mod conv_size;
mod conv_transpose1d;
mod conv_transpose2d;
mod dense;
mod dense_gradient;
mod dropout;
mod dropout2d;
mod embedding;
mod epsilon;
mod flatten;
mod global_avg_pool2d;
mod glu;
mod gradient;
mod gradient_store;
mod group_norm;
mod groups;
mod instance_norm;
mod integers;
pub(crate) mod kinds;
mod layer;
mod layer_norm;
mod layout;
mod max_pool1d;
mod max_pool2d;
mod moments;
mod momentum;
mod normalization;
mod numbers;
mod on_sequences;
pub(crate) mod onnx;
mod order;
mod others;
mod output_kind;
mod output_size;
mod padding;
mod param;
mod param_copy;
mod param_form;
mod param_layout;
mod param_values;
mod parts;
mod pointwise;
mod pool_adaptive;
mod pool_along;
mod pool_geometry;
mod pool_largest;
mod pool_max;
mod pool_mean;
mod pool_window;
mod prelu;
mod quantized_conv2d;
mod quantized_dense;
mod quantized_weight;
mod random_key;
mod reshape;
mod rms_norm;
mod row_gradient;
mod running_moments;
mod running_statistics;
mod samples;
mod settings;
mod sides;
mod softmax;
mod softmin;
pub(crate) mod stored;
mod units;
mod weight_and_bias;
mod weight_scales;
mod window;

pub use activation::Activation;
pub use adaptive_avg_pool1d::AdaptiveAvgPool1d;
pub use adaptive_avg_pool2d::AdaptiveAvgPool2d;
pub use adaptive_max_pool1d::AdaptiveMaxPool1d;
pub use adaptive_max_pool2d::AdaptiveMaxPool2d;
pub use along::Along;
pub use avg_pool1d::AvgPool1d;
pub use avg_pool2d::AvgPool2d;
pub use batch_norm::BatchNorm;
pub(crate) use carve::{aligned, carve};
pub use channels::{ChannelsFirst, ChannelsLast};
pub use conv_channels::Channels;
pub use conv_transpose1d::ConvTranspose1d;
pub use conv_transpose2d::ConvTranspose2d;
pub use conv1d::Conv1d;
pub use conv2d::Conv2d;
pub use dense::Dense;
pub use dropout::Dropout;
pub use dropout2d::Dropout2d;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use global_avg_pool2d::GlobalAvgPool2d;
pub use glu::Glu;
pub use gradient::{GradientSink, GradientSource, Whole};
pub use gradient_store::GradientStore;
pub(crate) use gradient_store::{KeptGradients, number_params};
pub use group_norm::GroupNorm;
pub use instance_norm::InstanceNorm;
pub use layer::{Backward, CloneLayer, Forward, Layer, Memory, Mode};
pub use layer_norm::LayerNorm;
pub use max_pool1d::MaxPool1d;
pub use max_pool2d::MaxPool2d;
pub use momentum::Momentum;
pub use normalization::Normalization;
pub(crate) use numbers::Rounded;
pub use on_sequences::OnSequences;
pub use onnx::{OnnxAttribute, OnnxGraph, OnnxValue};
pub use order::{Order, Turn};
pub(crate) use others::Others;
pub use output_kind::OutputKind;
pub(crate) use output_size::OutputSize;
pub use padding::Padding;
pub use param::Param;
pub(crate) use param_form::ParamForm;
pub use parts::Part;
pub(crate) use parts::{add, check_room};
pub(crate) use pool_along::PoolAlong;
pub use prelu::Prelu;
pub use quantized_conv2d::{QuantizedConv1d, QuantizedConv2d};
pub use quantized_dense::QuantizedDense;
#[cfg(feature = "onnx")]
pub(crate) use quantized_weight::EightBits;
pub use random_key::RandomKey;
pub use reshape::Reshape;
pub use rms_norm::RmsNorm;
pub(crate) use samples::by_samples;
pub use settings::{Setting, Settings};
pub use sides::Sides;
pub use softmax::{LogSoftmax, Softmax, softmax};
pub(crate) use softmax::{max_and_log_sum, softmax_of_row};
pub use softmin::Softmin;
pub use stored::Stored;
pub use units::Units;
pub use window::Window;
