//! The gradient of a dense layer's weight.

use core::ops::Range;

use super::GradientSource;
use crate::Scalar;
use crate::kernels::{Bf16WeightGradient, DenseWeightGradient};

/// dW = xᵀ·dy, run by run.
pub(super) struct WeightGradient<'a, T> {
    pub(super) product: Product<'a, T>,
    pub(super) multiply_adds: u64,
}

/// In which numbers.
pub(super) enum Product<'a, T> {
    Full(DenseWeightGradient<'a, T>),
    Bf16(Bf16WeightGradient<'a, T>),
}

impl<T: Scalar> GradientSource<T> for WeightGradient<'_, T> {
    fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        match &self.product {
            Product::Full(product) => product.write(run, alpha, beta, out),
            Product::Bf16(product) => product.write_in_bf16(run, alpha, beta, out),
        }
    }

    fn square_norm(&self) -> Option<f64> {
        match &self.product {
            Product::Full(product) => product.square_norm(),
            // It would be that of numbers that were not rounded.
            Product::Bf16(_) => None,
        }
    }

    fn multiply_adds(&self) -> u64 {
        self.multiply_adds
    }
}
