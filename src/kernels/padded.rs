//! Rows of images with the zeros around them, as windows see them.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::Kernel;
use super::direct::Windows;
use super::{Element, Geometry, Simd};

/// Rows of an image side by side, from its padding on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Padded {
    geometry: Geometry,
    /// The channels of a group.
    channels: usize,
}

impl Padded {
    pub(super) fn new(geometry: Geometry, channels: usize) -> Self {
        Self { geometry, channels }
    }

    /// The pixels of a row: those that the windows of a row of outputs see.
    fn width(self) -> usize {
        let columns = self.geometry.columns;
        (columns.outputs - 1) * columns.stride + (columns.kernel - 1) * columns.dilation + 1
    }

    /// The elements of a row.
    pub(super) fn row_len(self) -> usize {
        self.width() * self.channels
    }

    /// The rows that so many rows of outputs see.
    pub(super) fn rows(self, lines: usize) -> usize {
        let rows = self.geometry.rows;
        (lines - 1) * rows.stride + (rows.kernel - 1) * rows.dilation + 1
    }

    /// Where the windows lie in such rows.
    pub(super) fn windows(self) -> Windows {
        let Geometry { rows, columns, .. } = self.geometry;
        Windows {
            places: columns.outputs,
            step: columns.stride * self.channels,
            line_stride: rows.stride * self.row_len(),
            rows: rows.kernel,
            row: columns.kernel * self.channels,
            row_stride: rows.dilation * self.row_len(),
        }
    }

    /// Writes what the windows of some rows of outputs of an image see, of the channels from a first one on.
    pub(super) fn fill<T: Element>(self, image: &[T], lines: Range<usize>, first: usize, rows: &mut [T]) {
        assert_eq!(rows.len(), self.rows(lines.len()) * self.row_len(), "rows of another length");
        super::run(Fill { padded: self, image, line: lines.start, first, rows });
    }
}

struct Fill<'a, T> {
    padded: Padded,
    image: &'a [T],
    line: usize,
    first: usize,
    rows: &'a mut [T],
}

impl<T: Element> Kernel<T> for Fill<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let Self { padded, image, line, first, rows: to } = self;
        let Geometry { rows, columns, channels: all } = padded.geometry;
        let start = columns.before.min(padded.width()) * padded.channels;
        let inside = columns.inputs.min(padded.width().saturating_sub(columns.before)) * padded.channels;
        for (number, to) in to.chunks_exact_mut(padded.row_len()).enumerate() {
            let (before, rest) = to.split_at_mut(start);
            let (pixels, after) = rest.split_at_mut(inside);
            let row = (line * rows.stride + number).checked_sub(rows.before).filter(|&row| row < rows.inputs);
            let Some(row) = row else {
                to.fill(T::zero());
                continue;
            };
            before.fill(T::zero());
            after.fill(T::zero());
            let from = &image[row * columns.inputs * all..][..columns.inputs * all];
            if padded.channels == all {
                copy(simd, &from[..inside], pixels);
            } else {
                let from = from.chunks_exact(all);
                for (to, from) in pixels.chunks_exact_mut(padded.channels).zip(from) {
                    to.copy_from_slice(&from[first..first + padded.channels]);
                }
            }
        }
    }
}

#[inline(always)]
fn copy<T: Element, S: Simd<T>>(simd: S, from: &[T], to: &mut [T]) {
    let ((from, from_rest), (to, to_rest)) = (S::split(from), S::split_mut(to));
    for (from, to) in from.iter().zip(to) {
        simd.store(simd.load(from), to);
    }
    to_rest.copy_from_slice(from_rest);
}
