//! A value of a graph.

use crate::Shape;

/// A value of an [`OnnxGraph`](super::OnnxGraph): what an operation makes, the input of the model, or a constant.
#[derive(Debug, Clone, Copy)]
pub struct OnnxValue {
    pub(super) index: usize,
    pub(super) shape: Shape,
    /// Whether it lies in the graph with the last axis of a sample in front of the others.
    pub(super) is_channels_first: bool,
}

impl OnnxValue {
    /// The axes of one sample, as the layer knows them; those of a constant.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The same numbers under axes which the last of a sample comes first of, or comes last again.
    pub(in crate::layers) fn turned(self, shape: Shape, is_channels_first: bool) -> Self {
        Self { shape, is_channels_first, ..self }
    }

    pub(in crate::layers) fn is_channels_first(&self) -> bool {
        self.is_channels_first
    }

    /// Which axis in the graph an axis of a sample is.
    pub(in crate::layers) fn axis(&self, of_sample: usize) -> i64 {
        let last = self.shape.rank().saturating_sub(1);
        let axis = match self.is_channels_first {
            false => of_sample + 1,
            true if of_sample == last => 1,
            true => of_sample + 2,
        };
        integer(axis)
    }

    /// That of the last.
    pub(in crate::layers) fn last_axis(&self) -> i64 {
        self.axis(self.shape.rank().saturating_sub(1))
    }
}

/// A length as ONNX counts.
pub(crate) fn integer(length: usize) -> i64 {
    length.cast_signed() as i64
}
