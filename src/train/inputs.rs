//! The inputs of a data set: numbers or bytes.

use super::Pixels;
use crate::kernels::{Buffer, Gather};
use crate::{Parallelism, Scalar, Shape, Tensor, TensorView};

/// What the samples of a [`Dataset`](super::Dataset) are kept as.
///
/// Made from a tensor, a view or [`Pixels`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Inputs<'a, T> {
    /// As the numbers that the model takes.
    Values(TensorView<'a, T>),
    /// As bytes, which become numbers batch by batch.
    Pixels(Pixels<'a>),
}

impl<T: Scalar> Inputs<'_, T> {
    /// The lengths of the axes, that of the samples first.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Self::Values(values) => values.shape(),
            Self::Pixels(pixels) => pixels.shape(),
        }
    }

    /// The elements of a sample.
    fn columns(&self) -> usize {
        self.shape().split_batch().map_or(0, |(_, sample)| sample.len())
    }

    /// Puts these samples together.
    pub(super) fn gather(&self, samples: &[usize], parallelism: Parallelism, to: &mut Buffer<T>) {
        let columns = self.columns();
        let len = samples.len() * columns;
        if to.len() < len {
            *to = Buffer::zeroed(len);
        }
        let to = &mut to[..len];
        match self {
            Self::Values(values) => {
                Gather { matrix: values.as_slice(), columns, rows: samples, parallelism }.copy(to);
            }
            Self::Pixels(pixels) => {
                let rows = Gather { matrix: pixels.as_bytes(), columns, rows: samples, parallelism };
                pixels.rescale(rows, to);
            }
        }
    }
}

impl<'a, T> From<TensorView<'a, T>> for Inputs<'a, T> {
    fn from(values: TensorView<'a, T>) -> Self {
        Self::Values(values)
    }
}

impl<'a, T: Scalar> From<&'a Tensor<T>> for Inputs<'a, T> {
    fn from(values: &'a Tensor<T>) -> Self {
        Self::Values(values.view())
    }
}

impl<'a, T> From<Pixels<'a>> for Inputs<'a, T> {
    fn from(pixels: Pixels<'a>) -> Self {
        Self::Pixels(pixels)
    }
}
