//! Rows that will be gathered soon, fetched while something else is computed.
//!
//! A batch of a few dozen rows from anywhere in a data set takes several times as long to wait for as to copy. The processor
//! can be asked for them ahead, in two ways at two times:
//!
//! - for the *pages* of several rows at once, with one line of each. A page that a processor comes upon among other work has
//!   to be looked up while that work stands still; beside others of its kind it takes a third of that;
//! - for the *lines* a few at a time, all through the work that comes before. Many at once would fill up what a core keeps of
//!   lines that it waits for, and that work would wait with them.

use std::ops::Range;

use super::buffer::CACHE_LINE;
use super::fetch::fetch;

/// What the processor maps at a time, on most systems. Where pages are larger, some lines are asked for too early.
const PAGE: usize = 4096;

/// The rows whose pages are asked for together.
const TOGETHER: usize = 16;

/// The most bytes to ask for: an eighth to a quarter of the cache (L2) of a server's core. With 400 KB, what gathering gains the
/// step loses; with 1.6 MB an epoch takes 6 % longer.
const MOST_BYTES: usize = 256 * 1024;

/// Rows of a matrix, and where its memory is.
#[derive(Clone, Copy, Default)]
pub(crate) struct NextRows<'a> {
    address: usize,
    row_bytes: usize,
    rows: &'a [usize],
}

impl<'a> NextRows<'a> {
    /// These rows of a matrix of `columns` columns, or none where they are too large to ask for.
    pub(crate) fn new<E>(matrix: &'a [E], columns: usize, rows: &'a [usize]) -> Self {
        let row_bytes = columns * size_of::<E>();
        let rows = if rows.len() * row_bytes <= MOST_BYTES { rows } else { &[] };
        Self { address: matrix.as_ptr().addr(), row_bytes, rows }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.rows.is_empty()
    }

    /// Asks for the share of the lines that comes in a part of the work, and for pages where rows begin whose turn it is.
    pub(crate) fn ask(self, part: Range<usize>, work: usize) {
        for (row, lines) in self.lines(part, work) {
            if lines.start == 0 && row.is_multiple_of(TOGETHER) {
                fetch(self.pages(row..self.rows.len().min(row + TOGETHER)));
            }
            let start = self.start(row);
            fetch(lines.map(|line| start + line * CACHE_LINE));
        }
    }

    /// Places of rows, and the lines of each that come in a part of the work.
    fn lines(self, part: Range<usize>, work: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
        let lines_of_row = self.row_bytes.div_ceil(CACHE_LINE);
        let lines = self.rows.len() * lines_of_row;
        let (mut line, end) = (part.start * lines / work, part.end * lines / work);
        std::iter::from_fn(move || {
            if line == end {
                return None;
            }
            let (row, first) = (line / lines_of_row, line % lines_of_row);
            let count = (lines_of_row - first).min(end - line);
            line += count;
            Some((row, first..first + count))
        })
    }

    /// The address of a line of each page that some rows lie in.
    fn pages(self, rows: Range<usize>) -> impl Iterator<Item = usize> {
        rows.flat_map(move |row| {
            let start = self.start(row);
            let pages = start / PAGE..(start + self.row_bytes).div_ceil(PAGE);
            pages.map(move |page| start.max(page * PAGE))
        })
    }

    /// The address of a row.
    fn start(self, row: usize) -> usize {
        self.address + self.rows[row] * self.row_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_comes_once_whatever_the_parts() {
        let matrix = vec![0_u8; 50 * 784];
        for columns in [1, 63, 64, 65, 784] {
            for count in [0, 1, 7, 50] {
                let rows: Vec<usize> = (0..count).map(|i| i * 7 % 50).collect();
                let next = NextRows::new(&matrix, columns, &rows);
                for (part, work) in [(1, 1), (512, 512), (512, 10_000), (512, 100_352), (7, 100)] {
                    let starts = (0..work).step_by(part);
                    let parts = starts.flat_map(|start| next.lines(start..work.min(start + part), work));
                    let lines: Vec<_> = parts.flat_map(|(row, lines)| lines.map(move |l| (row, l))).collect();
                    let all = (0..count).flat_map(|row| (0..columns.div_ceil(64)).map(move |l| (row, l)));
                    assert_eq!(
                        lines,
                        all.collect::<Vec<_>>(),
                        "{columns} columns, {count} rows, {part}/{work}"
                    );
                }
            }
        }
    }

    #[test]
    fn each_page_of_a_row_is_asked_for_inside_of_the_row() {
        let matrix = vec![0_u16; 100 * 3000];
        for columns in [1, 2047, 2048, 3000] {
            let rows: Vec<usize> = (0..20).map(|i| i * 5).collect();
            let next = NextRows::new(&matrix, columns, &rows);
            for (place, row) in rows.iter().enumerate() {
                let bytes = matrix[row * columns..][..columns].as_ptr_range();
                let bytes = bytes.start.addr()..bytes.end.addr();
                let pages: Vec<usize> = next.pages(place..place + 1).collect();
                assert!(
                    pages.iter().all(|address| bytes.contains(address)),
                    "{columns}: {pages:?}, {bytes:?}"
                );
                let expected: Vec<usize> = (bytes.start / PAGE..=(bytes.end - 1) / PAGE).collect();
                assert_eq!(pages.iter().map(|address| address / PAGE).collect::<Vec<_>>(), expected);
            }
        }
    }

    #[test]
    fn more_than_the_cache_should_hold_is_not_asked_for() {
        let matrix = vec![0.0_f32; 4 * 32 * 1024];
        assert!(!NextRows::new(&matrix, 32 * 1024, &[0, 3]).is_empty());
        assert!(NextRows::new(&matrix, 32 * 1024, &[0, 3, 1]).is_empty());
        // Nor is there anything to ask for where nothing follows.
        NextRows::default().ask(0..10, 10);
        NextRows::new(&matrix, 0, &[1, 2]).ask(0..10, 10);
    }
}
