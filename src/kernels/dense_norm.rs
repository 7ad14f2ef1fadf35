//! ‖dW‖² = ‖xᵀ·dy‖² without dW.
//!
//! With s and t over the samples, and · for the inner product of two rows:
//!
//! ```text
//! Σ_io (Σ_s x[s, i] · dy[s, o])² = Σ_st (x[s] · x[t]) (dy[s] · dy[t])
//! ```
//!
//! The right side takes batch²·(inputs + outputs)/2 multiply-adds where dW takes batch·inputs·outputs. It is a sum of
//! numbers of either sign where the left side has squares, so inner products are summed in double precision, piece by
//! piece, and a piece in chains of a few, one sum of them after another.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::{Backend, Kernel};
use super::column_sums::{CHAIN, DEPTH, wide};
use super::{DenseSize, Element, Simd};

/// Rows on either side of a block of inner products: sixteen sums hide the latency of an addition.
const ROWS: usize = 4;

/// The square of the norm of a dense weight's gradient.
pub(super) fn square_norm_on<T: Element>(backend: Backend, size: DenseSize, x: &[T], dy: &[T]) -> f64 {
    let DenseSize { batch, inputs, outputs } = size;
    assert_eq!((x.len(), dy.len()), (batch * inputs, batch * outputs), "buffers of another size");
    let mut square = 0.0;
    for first in (0..batch).step_by(ROWS) {
        for second in (first..batch).step_by(ROWS) {
            let x = backend.run(Products { values: x, columns: inputs, batch, first, second });
            let dy = backend.run(Products { values: dy, columns: outputs, batch, first, second });
            let sum: f64 = x.iter().flatten().zip(dy.iter().flatten()).map(|(x, dy)| x * dy).sum();
            // A pair of different blocks stands for both orders.
            square += if first == second { sum } else { 2.0 * sum };
        }
    }
    // It is a square, but for rounding.
    if square < 0.0 { 0.0 } else { square }
}

/// The inner products of some rows with some others, zero for rows beyond the batch.
struct Products<'a, T> {
    values: &'a [T],
    columns: usize,
    batch: usize,
    first: usize,
    second: usize,
}

impl<T: Element> Kernel<T> for Products<'_, T> {
    type Output = [[f64; ROWS]; ROWS];

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output {
        let rows = |start: usize| -> [&[T]; ROWS] {
            // Rows beyond the batch are read as the last one, and left out below.
            core::array::from_fn(|i| {
                &self.values[(start + i).min(self.batch - 1) * self.columns..][..self.columns]
            })
        };
        let (a, b) = (rows(self.first), rows(self.second));
        let mut products = [[0.0; ROWS]; ROWS];
        let mut column = 0;
        while column + S::LANES <= self.columns {
            let end = self.columns.min(column + DEPTH * S::LANES);
            let (a, b) =
                (a.map(|row| S::split(&row[column..end]).0), b.map(|row| S::split(&row[column..end]).0));
            let vectors = a[0].len();
            let (a, b) = (a.map(|row| &row[..vectors]), b.map(|row| &row[..vectors]));
            let mut sums = [[simd.splat(T::zero()); ROWS]; ROWS];
            for start in (0..vectors).step_by(CHAIN) {
                let mut chain = [[simd.splat(T::zero()); ROWS]; ROWS];
                for vector in start..vectors.min(start + CHAIN) {
                    let b = b.map(|row| simd.load(&row[vector]));
                    for (a, sums) in a.iter().zip(&mut chain) {
                        let a = simd.load(&a[vector]);
                        for (b, sum) in b.into_iter().zip(sums) {
                            *sum = simd.mul_add(a, b, *sum);
                        }
                    }
                }
                for (sum, &chain) in sums.as_flattened_mut().iter_mut().zip(chain.as_flattened()) {
                    *sum = simd.add(*sum, chain);
                }
            }
            for (products, sums) in products.iter_mut().zip(sums) {
                for (product, sum) in products.iter_mut().zip(sums) {
                    *product += wide(simd.sum(sum));
                }
            }
            column += vectors * S::LANES;
        }
        for (i, a) in a.iter().enumerate() {
            for (j, b) in b.iter().enumerate() {
                for (&a, &b) in a[column..].iter().zip(&b[column..]) {
                    products[i][j] += wide(a) * wide(b);
                }
                if self.first + i >= self.batch || self.second + j >= self.batch {
                    products[i][j] = 0.0;
                }
            }
        }
        products
    }
}

#[cfg(test)]
mod tests {
    use super::super::backend::available;
    use super::super::oracle::{Case, Numbers, in_both_precisions};
    use super::*;

    fn agrees_with_the_gradient<T: Numbers>() {
        for batch in [1, 2, 3, 4, 5, 8, 9, 31] {
            for (inputs, outputs) in [(1, 1), (7, 33), (100, 3), (1030, 20)] {
                let size = DenseSize { batch, inputs, outputs };
                let case = Case::<T>::random(size);
                let (gradient, _) = case.weight_gradient();
                let expected: f64 = gradient.iter().map(|dw| dw.distance(T::zero()).powi(2)).sum();
                for (name, backend) in available() {
                    let square = square_norm_on(backend, size, &case.x, &case.dy);
                    let error = (square - expected).abs() / expected;
                    assert!(error < 100.0 * T::UNIT, "{name} {size:?}: {square}, expected {expected}");
                }
            }
        }
    }
    in_both_precisions!(agrees_with_the_gradient);

    #[test]
    fn what_is_not_finite_stays_so() {
        for (name, backend) in available() {
            let mut case = Case::<f32>::random(DenseSize { batch: 5, inputs: 40, outputs: 3 });
            case.x[17] = f32::NAN;
            assert!(square_norm_on(backend, case.size, &case.x, &case.dy).is_nan(), "{name}");
        }
    }
}
