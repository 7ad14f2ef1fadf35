//! The gradient of a bias.

use std::ops::Range;

use super::GradientSource;
use crate::Scalar;

/// db = Σ dy over the rows, in their order: the sums of blocks of rows, added up.
///
/// A convolution has a row for each place of an image. One chain of additions over tens of thousands of them would lose
/// digits; a batch of a dense layer is one block.
pub(super) struct ColumnSums<'a, T> {
    pub(super) columns: usize,
    pub(super) rows: &'a [T],
}

/// The rows of a block.
const BLOCK: usize = 512;

/// So many columns at a time that their sums fit into registers.
const COLUMNS: usize = 32;

impl<T: Scalar> GradientSource<T> for ColumnSums<'_, T> {
    fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        for (out, start) in out.chunks_mut(COLUMNS).zip(run.step_by(COLUMNS)) {
            let mut all = [T::zero(); COLUMNS];
            let all = &mut all[..out.len()];
            for (block, rows) in self.rows.chunks(BLOCK * self.columns).enumerate() {
                let mut sums = [T::zero(); COLUMNS];
                let sums = &mut sums[..out.len()];
                for row in rows.chunks_exact(self.columns) {
                    sums.iter_mut().zip(&row[start..]).for_each(|(sum, &dy)| *sum += dy);
                }
                let merge = |(all, &sum): (&mut T, &T)| *all = if block == 0 { sum } else { *all + sum };
                all.iter_mut().zip(&*sums).for_each(merge);
            }
            for (out, &sum) in out.iter_mut().zip(&*all) {
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
        let rows: Vec<f32> = (0..columns * count).map(|i| ((i * 37) % 101) as f32 / 101.0).collect();
        let mut out = vec![2.0_f32; columns];
        ColumnSums { columns, rows: &rows }.write(0..columns, 0.5, 1.0, &mut out);
        for (column, &sum) in out.iter().enumerate() {
            let exact: f64 = rows.iter().skip(column).step_by(columns).map(|&value| f64::from(value)).sum();
            let expected = 2.0 + 0.5 * exact;
            assert!((f64::from(sum) / expected - 1.0).abs() < 2e-6, "{column}: {sum}, not {expected}");
        }
    }
}
