//! The gradient of what is added to, or multiplied with, each row of a matrix.
//!
//! A convolution has a row for each position of an image. One chain of additions over tens of thousands of rows would lose
//! digits. So rows are summed in blocks, each in the numbers' own precision, and the blocks in double precision, as in
//! [`ColumnSums`](super::ColumnSums).

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use std::ops::Range;

use super::backend::Kernel;
use super::column_sums::{CHAIN, DEPTH, add_to, from_wide, wide};
use super::{Element, Simd};

/// The columns at a time: their sums fit into registers.
const COLUMNS: usize = 32;

/// Σ dy over the rows for each column: the gradient of a bias. Or Σ dy·x̂: that of the weight of a [`RowNorm`](super::RowNorm).
pub(crate) struct RowSums<'a, T> {
    pub(crate) columns: usize,
    pub(crate) dy: &'a [T],
    /// x, and what the way forth of a norm left, for its weight.
    pub(crate) normalised: Option<(&'a [T], &'a [T])>,
}

impl<T: Element> RowSums<'_, T> {
    /// out ← beta·out + alpha·gradient, for these columns. Where `beta` is 0, `out` is not read.
    pub(crate) fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        super::run(Write { sums: self, run, alpha, beta, out });
    }
}

struct Write<'a, T> {
    sums: &'a RowSums<'a, T>,
    run: Range<usize>,
    alpha: T,
    beta: T,
    out: &'a mut [T],
}

impl<T: Element> Kernel<T> for Write<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) {
        let Self { sums, run, alpha, beta, out } = self;
        let &RowSums { columns, dy, normalised } = sums;
        for (out, start) in out.chunks_mut(COLUMNS).zip(run.step_by(COLUMNS)) {
            let columns_here = start..start + out.len();
            let mut totals = [0.0; COLUMNS];
            for (stretch, dy) in dy.chunks(columns * DEPTH).enumerate() {
                let mut sums = [T::zero(); COLUMNS];
                for (chain, dy) in dy.chunks(columns * CHAIN).enumerate() {
                    let mut chained = [T::zero(); COLUMNS];
                    let rows = dy.chunks_exact(columns).map(|row| &row[columns_here.clone()]);
                    if let Some((x, measures)) = normalised {
                        let first = stretch * DEPTH + chain * CHAIN;
                        let x = x[first * columns..].chunks_exact(columns);
                        let x = x.map(|row| &row[columns_here.clone()]);
                        let measures = &measures.as_chunks::<2>().0[first..];
                        for ((dy, x), &[mean, inverse]) in rows.zip(x).zip(measures) {
                            for (sum, (&dy, &x)) in chained.iter_mut().zip(dy.iter().zip(x)) {
                                *sum += dy * ((x - mean) * inverse);
                            }
                        }
                    } else {
                        rows.for_each(|dy| chained.iter_mut().zip(dy).for_each(|(sum, &dy)| *sum += dy));
                    }
                    add_to(&mut sums, &chained);
                }
                totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += wide(sum));
            }
            for (out, &total) in out.iter_mut().zip(&totals) {
                let sum = from_wide::<T>(total);
                *out = if beta == T::zero() { alpha * sum } else { beta * *out + alpha * sum };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_are_summed_to_the_last_digits() {
        let (columns, count) = (35, 40_000);
        let dy: Vec<f32> = (0..columns * count).map(|i| ((i * 37) % 101) as f32 / 101.0).collect();
        let mut out = vec![2.0_f32; columns - 2];
        RowSums { columns, dy: &dy, normalised: None }.write(1..columns - 1, 0.5, 1.0, &mut out);
        for (column, &sum) in (1..).zip(&out) {
            let exact: f64 = dy.iter().skip(column).step_by(columns).map(|&value| f64::from(value)).sum();
            let expected = 2.0 + 0.5 * exact;
            assert!((f64::from(sum) / expected - 1.0).abs() < 1e-6, "{column}: {sum}, not {expected}");
        }
    }
}
