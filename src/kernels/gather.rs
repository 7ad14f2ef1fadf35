//! Rows of a large matrix brought together, from anywhere in it.
//!
//! They are read one after another: the processor recognises what is written as one stream, and fetches it ahead.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::Kernel;
use super::{Element, Parallelism, Run, Simd, split_work};

/// An element takes as long as some 20 multiply-adds.
const WORK: u64 = 20;

/// Rows of a matrix of `columns` columns.
#[derive(Clone, Copy)]
pub(crate) struct Gather<'a, E> {
    pub(crate) matrix: &'a [E],
    pub(crate) columns: usize,
    pub(crate) rows: &'a [usize],
    pub(crate) parallelism: Parallelism,
}

impl<T: Element> Gather<'_, T> {
    /// Copies the rows.
    pub(crate) fn copy(self, to: &mut [T]) {
        self.map::<T, 16>(to, |value| value);
    }
}

impl Gather<'_, u8> {
    /// Writes byte · scale + offset for each byte of the rows.
    pub(crate) fn rescale<T: Element>(self, scale: T, offset: T, to: &mut [T]) {
        self.map::<T, 64>(to, |byte| T::from_byte(byte) * scale + offset);
    }
}

impl<E: Copy + Sync> Gather<'_, E> {
    /// Writes `function` of each element, and of `LINE` elements at once: a cache line or two.
    fn map<T: Element, const LINE: usize>(self, to: &mut [T], function: impl Fn(E) -> T + Sync) {
        let Self { columns, rows, .. } = self;
        assert_eq!(to.len(), rows.len() * columns, "room for each row");
        let pieces = self.parallelism.pieces(WORK * to.len() as u64);
        split_work(Run { start: 0, values: to }, columns, pieces, &|run: Run<'_, T>| {
            let rows = &rows[run.start / columns..][..run.values.len() / columns];
            super::run(Map::<E, T, _, LINE> {
                rows: Self { rows, ..self },
                to: run.values,
                function: &function,
            });
        });
    }
}

struct Map<'a, E, T, F, const LINE: usize> {
    rows: Gather<'a, E>,
    to: &'a mut [T],
    function: F,
}

impl<E: Copy, T: Element, F: Fn(E) -> T, const LINE: usize> Kernel<T> for Map<'_, E, T, F, LINE> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) {
        let Self { rows: Gather { matrix, columns, rows, .. }, to, function } = self;
        for (row, to) in rows.iter().zip(to.chunks_exact_mut(columns)) {
            let from = &matrix[row * columns..][..columns];
            let (from_lines, from_left) = from.as_chunks::<LINE>();
            let (to_lines, _) = to.as_chunks_mut::<LINE>();
            for (to, from) in to_lines.iter_mut().zip(from_lines) {
                *to = from.map(&function);
            }
            if from_left.is_empty() {
                continue;
            }
            // Once more what lies before the end, rather than one element after another.
            if let (Some(to), Some(from)) = (to.last_chunk_mut::<LINE>(), from.last_chunk::<LINE>()) {
                *to = from.map(&function);
            } else {
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = function(from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::together;

    #[test]
    fn rows_come_in_the_order_asked_for() {
        for columns in [0, 1, 3, 15, 16, 17, 63, 64, 65, 130, 900] {
            let matrix: Vec<u8> = (0..20 * columns).map(|i| (i * 7 % 251) as u8).collect();
            let many: Vec<usize> = (0..37).map(|i| i * 11 % 19).collect();
            for wanted in [&[19, 0, 7, 7][..], &many, &[5], &[]] {
                let expected = wanted.iter().flat_map(|row| &matrix[row * columns..][..columns]);
                let expected: Vec<f64> = expected.map(|&byte| f64::from(byte) * 0.5 - 1.0).collect();
                let mut to = vec![f64::NAN; wanted.len() * columns];
                let parallelism = Parallelism::Pool;
                let rows = Gather { matrix: &matrix, columns, rows: wanted, parallelism };
                // The largest is shared, where there are threads.
                together(2, || rows.rescale(0.5, -1.0, &mut to));
                assert_eq!(to, expected, "{columns} columns of {wanted:?}");
            }
        }
    }
}
