//! Layers as operations of ONNX: the graph that [`Layer::onnx`](super::Layer::onnx) adds to. The bytes of a file are made elsewhere.

mod attribute;
mod constant;
mod fewer_bits;
mod graph;
mod joins;
mod made;
mod norms;
mod slices;
mod sums;
mod value;
mod windows;

pub use attribute::OnnxAttribute;
pub(crate) use constant::{Constant, Numbers};
pub use graph::OnnxGraph;
#[cfg_attr(not(feature = "onnx"), expect(unused_imports, reason = "for the writer of files"))]
pub(crate) use graph::{Finished, Node};
pub(super) use norms::{by_statistics, of_groups, over_last_axes};
pub(super) use slices::reduced_parts;
pub use value::OnnxValue;
#[cfg_attr(not(feature = "onnx"), expect(unused_imports, reason = "for the writer of files"))]
pub(crate) use value::integer;
pub(super) use windows::{conv, conv_transpose, image_of, kernels, pool_max, pool_mean, turned};
