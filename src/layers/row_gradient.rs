//! The gradient of a bias, or of another row that is added to or multiplied with all rows of a batch.

use core::ops::Range;

use super::{GradientSource, Whole};
use crate::Scalar;
use crate::kernels::RowSums;

/// A sum over rows that is computed where it is wanted.
pub(super) struct RowGradient<'a, T>(pub(super) RowSums<'a, T>);

impl<'a, T: Scalar> RowGradient<'a, T> {
    /// db = Σ dy over all rows.
    pub(super) fn of_bias(columns: usize, dy: &'a [T]) -> Self {
        Self(RowSums { columns, dy, normalised: None })
    }
}

impl<T: Scalar> GradientSource<T> for RowGradient<'_, T> {
    fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        let RowSums { columns, dy, normalised } = self.0;
        // A single row is its own sum: in a network of a few hundred weights, to find the kernel takes longer.
        if normalised.is_none() && dy.len() == columns {
            return Whole(dy).write(run, alpha, beta, out);
        }
        self.0.write(run, alpha, beta, out);
    }

    fn multiply_adds(&self) -> u64 {
        2 * self.0.dy.len() as u64
    }
}
