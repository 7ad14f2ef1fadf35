//! How the numbers of a parameter lie, and what follows from it.

use super::layout::Layout;
use super::param::Param;
use crate::{Scalar, Tensor};

impl<T: Scalar> Param<T> {
    /// Runs of the [buffer](Param::buffer) that are computed apart start at multiples of this number of elements
    /// ([`GradientSource::write`](super::GradientSource::write)).
    #[must_use]
    pub fn granule(&self) -> usize {
        self.layout().granule::<T>()
    }

    /// How many elements to compute at a time where there is room for so many: a whole number of granules.
    pub(crate) fn block(&self, room: usize) -> usize {
        assert!(self.granule() <= room, "no room for a granule");
        room / self.granule() * self.granule()
    }

    /// Whether it is the matrix of a dense layer, inputs × outputs, which PyTorch keeps transposed.
    pub(crate) fn is_dense_weight(&self) -> bool {
        match self.layout() {
            Layout::Panels(_) => true,
            Layout::Integers(..) | Layout::Bf16(..) => self.shape().rank() == 2,
            Layout::Groups(..) | Layout::RowMajor => false,
        }
    }

    /// The numbers of rows and columns of the matrix that it is for the kernels: a dense weight itself, that of a
    /// convolution (taps · channels) × outputs. Any other parameter counts as one row.
    pub(crate) fn matrix(&self) -> [usize; 2] {
        self.layout().matrix().unwrap_or([1, self.count()])
    }

    /// Whether it is the weight of a convolution, which PyTorch keeps as outputs × channels × height × width.
    pub(crate) fn is_kernels(&self) -> bool {
        match self.layout() {
            Layout::Groups(..) => true,
            Layout::Integers(..) | Layout::Bf16(..) => self.shape().rank() > 2,
            Layout::Panels(_) | Layout::RowMajor => false,
        }
    }

    /// The numbers at these places of the last axis.
    pub(crate) fn with_columns(&self, kept: &[usize]) -> Self {
        let (tensor, columns) = (self.to_tensor(), self.shape().axes().last().copied().unwrap_or(1));
        let rows = tensor.as_slice().chunks(columns.max(1));
        let values = rows.flat_map(|row| kept.iter().map(|&column| row[column])).collect();
        let shape = self.shape().with_last(kept.len());
        self.with_values(&Tensor::from_vec(shape, values).expect("as many values as the shape has"))
    }

    /// Multiplies each number by that of its column, the place along the last axis.
    pub(crate) fn scale_columns(&mut self, scales: &[f64]) {
        self.scale_each(|place| scales[place % scales.len()]);
    }
}
