//! A function of the elements of one or two matrices and of numbers of each column.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::Kernel;
use super::column_sums::{SIDE_BY_SIDE, repeat, rows_at_once};
use super::{Element, Parallelism, Run, Simd, split_work};

/// An element is bound by memory: it takes about as long as eight multiply-adds.
const WORK: u64 = 8;

/// The rows that are worked on group by group.
const ROWS: usize = 32;

/// to ← map(first, second, \[numbers of the column\]), element by element.
pub(crate) struct ColumnMap<'a, T, F, const N: usize> {
    pub(crate) first: &'a [T],
    pub(crate) second: &'a [T],
    pub(crate) columns: [&'a [T]; N],
    pub(crate) map: F,
    pub(crate) parallelism: Parallelism,
}

impl<T: Element, F: Fn(T, T, [T; N]) -> T + Sync, const N: usize> ColumnMap<'_, T, F, N> {
    pub(crate) fn run(&self, to: &mut [T]) {
        assert_eq!([self.first.len(), self.second.len()], [to.len(); 2], "buffers of another size");
        let columns = self.columns[0].len();
        assert!(self.columns.iter().all(|column| column.len() == columns), "columns of another number");
        let pieces = self.parallelism.pieces(WORK * to.len() as u64);
        let granule = columns * rows_at_once(columns);
        split_work(Run { start: 0, values: to }, granule, pieces, &|run: Run<'_, T>| {
            super::run(Rows { matrix: self, run });
        });
    }
}

/// Some of the rows.
struct Rows<'a, T, F, const N: usize> {
    matrix: &'a ColumnMap<'a, T, F, N>,
    run: Run<'a, T>,
}

impl<T: Element, F: Fn(T, T, [T; N]) -> T, const N: usize> Kernel<T> for Rows<'_, T, F, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) {
        let ColumnMap { first, second, columns, map, .. } = self.matrix;
        let Run { start, values: to } = self.run;
        let (first, second) = (&first[start..][..to.len()], &second[start..][..to.len()]);
        let mut room = [[T::zero(); SIDE_BY_SIDE]; N];
        let mut repeated: [&[T]; N] = *columns;
        for (repeated, room) in repeated.iter_mut().zip(&mut room) {
            *repeated = repeat(repeated, room);
        }
        let width = repeated[0].len();
        // Some rows at a time, which stay in the cache from one group of columns to the next.
        let size = width * ROWS;
        let blocks = first.chunks(size).zip(second.chunks(size));
        for (to, (first, second)) in to.chunks_mut(size).zip(blocks) {
            for start in (0..width).step_by(SIDE_BY_SIDE) {
                group(first, second, &repeated, start, map, to);
            }
        }
    }
}

/// The columns from `start` on, as many as their numbers have registers.
#[inline(always)]
fn group<T: Element, F: Fn(T, T, [T; N]) -> T, const N: usize>(
    first: &[T],
    second: &[T],
    columns: &[&[T]; N],
    start: usize,
    map: &F,
    to: &mut [T],
) {
    let width = columns[0].len();
    let end = width.min(start + SIDE_BY_SIDE);
    let columns = columns.map(|column| &column[start..end]);
    let rows = first.chunks(width).zip(second.chunks(width));
    let rows = to.chunks_mut(width).zip(rows);
    // An array of the length that is usual, which makes one loop without checks.
    let mut numbers = [[T::zero(); SIDE_BY_SIDE]; N];
    if end - start == SIDE_BY_SIDE {
        numbers.iter_mut().zip(columns).for_each(|(numbers, column)| numbers.copy_from_slice(column));
    }
    for (to, (first, second)) in rows {
        let full = (
            first.get(start..).and_then(<[T]>::first_chunk::<SIDE_BY_SIDE>),
            second.get(start..).and_then(<[T]>::first_chunk::<SIDE_BY_SIDE>),
        );
        if let (Some(first), Some(second)) = full {
            let mut results = [T::zero(); SIDE_BY_SIDE];
            for lane in 0..SIDE_BY_SIDE {
                results[lane] = map(first[lane], second[lane], core::array::from_fn(|n| numbers[n][lane]));
            }
            to[start..end].copy_from_slice(&results);
            continue;
        }
        // Fewer columns, or the last rows, where they are fewer than are worked on at once.
        let end = end.min(to.len());
        for place in start..end {
            to[place] = map(first[place], second[place], columns.map(|column| column[place - start]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_meets_the_numbers_of_its_column() {
        for columns in [1, 3, 32, 33, 64, 65, 150] {
            for rows in [1, 2, 7, 64, 130, 9000] {
                let len = rows * columns;
                let first: Vec<f64> = (0..len).map(|i| i as f64).collect();
                let second: Vec<f64> = first.iter().map(|x| 0.5 - x).collect();
                let tables: [Vec<f64>; 2] =
                    [0, 1].map(|t| (0..columns).map(|c| (c * 3 + t) as f64).collect());
                let map = ColumnMap {
                    first: &first,
                    second: &second,
                    columns: [&tables[0][..], &tables[1]],
                    map: |a: f64, b: f64, [c, d]: [f64; 2]| a * c + b - d,
                    parallelism: Parallelism::Threads(8),
                };
                let mut to = vec![f64::NAN; len];
                map.run(&mut to);
                for (place, &to) in to.iter().enumerate() {
                    let column = place % columns;
                    let expected = first[place] * tables[0][column] + second[place] - tables[1][column];
                    assert_eq!(to, expected, "{rows}x{columns}, place {place}");
                }
            }
        }
    }
}
