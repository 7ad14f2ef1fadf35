//! Convolutions that read their windows where they lie: no patches, but rows of the image with their padding.
//!
//! ```text
//! y[l, p, o] = act(Σ x[l · line_stride + p · step + i · row_stride + e] · W[i · row + e, o] + b[o])     over i and e
//! ```
//!
//! where l counts rows of outputs, p the places side by side, i the rows of the window and e what lies side by side in one of them: all
//! channels of its taps. A tile is some places of a row of outputs × a few vectors of outputs; its sums stay in registers from the first
//! term to the activation. Each is one chain of multiply-adds over the window in its order, as a product of patches has it.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::{Backend, Kernel};
use super::tile::{Broadcast, Nothing, Target, Tile, Vectors, largest, tile_vectors};
use super::{Element, Panels, Simd};

/// Where the windows of rows of outputs lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    /// The places of a row of outputs, and the elements of x from one to the next.
    pub(super) places: usize,
    pub(super) step: usize,
    /// The elements of x from the windows of a row of outputs to those of the next.
    pub(super) line_stride: usize,
    /// The rows of a window, the elements of each, and those of x from one to the next.
    pub(super) rows: usize,
    pub(super) row: usize,
    pub(super) row_stride: usize,
}

impl Windows {
    /// Those of a matrix: each window is one of its rows.
    pub(super) fn of_rows(rows: usize, len: usize) -> Self {
        Self { places: rows, step: len, line_stride: 0, rows: 1, row: len, row_stride: 0 }
    }
}

/// Rows of outputs from x.
pub(crate) struct DirectForward<'a, T> {
    pub(super) windows: Windows,
    pub(super) x: &'a [T],
    /// Panels.
    pub(super) weight: &'a [T],
    pub(super) bias: Option<&'a [T]>,
    pub(super) relu: bool,
    /// The outputs of a place, and which of them these are.
    pub(super) outputs: usize,
    pub(super) columns: Range<usize>,
}

impl<T: Element> DirectForward<'_, T> {
    pub(super) fn run_on(self, backend: Backend, y: &mut [T]) {
        backend.run(Lines { product: &self, y });
    }
}

struct Lines<'a, T> {
    product: &'a DirectForward<'a, T>,
    y: &'a mut [T],
}

impl<T: Element> Kernel<T> for Lines<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let Self { product, y } = self;
        let DirectForward { windows, outputs, .. } = *product;
        let panels = Panels::new::<T>(windows.rows * windows.row, product.columns.len());
        let weight = S::split(product.weight).0;
        let tiles = windows.places.div_ceil(S::ROWS);
        let bound = |tile: usize| windows.places * tile / tiles;
        for (panel, weight) in weight.chunks_exact(panels.rows * S::PER_PANEL).enumerate() {
            let start = panel * T::PANEL_COLUMNS;
            let end = panels.columns.min(start + T::PANEL_COLUMNS);
            for (line, y) in y.chunks_exact_mut(windows.places * outputs).enumerate() {
                for tile in 0..tiles {
                    let places = bound(tile)..bound(tile + 1);
                    let x = &product.x[line * windows.line_stride + places.start * windows.step..];
                    let mut column = start;
                    while column < end {
                        let vectors =
                            tile_vectors::<T, S>(end - column, places.len()).min(largest::<T, S>().1);
                        let columns = column..end.min(column + vectors * S::LANES);
                        let tile = Tile {
                            depth: windows.row,
                            a: Broadcast {
                                values: x,
                                row_stride: windows.step,
                                stride: 1,
                                runs: windows.rows,
                                run_stride: windows.row_stride,
                            },
                            b: Vectors { chunks: &weight[(column - start) / S::LANES..], panel_stride: 0 },
                            fetch: Nothing,
                        };
                        let first = places.start * outputs + product.columns.start + column;
                        let target = Outputs {
                            y: &mut y[first..],
                            stride: outputs,
                            width: columns.len(),
                            bias: product.bias.map(|bias| &bias[columns.clone()]),
                            relu: product.relu,
                        };
                        tile.add(simd, places.len(), vectors, target);
                        column = columns.end;
                    }
                }
            }
        }
    }
}

/// Where the sums of a tile go.
struct Outputs<'a, T> {
    y: &'a mut [T],
    /// From a place to the next.
    stride: usize,
    /// How many of a place.
    width: usize,
    bias: Option<&'a [T]>,
    relu: bool,
}

impl<T: Element, S: Simd<T>> Target<T, S> for Outputs<'_, T> {
    #[inline(always)]
    fn start<const VECTORS: usize>(&self, simd: S, _row: usize, _vector: usize) -> S::Vector {
        simd.splat(T::zero())
    }

    #[inline(always)]
    fn end<const VECTORS: usize>(&mut self, simd: S, row: usize, vector: usize, mut sum: S::Vector) {
        let lanes = (vector * S::LANES).min(self.width)..((vector + 1) * S::LANES).min(self.width);
        let y = &mut self.y[row * self.stride..][..self.width][lanes.clone()];
        let is_whole = lanes.len() == S::LANES;
        if let Some(bias) = self.bias {
            let bias = &bias[lanes];
            let bias = if is_whole { simd.load(&S::split(bias).0[0]) } else { simd.load_part(bias) };
            sum = simd.add(sum, bias);
        }
        if self.relu {
            sum = simd.relu(sum);
        }
        if is_whole {
            simd.store(sum, &mut S::split_mut(y).0[0]);
        } else {
            simd.store_part(sum, y);
        }
    }
}
