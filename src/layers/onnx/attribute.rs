//! Settings of an operation.

use crate::prelude::*;

/// A setting of an operation of ONNX, as [`OnnxGraph::node`](super::OnnxGraph::node) takes it.
///
/// ```
/// use taper::layers::OnnxAttribute;
///
/// assert_eq!(OnnxAttribute::from(-1), OnnxAttribute::Integer(-1));
/// assert_eq!(OnnxAttribute::from(0.1), OnnxAttribute::Number(0.1_f32));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OnnxAttribute {
    /// A whole number, or 1 and 0 for a flag.
    Integer(i64),
    /// Several of them.
    Integers(Vec<i64>),
    /// A number, which has single precision whatever the model has.
    Number(f32),
    /// A text.
    Text(String),
}

impl From<i64> for OnnxAttribute {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<Vec<i64>> for OnnxAttribute {
    fn from(integers: Vec<i64>) -> Self {
        Self::Integers(integers)
    }
}

impl From<f64> for OnnxAttribute {
    fn from(number: f64) -> Self {
        Self::Number(number as f32)
    }
}

impl From<&str> for OnnxAttribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
