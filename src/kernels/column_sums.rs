//! Sums down the columns of a matrix with many rows, as of an image's pixels × channels.
//!
//! A sum in single precision of tens of thousands of numbers loses digits, so rows are summed in blocks: in a block, eight
//! numbers one after another in their own precision, then eight of such sums, and the blocks in double precision. No sum is
//! rounded more than sixteen times, so it is off by at most 1e-6 of the sum of magnitudes. Where the blocks are follows from
//! the size of the matrix alone: threads share them out, and the bits stay.
//!
//! Narrow rows are taken several at a time, so that the vectors are full.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::Kernel;
use super::{Element, Parallelism, Run, Simd, split_work};

/// The numbers that are worked on side by side: whole rows, as many as fit, or a part of one.
pub(super) const SIDE_BY_SIDE: usize = 64;

/// The columns whose sums are in registers at once.
const GROUP: usize = 32;

/// How many numbers are added in their own precision, one after another, and then how many of these sums.
pub(super) const CHAIN: usize = 8;

/// The rows of a block, where none are taken several at a time.
pub(super) const DEPTH: usize = CHAIN * CHAIN;

/// An element is bound by memory as much as by arithmetic: it takes about as long as four multiply-adds.
const WORK: u64 = 4;

/// How many rows of this width are worked on as one.
pub(super) fn rows_at_once(columns: usize) -> usize {
    (SIDE_BY_SIDE / columns).max(1)
}

fn block_rows(columns: usize) -> usize {
    DEPTH * rows_at_once(columns)
}

/// The sums over all rows of N terms, each a function of a number of `first`, one of `second` at the same place, and
/// one for the column.
pub(crate) struct ColumnSums<'a, T, F> {
    pub(crate) first: &'a [T],
    pub(crate) second: &'a [T],
    pub(crate) column: &'a [T],
    pub(crate) term: F,
    pub(crate) parallelism: Parallelism,
}

impl<T: Element, F> ColumnSums<'_, T, F> {
    /// The scratch that N sums of a matrix take.
    pub(crate) fn scratch<const N: usize>(rows: usize, columns: usize) -> usize {
        rows.div_ceil(block_rows(columns)) * columns * N
    }

    /// Calls `each` with every column and its sums.
    pub(crate) fn run<const N: usize>(&self, scratch: &mut [T], mut each: impl FnMut(usize, [f64; N]))
    where
        F: Fn(T, T, T) -> [T; N] + Sync,
    {
        let columns = self.column.len();
        assert_eq!(self.first.len(), self.second.len(), "buffers of another size");
        assert_eq!(self.first.len() % columns, 0, "rows that are not whole");
        let len = Self::scratch::<N>(self.first.len() / columns, columns);
        let sums = &mut scratch[..len];
        let pieces = self.parallelism.pieces(WORK * self.first.len() as u64);
        split_work(Run { start: 0, values: &mut *sums }, columns * N, pieces, &|run: Run<'_, T>| {
            super::run(Blocks { matrix: self, block: run.start / (columns * N), sums: run.values });
        });
        // So many columns at a time that memory is read in its order.
        for start in (0..columns).step_by(SIDE_BY_SIDE) {
            let width = SIDE_BY_SIDE.min(columns - start);
            let mut totals = [[0.0; SIDE_BY_SIDE]; N];
            for block in sums.chunks_exact(columns * N) {
                for (totals, sums) in totals.iter_mut().zip(block.chunks_exact(columns)) {
                    for (total, &sum) in totals.iter_mut().zip(&sums[start..start + width]) {
                        *total += wide(sum);
                    }
                }
            }
            (0..width).for_each(|place| each(start + place, totals.map(|totals| totals[place])));
        }
    }
}

pub(super) fn wide<T: Element>(value: T) -> f64 {
    value.to_f64().expect("a float is a double or less")
}

/// The nearest number of this type.
pub(super) fn from_wide<T: Element>(value: f64) -> T {
    T::from(value).expect("every double is near some float")
}

/// The sums of some blocks: for each block N rows of them.
struct Blocks<'a, T, F, const N: usize> {
    matrix: &'a ColumnSums<'a, T, F>,
    block: usize,
    sums: &'a mut [T],
}

impl<T: Element, F: Fn(T, T, T) -> [T; N], const N: usize> Kernel<T> for Blocks<'_, T, F, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) {
        let &ColumnSums { first, second, column, ref term, .. } = self.matrix;
        let columns = column.len();
        let mut repeated = [T::zero(); SIDE_BY_SIDE];
        let column = repeat(column, &mut repeated);
        let size = block_rows(columns) * columns;
        for (block, sums) in (self.block..).zip(self.sums.chunks_exact_mut(columns * N)) {
            let (start, end) = (block * size, first.len().min((block + 1) * size));
            let chains = first[start..end].chunks(CHAIN * column.len());
            let chains = chains.zip(second[start..end].chunks(CHAIN * column.len()));
            let mut totals = [[0.0; SIDE_BY_SIDE]; N];
            for start in (0..column.len()).step_by(GROUP) {
                let mut lanes = [[T::zero(); GROUP]; N];
                for (first, second) in chains.clone() {
                    let chain = group_sums(first, second, column, start, term);
                    lanes.iter_mut().zip(&chain).for_each(|(lanes, chain)| add_to(lanes, chain));
                }
                let width = GROUP.min(column.len() - start);
                for (which, lanes) in lanes.iter().enumerate() {
                    if column.len() == columns {
                        sums[which * columns + start..][..width].copy_from_slice(&lanes[..width]);
                        continue;
                    }
                    // Rows that were worked on as one.
                    for (place, &lane) in lanes[..width].iter().enumerate() {
                        totals[which][(start + place) % columns] += wide(lane);
                    }
                }
            }
            if column.len() != columns {
                for (sums, totals) in sums.chunks_exact_mut(columns).zip(&totals) {
                    sums.iter_mut().zip(totals).for_each(|(sum, &total)| *sum = from_wide(total));
                }
            }
        }
    }
}

