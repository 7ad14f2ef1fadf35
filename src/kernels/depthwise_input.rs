//! The input gradient of a convolution of each channel by itself, where it is no such convolution of dy: the window has a stride.
//!
//! ```text
//! dx[r·s + i·d − p, c·s + j·d − p, k] += dy[r, c, k] · W[i, j, k]     over r, c, i and j
//! ```

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::{Backend, Kernel};
use super::convolution_size::{ConvolutionSize, Rows};
use super::depthwise::{Lanes, VECTORS, add_products, load, store};
use super::runs::split_work;
use super::{Element, Geometry, Parallelism, Simd};

/// dx from dy.
pub(crate) struct DepthwiseInputGradient<'a, T> {
    pub(super) size: ConvolutionSize,
    pub(super) dy: &'a [T],
    pub(super) weight: &'a [T],
    pub(super) parallelism: Parallelism,
}

impl<T: Element> DepthwiseInputGradient<'_, T> {
    pub(super) fn run_on(self, backend: Backend, dx: &mut [T]) {
        let size = self.size;
        let line = size.geometry.columns.inputs * size.geometry.channels;
        let lines = Rows { first: 0, len: line, values: dx };
        let pieces = size.pieces(self.parallelism, lines.values.len() / line);
        split_work(lines, 1, pieces, &|lines: Rows<'_, T>| backend.run(Lines { product: &self, lines }));
    }
}

/// Some rows of images.
struct Lines<'a, T> {
    product: &'a DepthwiseInputGradient<'a, T>,
    lines: Rows<'a, T>,
}

impl<T: Element> Kernel<T> for Lines<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let size = self.product.size;
        let rows = size.geometry.rows;
        let panels = 0..size.panels::<T>().count();
        for (number, dx) in self.lines.values.chunks_exact_mut(self.lines.len).enumerate() {
            let line = self.lines.first + number;
            let (image, row) = (line / rows.inputs, line % rows.inputs);
            dx.fill(T::zero());
            for row_tap in 0..rows.kernel {
                // The row of outputs that sees this one by the tap.
                let Some(reach) = (row + rows.before).checked_sub(row_tap * rows.dilation) else { continue };
                if reach % rows.stride != 0 || reach / rows.stride >= rows.outputs {
                    continue;
                }
                let dy_line = image * rows.outputs + reach / rows.stride;
                for lanes in Lanes::of::<T, S>(panels.clone(), size.geometry.channels) {
                    if lanes.are_whole::<T, S>() {
                        self.product.line::<S, true>(simd, &lanes, row_tap, dy_line, dx);
                    } else {
                        self.product.line::<S, false>(simd, &lanes, row_tap, dy_line, dx);
                    }
                }
            }
        }
    }
}

impl<T: Element> DepthwiseInputGradient<'_, T> {
    /// Adds what a row of outputs gives by a row of the window.
    #[inline(always)]
    fn line<S: Simd<T>, const WHOLE: bool>(
        &self,
        simd: S,
        lanes: &Lanes,
        row_tap: usize,
        dy_line: usize,
        dx: &mut [T],
    ) {
        let Geometry { columns, channels, .. } = self.size.geometry;
        let weight = &self.weight[lanes.panel * self.size.panels::<T>().panel_len()..];
        let width = lanes.channels.len();
        for column_tap in 0..columns.kernel {
            let tap = row_tap * columns.kernel + column_tap;
            let weight = &weight[tap * T::PANEL_COLUMNS + lanes.vector * S::LANES..];
            let weight = load::<T, S, _, true>(simd, &weight[..VECTORS * S::LANES]);
            for column in columns.outputs_inside(column_tap..column_tap + 1) {
                let from = (dy_line * columns.outputs + column) * channels + lanes.channels.start;
                let to = columns.input(column, column_tap) * channels + lanes.channels.start;
                let dx = &mut dx[to..to + width];
                let sums = load::<T, S, _, WHOLE>(simd, dx);
                let sums = add_products::<T, S, WHOLE>(simd, weight, &self.dy[from..from + width], sums);
                store::<T, S, _, WHOLE>(simd, sums, dx);
            }
        }
    }
}
