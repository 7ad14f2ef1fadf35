//! The gradient of what is added to, or multiplied with, each row of a matrix.
//!
//! A convolution has a row for each position of an image. One chain of additions over tens of thousands of rows would lose
//! digits. So rows are summed in blocks, each in the numbers' own precision, and the blocks in double precision, as in
//! [`ColumnSums`](super::ColumnSums).

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::Kernel;
use super::column_sums::{CHAIN, DEPTH, add_to, from_wide, wide};
use super::{Element, Simd};

/// The columns at a time: their sums fit into registers.
const COLUMNS: usize = 32;

/// The columns that rows are read of before the next rows: long runs of memory, whose sums stay in the first cache.
const BLOCK: usize = 512;

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
        for (out, start) in out.chunks_mut(BLOCK).zip(run.step_by(BLOCK)) {
            let mut totals = [0.0; BLOCK];
            for (stretch, dy) in dy.chunks(columns * DEPTH).enumerate() {
                let mut sums = [T::zero(); BLOCK];
                for (chain, dy) in dy.chunks(columns * CHAIN).enumerate() {
                    let first = stretch * DEPTH + chain * CHAIN;
                    let normalised = normalised
                        .map(|(x, measures)| (&x[first * columns..], &measures.as_chunks::<2>().0[first..]));
                    for (sums, start) in sums[..out.len()].chunks_mut(COLUMNS).zip((start..).step_by(COLUMNS))
                    {
                        let here = start..start + sums.len();
                        add_chain(columns, here, dy, normalised, sums);
                    }
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

/// Adds the sums of a few rows, for columns of which there are no more than [`COLUMNS`].
#[inline(always)]
fn add_chain<T: Element>(
    columns: usize,
    here: Range<usize>,
    dy: &[T],
    normalised: Option<(&[T], &[[T; 2]])>,
    sums: &mut [T],
) {
    let mut chained = [T::zero(); COLUMNS];
    if let Some((x, measures)) = normalised {
        let rows = dy.chunks_exact(columns).zip(x.chunks_exact(columns)).zip(measures);
        for ((dy, x), &[mean, inverse]) in rows {
            let (dy, x) = (&dy[here.clone()], &x[here.clone()]);
            let term = |dy: T, x: T| dy * ((x - mean) * inverse);
            if let (Some(dy), Some(x)) = (dy.first_chunk::<COLUMNS>(), x.first_chunk::<COLUMNS>()) {
                (0..COLUMNS).for_each(|lane| chained[lane] += term(dy[lane], x[lane]));
            } else {
                for (sum, (&dy, &x)) in chained.iter_mut().zip(dy.iter().zip(x)) {
                    *sum += term(dy, x);
                }
            }
        }
    } else {
        for dy in dy.chunks_exact(columns) {
            let dy = &dy[here.clone()];
            if let Some(dy) = dy.first_chunk::<COLUMNS>() {
                add_to(&mut chained, dy);
            } else {
                chained.iter_mut().zip(dy).for_each(|(sum, &dy)| *sum += dy);
            }
        }
    }
    sums.iter_mut().zip(chained).for_each(|(sum, chained)| *sum += chained);
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