/// The numbers of the columns for as many rows as are worked on at once.
#[inline(always)]
pub(super) fn repeat<'a, T: Element>(column: &'a [T], room: &'a mut [T; SIDE_BY_SIDE]) -> &'a [T] {
    let rows = rows_at_once(column.len());
    if rows == 1 {
        return column;
    }
    let repeated = &mut room[..rows * column.len()];
    repeated.chunks_exact_mut(column.len()).for_each(|row| row.copy_from_slice(column));
    repeated
}

/// The sums of the columns from `start` on, as many as their registers hold.
#[inline(always)]
fn group_sums<T: Element, F: Fn(T, T, T) -> [T; N], const N: usize>(
    first: &[T],
    second: &[T],
    column: &[T],
    start: usize,
    term: &F,
) -> [[T; GROUP]; N] {
    let mut sums = [[T::zero(); GROUP]; N];
    let (width, end) = (column.len(), column.len().min(start + GROUP));
    let rows = first.chunks_exact(width).zip(second.chunks_exact(width));
    if let Ok(column) = <&[T; GROUP]>::try_from(&column[start..end]) {
        for (first, second) in rows {
            let (Some((first, _)), Some((second, _))) =
                (first[start..].split_first_chunk::<GROUP>(), second[start..].split_first_chunk::<GROUP>())
            else {
                unreachable!("a row has all columns")
            };
            for lane in 0..GROUP {
                let terms = term(first[lane], second[lane], column[lane]);
                for (sums, term) in sums.iter_mut().zip(terms) {
                    sums[lane] += term;
                }
            }
        }
    } else {
        rows.for_each(|(first, second)| {
            add(&first[start..end], &second[start..end], &column[start..end], term, &mut sums);
        });
    }
    // The last rows, where they are fewer than are worked on at once.
    let left = first.len() / width * width + start;
    if left < first.len() {
        let end = first.len().min(left + GROUP);
        add(&first[left..end], &second[left..end], &column[start..], term, &mut sums);
    }
    sums
}

/// Adds sums to sums.
#[inline(always)]
pub(super) fn add_to<T: Element, const LANES: usize>(sums: &mut [T; LANES], more: &[T; LANES]) {
    for lane in 0..LANES {
        sums[lane] += more[lane];
    }
}

/// Adds the terms of so many columns as `first` has.
#[inline(always)]
fn add<T: Element, F: Fn(T, T, T) -> [T; N], const N: usize>(
    first: &[T],
    second: &[T],
    column: &[T],
    term: &F,
    sums: &mut [[T; GROUP]; N],
) {
    for (lane, ((&first, &second), &column)) in first.iter().zip(second).zip(column).enumerate() {
        let terms = term(first, second, column);
        for (sums, term) in sums.iter_mut().zip(terms) {
            sums[lane] += term;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers around `mean`, in `f32`.
    fn numbers(len: usize, mean: f64) -> Vec<f32> {
        (0..len as u64).map(|i| (mean + ((i * 7919 + 31) % 1009) as f64 / 504.0 - 1.0) as f32).collect()
    }

    #[test]
    fn sums_are_those_in_double_precision() {
        for columns in [1, 2, 3, 20, 31, 32, 33, 64, 65, 100, 200] {
            for rows in [1, 2, 5, 63, 64, 65, 1000, 4097] {
                let first = numbers(rows * columns, 0.5);
                let second = numbers(rows * columns + 1, -0.3)[1..].to_vec();
                let column = numbers(columns, 0.1);
                let sums = ColumnSums {
                    first: &first,
                    second: &second,
                    column: &column,
                    term: |a: f32, b: f32, c: f32| [a, a * (b - c)],
                    parallelism: Parallelism::Threads(1),
                };
                let mut scratch = vec![f32::NAN; ColumnSums::<f32, ()>::scratch::<2>(rows, columns)];
                let mut seen = 0;
                sums.run(&mut scratch, |column_index, [a, b]| {
                    assert_eq!(column_index, seen);
                    seen += 1;
                    let (mut expected, mut size) = ([0.0; 2], [0.0; 2]);
                    for row in 0..rows {
                        let place = row * columns + column_index;
                        let first = f64::from(first[place]);
                        let centered = f64::from(second[place]) - f64::from(column[column_index]);
                        for (which, term) in [first, first * centered].into_iter().enumerate() {
                            expected[which] += term;
                            size[which] += term.abs();
                        }
                    }
                    for ((got, expected), size) in [a, b].into_iter().zip(expected).zip(size) {
                        // The term itself is rounded twice.
                        assert!(
                            (got - expected).abs() <= 1.1e-6 * size,
                            "{rows}x{columns}: {got}, {expected}"
                        );
                    }
                });
                assert_eq!(seen, columns);
            }
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let (rows, columns) = (30_000, 37);
        let (first, column) = (numbers(rows * columns, 2.0), numbers(columns, 0.0));
        let sums = |threads| {
            let sums = ColumnSums {
                first: &first,
                second: &first,
                column: &column,
                term: |a: f32, _, c| [a - c, (a - c) * (a - c)],
                parallelism: Parallelism::Threads(threads),
            };
            let mut scratch = vec![f32::NAN; ColumnSums::<f32, ()>::scratch::<2>(rows, columns)];
            let mut bits = Vec::new();
            sums.run(&mut scratch, |_, sums| bits.push(sums.map(f64::to_bits)));
            bits
        };
        assert_eq!(sums(1), sums(8));
    }
}
