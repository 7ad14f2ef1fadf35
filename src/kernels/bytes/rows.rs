//! Samples in bytes as a product reads them: rows of cells, each of four numbers, in scratch.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "scratch of f32 holds whole numbers")]

use super::panels::ROWS;
use super::simd::ByteSimd;

/// What is known of a row.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Sample {
    /// NaN where one of its numbers is not finite, so that all outputs become NaN.
    pub(super) scale: f32,
    pub(super) zero: i32,
    /// The sum of its bytes.
    pub(super) sum: i32,
}

/// A cache line of cells.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line([u8; 64]);

/// The elements of f32 that a line takes.
const LINE: usize = size_of::<Line>() / size_of::<f32>();

/// How rows of so many numbers lie, each of which takes so many bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowLayout {
    numbers: usize,
    bytes_of_number: usize,
}

impl RowLayout {
    pub(super) fn new(numbers: usize, bytes_of_number: usize) -> Self {
        Self { numbers, bytes_of_number }
    }

    /// The cells of a row that are used.
    pub(super) fn cells(self) -> usize {
        self.numbers.div_ceil(ROWS)
    }

    /// The lines from a row to the next: an odd number, so that cells below one another do not compete for the same lines of the
    /// cache.
    pub(super) fn lines(self) -> usize {
        (self.cells() * ROWS * self.bytes_of_number).div_ceil(size_of::<Line>()) | 1
    }

    /// Elements of scratch for so many rows.
    pub(super) fn scratch(self, rows: usize) -> usize {
        if rows == 0 {
            return 0;
        }
        // And what may be lost where scratch does not begin at a line.
        rows * (size_of::<Sample>() / size_of::<f32>() + self.lines() * LINE) + LINE
    }

    /// Scratch as samples and their lines.
    pub(super) fn split(self, rows: usize, scratch: &mut [f32]) -> (&mut [Sample], &mut [Line]) {
        let (samples, lines) = scratch.split_at_mut(rows * size_of::<Sample>() / size_of::<f32>());
        // SAFETY: a sample is three numbers of 32 bits, and any bits are a number.
        let (_, samples, _) = unsafe { samples.align_to_mut::<Sample>() };
        // SAFETY: a line is 64 bytes, and any bits are a byte.
        let (_, lines, _) = unsafe { lines.align_to_mut::<Line>() };
        (samples, &mut lines[..rows * self.lines()])
    }
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
pub(super) fn cells_mut<S: ByteSimd>(lines: &mut [Line]) -> &mut [S::Cell] {
    const { assert!(size_of::<Line>().is_multiple_of(size_of::<S::Cell>()), "cells in whole lines") };
    // SAFETY: as for `cells`.
    unsafe { lines.align_to_mut::<S::Cell>().1 }
}

/// Writes numbers, four for each cell, and returns their sum.
#[inline(always)]
pub(super) fn place<S: ByteSimd>(numbers: &[i8], cells: &mut [S::Cell]) -> i32 {
    let mut sum = 0;
    for (numbers, cell) in numbers.as_chunks().0.iter().zip(cells) {
        *cell = S::cell(*numbers);
        sum += numbers.iter().map(|&number| i32::from(number)).sum::<i32>();
    }
    sum
}
