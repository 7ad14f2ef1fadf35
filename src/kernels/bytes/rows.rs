//! Samples in bytes as a product reads them: rows of cells, each of four numbers, in scratch.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "scratch of f32 holds whole numbers")]

use super::panels::{BytePanels, COLUMNS, ROWS};
use super::simd::ByteSimd;

/// What is known of a row.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Sample {
    /// NaN where one of its numbers is not finite, so that all outputs become NaN.
    pub(super) scale: f32,
    /// The byte of 0.
    pub(super) zero: i32,
}

/// The bytes of a cache line.
pub(super) const LINE_BYTES: usize = 64;

/// A cache line of cells.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line([u8; LINE_BYTES]);

#[cfg(test)]
impl Line {
    pub(super) fn of(byte: u8) -> Self {
        Self([byte; LINE_BYTES])
    }
}

/// The elements of f32 that a line takes, and a sample.
const LINE: usize = size_of::<Line>() / size_of::<f32>();
const SAMPLE: usize = size_of::<Sample>() / size_of::<f32>();

/// What lies in scratch.
pub(super) struct Room<'a> {
    pub(super) samples: &'a mut [Sample],
    pub(super) lines: &'a mut [Line],
    /// The sums between blocks of steps, in the order panel, row, column.
    pub(super) sums: &'a mut [Line],
}

/// The steps of a block: those of a panel take 64 KiB.
pub(super) const BLOCK_STEPS: usize = 512;

/// The lines that the sums of a row and a panel take.
pub(super) const SUMS: usize = COLUMNS * size_of::<i32>() / size_of::<Line>();

/// The lines of all sums between blocks. A single row goes through all steps at once.
fn lines_of_sums(rows: usize, panels: BytePanels) -> usize {
    if rows > 1 && panels.steps() > BLOCK_STEPS { rows * panels.count() * SUMS } else { 0 }
}

/// How rows of so many numbers lie.
///
/// The numbers of a row are written into its last lines that are used, as bytes, a line of them at a time; where a cell takes
/// more, [`RowLayout::spread`] makes cells of them, from the first line on.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowLayout {
    /// The lines that the bytes of a row take.
    byte_lines: usize,
    /// The lines that a line of bytes becomes.
    lines_of_line: usize,
}

impl RowLayout {
    pub(super) fn new<S: ByteSimd>(numbers: usize) -> Self {
        let lines_of_line = size_of::<S::Cell>() / ROWS;
        Self { byte_lines: numbers.div_ceil(LINE_BYTES), lines_of_line }
    }

    /// That of bytes which are not multiplied as they lie.
    pub(super) fn of_bytes(numbers: usize) -> Self {
        Self { byte_lines: numbers.div_ceil(LINE_BYTES), lines_of_line: 1 }
    }

    /// The lines from a row to the next: an odd number, so that cells below one another do not compete for the same lines of the
    /// cache.
    pub(super) fn lines(self) -> usize {
        (self.byte_lines * self.lines_of_line) | 1
    }

    /// Elements of scratch for so many rows and what their product needs.
    pub(super) fn scratch(self, rows: usize, panels: BytePanels) -> usize {
        let lines = rows * self.lines() + lines_of_sums(rows, panels);
        // And what may be lost where scratch does not begin at a line.
        if rows == 0 { 0 } else { rows * SAMPLE + lines * LINE + LINE }
    }

    /// Scratch as samples, their lines and the sums between blocks.
    pub(super) fn split(self, rows: usize, panels: BytePanels, scratch: &mut [f32]) -> Room<'_> {
        let (samples, lines) = scratch.split_at_mut(rows * SAMPLE);
        // SAFETY: a sample is two numbers of 32 bits, and any bits are a number.
        let (_, samples, _) = unsafe { samples.align_to_mut::<Sample>() };
        // SAFETY: a line is 64 bytes, and any bits are a byte.
        let (_, lines, _) = unsafe { lines.align_to_mut::<Line>() };
        let (lines, rest) = lines.split_at_mut(rows * self.lines());
        Room { samples, lines, sums: &mut rest[..lines_of_sums(rows, panels)] }
    }

    /// The line from which on the bytes of a row are written, of which [`RowLayout::spread`] makes cells.
    fn first_line(self) -> usize {
        self.byte_lines * (self.lines_of_line - 1)
    }

    /// The same as a byte of the row.
    pub(super) fn first_byte(self) -> usize {
        self.first_line() * LINE_BYTES
    }

    /// The bytes of a row.
    #[inline(always)]
    pub(super) fn bytes(self, row: &mut [Line]) -> &mut [u8] {
        bytes_mut(self.byte_lines(row))
    }

    /// The lines of the bytes of a row.
    pub(super) fn byte_lines(self, row: &mut [Line]) -> &mut [Line] {
        &mut row[self.first_line()..][..self.byte_lines]
    }

    /// Makes cells of the bytes of a row.
    #[inline(always)]
    pub(super) fn spread<S: ByteSimd>(self, row: &mut [Line]) {
        if self.lines_of_line == 1 {
            return;
        }
        let first = self.first_line();
        for line in 0..self.byte_lines {
            // What is written lies before what is still to be read.
            let bytes = row[first + line].0;
            let cells = &mut row[line * self.lines_of_line..][..self.lines_of_line];
            let cells = cells_mut::<S>(cells);
            for (cell, bytes) in cells.iter_mut().zip(bytes.as_chunks().0) {
                *cell = S::cell(*bytes);
            }
        }
    }
}

/// Lines as bytes.
#[inline(always)]
pub(super) fn bytes(lines: &[Line]) -> &[u8] {
    // SAFETY: a line is its bytes.
    unsafe { lines.align_to::<u8>().1 }
}

/// As [`bytes`].
#[inline(always)]
pub(super) fn bytes_mut(lines: &mut [Line]) -> &mut [u8] {
    // SAFETY: a line is its bytes.
    unsafe { lines.align_to_mut::<u8>().1 }
}

/// Lines as cells.
#[inline(always)]
pub(super) fn cells<S: ByteSimd>(lines: &[Line]) -> &[S::Cell] {
    const { assert!(size_of::<Line>().is_multiple_of(size_of::<S::Cell>()), "cells in whole lines") };
    // SAFETY: a cell is four whole numbers, which may have any bits; so many of them take the memory of the lines.
    unsafe { lines.align_to::<S::Cell>().1 }
}

/// As [`cells`].
#[inline(always)]
fn cells_mut<S: ByteSimd>(lines: &mut [Line]) -> &mut [S::Cell] {
    const { assert!(size_of::<Line>().is_multiple_of(size_of::<S::Cell>()), "cells in whole lines") };
    // SAFETY: as for `cells`.
    unsafe { lines.align_to_mut::<S::Cell>().1 }
}

/// Lines as vectors of sums.
#[inline(always)]
pub(super) fn chunks_mut<S: ByteSimd>(lines: &mut [Line]) -> &mut [S::Chunk] {
    const { assert!(size_of::<Line>().is_multiple_of(size_of::<S::Chunk>()), "sums in whole lines") };
    // SAFETY: a chunk is whole numbers, which may have any bits; so many of them take the memory of the lines.
    unsafe { lines.align_to_mut::<S::Chunk>().1 }
}
