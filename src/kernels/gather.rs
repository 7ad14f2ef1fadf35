//! Rows of a large matrix brought together, from anywhere in it.
//!
//! Rows that lie anywhere take several times as long to wait for as to copy. Two things make the wait shorter:
//!
//! - rows are read side by side, a cache line of each in turn, so that the processor waits for all of them at once, and
//!   recognises each as a stream of its own that it can fetch ahead;
//! - with each line that is read, the same line of a row of the next batch is asked for, into the second level of the
//!   cache. In the first one it would be in the way.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::Kernel;
use super::buffer::CACHE_LINE;
use super::{Element, Parallelism, Run, Simd, split_work};

/// An element takes as long as 10 multiply-adds (bytes) to 25 (numbers), most of it waited for.
const WORK: usize = 20;

/// The rows that are read side by side. With 8, rows of 784 numbers take 7 % less, but rows of 1024 or 3072 a third more:
/// they and the places they go to compete for the same lines of the cache.
const SIDE_BY_SIDE: usize = 4;

/// Rows of a matrix of `columns` columns.
#[derive(Clone, Copy)]
pub(crate) struct Gather<'a, E> {
    pub(crate) matrix: &'a [E],
    pub(crate) columns: usize,
    pub(crate) rows: &'a [usize],
    /// Rows that will be asked for later.
    pub(crate) next: &'a [usize],
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
        let Self { columns, rows, next, .. } = self;
        assert_eq!(to.len(), rows.len() * columns, "room for each row");
        let pieces = self.parallelism.pieces(WORK * to.len());
        split_work(Run { start: 0, values: to }, SIDE_BY_SIDE * columns, pieces, &|run: Run<'_, T>| {
            let part = run.start / columns..(run.start + run.values.len()) / columns;
            let next = &next[part.start.min(next.len())..part.end.min(next.len())];
            let rows = Self { rows: &rows[part], next, ..self };
            super::run(Map::<E, T, _, LINE> { rows, to: run.values, function: &function });
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
    fn run<S: Simd<T>>(self, simd: S) {
        let Self { rows: Gather { matrix, columns, rows, next, .. }, to, function } = self;
        let row = |row: usize| &matrix[row * columns..][..columns];
        let (groups, rest) = rows.as_chunks::<SIDE_BY_SIDE>();
        // Where there is no next row, the one that is read now is asked for, which costs nothing.
        let next = |place: usize| row(next.get(place).copied().unwrap_or(rows[place]));
        let (to_groups, to_rest) = to.split_at_mut(groups.len() * SIDE_BY_SIDE * columns);
        for (group, (rows, to)) in
            groups.iter().zip(to_groups.chunks_exact_mut(SIDE_BY_SIDE * columns)).enumerate()
        {
            let next = std::array::from_fn(|i| next(group * SIDE_BY_SIDE + i));
            lines::<E, T, S, SIDE_BY_SIDE, LINE>(simd, rows.map(row), next, to, &function);
        }
        for (place, (&from, to)) in rest.iter().zip(to_rest.chunks_exact_mut(columns)).enumerate() {
            let next = next(groups.len() * SIDE_BY_SIDE + place);
            lines::<E, T, S, 1, LINE>(simd, [row(from)], [next], to, &function);
        }
    }
}

/// Rows side by side.
#[inline(always)]
fn lines<E: Copy, T: Element, S: Simd<T>, const ROWS: usize, const LINE: usize>(
    simd: S,
    from: [&[E]; ROWS],
    next: [&[E]; ROWS],
    to: &mut [T],
    function: impl Fn(E) -> T,
) {
    let ask = |row: &[E], line: usize| {
        for part in 0..const { LINE * size_of::<E>() / CACHE_LINE } {
            let column = line * LINE + part * CACHE_LINE / size_of::<E>();
            simd.prefetch_for_later(row.as_ptr().wrapping_add(column).cast());
        }
    };
    let mut rows = to.chunks_exact_mut(from[0].len());
    let mut to: [&mut [T]; ROWS] = std::array::from_fn(|_| rows.next().expect("room for each row"));
    let mut to_lines = to.each_mut().map(|row| row.as_chunks_mut::<LINE>().0);
    let from_lines = from.map(|row| row.as_chunks::<LINE>().0);
    let whole = from_lines[0].len();
    for line in 0..whole {
        next.iter().for_each(|row| ask(row, line));
        for (to, from) in to_lines.iter_mut().zip(from_lines) {
            to[line] = from[line].map(&function);
        }
    }
    if whole * LINE == from[0].len() {
        return;
    }
    next.iter().for_each(|row| ask(row, whole));
    for (to, from) in to.iter_mut().zip(from) {
        // Once more what lies before the end, rather than one element after another.
        if let (Some(to), Some(from)) = (to.last_chunk_mut::<LINE>(), from.last_chunk::<LINE>()) {
            *to = from.map(&function);
        } else {
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = function(from));
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
            for (wanted, next) in
                [(&[19, 0, 7, 7][..], &[1][..]), (&many, &many[3..]), (&[5], &[]), (&[], &[1])]
            {
                let expected = wanted.iter().flat_map(|row| &matrix[row * columns..][..columns]);
                let expected: Vec<f64> = expected.map(|&byte| f64::from(byte) * 0.5 - 1.0).collect();
                let mut to = vec![f64::NAN; wanted.len() * columns];
                let parallelism = Parallelism::Pool;
                let rows = Gather { matrix: &matrix, columns, rows: wanted, next, parallelism };
                // The largest is shared, where there are threads.
                together(2, || rows.rescale(0.5, -1.0, &mut to));
                assert_eq!(to, expected, "{columns} columns of {wanted:?}");
            }
        }
    }
}
