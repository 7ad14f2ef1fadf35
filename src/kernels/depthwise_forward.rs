//! The forward product of a convolution of each channel by itself.
//!
//! ```text
//! y[r, c, k] = act(Σ x[r·s + i·d − p, c·s + j·d − p, k] · W[i, j, k] + b[k])     over i and j
//! ```
//!
//! A tile is some places side by side and vectors of channels. Each sum is one chain of multiply-adds over the taps in their order.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::{Backend, Kernel};
use super::convolution_size::{ConvolutionSize, Rows};
use super::depthwise::{Lanes, VECTORS, load, store};
use super::runs::split_work;
use super::{Element, Finish, Geometry, Parallelism, Simd};

/// Places of the window in a tile of outputs.
const PLACES: usize = 6;

/// y from x.
pub(crate) struct DepthwiseForward<'a, T> {
    pub(super) size: ConvolutionSize,
    pub(super) x: &'a [T],
    pub(super) weight: &'a [T],
    pub(super) bias: Option<&'a [T]>,
    pub(super) finish: Finish<'a, T>,
    pub(super) parallelism: Parallelism,
}

impl<T: Element> DepthwiseForward<'_, T> {
    pub(super) fn run_on(self, backend: Backend, y: &mut [T]) {
        let size = self.size;
        let line = size.geometry.columns.outputs * size.outputs;
        let lines = Rows { first: 0, len: line, values: y };
        // One takes as long as some of a product: each has a number of its own to load.
        let pieces = self.parallelism.small_pieces(size.multiply_adds().saturating_mul(4));
        split_work(lines, 1, pieces, &|lines: Rows<'_, T>| backend.run(Lines { product: &self, lines }));
    }
}

/// Some rows of outputs.
struct Lines<'a, T> {
    product: &'a DepthwiseForward<'a, T>,
    lines: Rows<'a, T>,
}

/// A row of outputs, and the rows of the window that it has inside of the image.
struct LinePlace {
    image: usize,
    row: usize,
    row_taps: Range<usize>,
}

/// A tile's first place in a row of outputs, and the taps of each row that it has there.
struct Place<'a> {
    line: &'a LinePlace,
    column: usize,
    taps: Range<usize>,
}

impl<T: Element> Kernel<T> for Lines<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let product = self.product;
        let Geometry { rows, columns, channels } = product.size.geometry;
        let panels = 0..product.size.panels::<T>().count();
        let inside = columns.outputs_inside(0..columns.kernel);
        for (number, y) in self.lines.values.chunks_exact_mut(self.lines.len).enumerate() {
            let line = self.lines.first + number;
            let (image, row) = (line / rows.outputs, line % rows.outputs);
            let place = LinePlace { image, row, row_taps: rows.taps(row) };
            // The usual windows, whose places share most of their pixels.
            let is_dense = columns.stride == 1 && columns.dilation == 1 && columns.outputs >= PLACES;
            for lanes in Lanes::of::<T, S>(panels.clone(), channels) {
                match columns.kernel {
                    3 if is_dense => {
                        product.dense_line::<S, 3>(simd, &lanes, &place, y);
                        continue;
                    }
                    5 if is_dense => {
                        product.dense_line::<S, 5>(simd, &lanes, &place, y);
                        continue;
                    }
                    _ => {}
                }
                let mut column = 0;
                while column < columns.outputs {
                    let is_tile = inside.contains(&column) && column + PLACES <= inside.end;
                    let taps = if is_tile { 0..columns.kernel } else { columns.taps(column) };
                    let place = Place { line: &place, column, taps };
                    column += match (is_tile, lanes.are_whole::<T, S>()) {
                        (true, true) => product.tile::<S, PLACES, true>(simd, &lanes, &place, y),
                        (true, false) => product.tile::<S, PLACES, false>(simd, &lanes, &place, y),
                        (false, true) => product.tile::<S, 1, true>(simd, &lanes, &place, y),
                        (false, false) => product.tile::<S, 1, false>(simd, &lanes, &place, y),
                    };
                }
            }
            if let Finish::Function(function) = product.finish {
                function(y);
            }
        }
    }
}

impl<T: Element> DepthwiseForward<'_, T> {
    /// The outputs of some places side by side; how many they are.
    #[inline(always)]
    fn tile<S: Simd<T>, const COLUMNS: usize, const WHOLE: bool>(
        &self,
        simd: S,
        lanes: &Lanes,
        place: &Place<'_>,
        y: &mut [T],
    ) -> usize {
        let size = self.size;
        let Geometry { rows, columns, channels } = size.geometry;
        let Place { line: LinePlace { image, row, row_taps }, column, taps: column_taps } = place;
        let width = lanes.channels.len();
        let weight = &self.weight[lanes.panel * size.panels::<T>().panel_len()..];
        let step = columns.stride * channels;
        let mut sums = [[simd.splat(T::zero()); VECTORS]; COLUMNS];
        for row_tap in row_taps.clone() {
            let pixels = (image * rows.inputs + rows.input(*row, row_tap)) * columns.inputs;
            for column_tap in column_taps.clone() {
                let tap = row_tap * columns.kernel + column_tap;
                let weight = &weight[tap * T::PANEL_COLUMNS + lanes.vector * S::LANES..];
                let weight: [_; VECTORS] = load::<T, S, _, true>(simd, &weight[..VECTORS * S::LANES]);
                let first = (pixels + columns.input(*column, column_tap)) * channels + lanes.channels.start;
                let x = &self.x[first..][..(COLUMNS - 1) * step + width];
                for (number, sums) in sums.iter_mut().enumerate() {
                    let x: [_; VECTORS] = load::<T, S, _, WHOLE>(simd, &x[number * step..][..width]);
                    for vector in 0..VECTORS {
                        sums[vector] = simd.mul_add(x[vector], weight[vector], sums[vector]);
                    }
                }
            }
        }
        self.finish::<S, COLUMNS, VECTORS, WHOLE>(simd, lanes, *column, sums, y);
        COLUMNS
    }

    /// A row of outputs of a window that has so many columns side by side and moves by one.
    #[inline(always)]
    fn dense_line<S: Simd<T>, const TAPS: usize>(
        &self,
        simd: S,
        lanes: &Lanes,
        place: &LinePlace,
        y: &mut [T],
    ) {
        let width = lanes.channels.len();
        if width == VECTORS * S::LANES {
            self.dense_vectors::<S, TAPS, VECTORS, true>(simd, lanes, place, y);
        } else if width > S::LANES {
            self.dense_vectors::<S, TAPS, VECTORS, false>(simd, lanes, place, y);
        } else if width == S::LANES {
            self.dense_vectors::<S, TAPS, 1, true>(simd, lanes, place, y);
        } else {
            self.dense_vectors::<S, TAPS, 1, false>(simd, lanes, place, y);
        }
    }

    #[inline(always)]
    fn dense_vectors<S: Simd<T>, const TAPS: usize, const COUNT: usize, const WHOLE: bool>(
        &self,
        simd: S,
        lanes: &Lanes,
        place: &LinePlace,
        y: &mut [T],
    ) {
        let size = self.size;
        let Geometry { rows, columns, channels } = size.geometry;
        let width = lanes.channels.len();
        let weight = &self.weight[lanes.panel * size.panels::<T>().panel_len() + lanes.vector * S::LANES..];
        let mut next = 0;
        while next < columns.outputs {
            // The last tile reaches back to places that are done.
            let column = next.min(columns.outputs - PLACES);
            next = column + PLACES;
            let mut sums = [[simd.splat(T::zero()); COUNT]; PLACES];
            for row_tap in place.row_taps.clone() {
                let first = (place.image * rows.inputs + rows.input(place.row, row_tap)) * columns.inputs;
                let x = &self.x[first * channels..][..columns.inputs * channels];
                let mut weights = [[simd.splat(T::zero()); COUNT]; TAPS];
                for (tap, weights) in weights.iter_mut().enumerate() {
                    let from = (row_tap * TAPS + tap) * T::PANEL_COLUMNS;
                    *weights = load::<T, S, COUNT, true>(simd, &weight[from..][..COUNT * S::LANES]);
                }
                // Each pixel is loaded once, for all places that see it: the later the place, the earlier a tap it is.
                for number in 0..PLACES + TAPS - 1 {
                    let pixel = (column + number).wrapping_sub(columns.before);
                    if pixel >= columns.inputs {
                        continue;
                    }
                    let x = &x[pixel * channels + lanes.channels.start..][..width];
                    let x = load::<T, S, COUNT, WHOLE>(simd, x);
                    for (tap, weights) in weights.iter().enumerate() {
                        if let Some(sums) = number.checked_sub(tap).and_then(|place| sums.get_mut(place)) {
                            *sums = core::array::from_fn(|vector| {
                                simd.mul_add(x[vector], weights[vector], sums[vector])
                            });
                        }
                    }
                }
            }
            self.finish::<S, PLACES, COUNT, WHOLE>(simd, lanes, column, sums, y);
        }
    }

    /// Writes the outputs of places side by side.
    #[inline(always)]
    fn finish<S: Simd<T>, const COLUMNS: usize, const COUNT: usize, const WHOLE: bool>(
        &self,
        simd: S,
        lanes: &Lanes,
        column: usize,
        sums: [[S::Vector; COUNT]; COLUMNS],
        y: &mut [T],
    ) {
        let (channels, width) = (self.size.geometry.channels, lanes.channels.len());
        let bias = self.bias.map(|bias| load::<T, S, COUNT, WHOLE>(simd, &bias[lanes.channels.clone()]));
        for (number, mut sums) in sums.into_iter().enumerate() {
            if let Some(bias) = bias {
                sums = core::array::from_fn(|vector| simd.add(sums[vector], bias[vector]));
            }
            if matches!(self.finish, Finish::Relu) {
                sums = sums.map(|sum| simd.relu(sum));
            }
            let start = (column + number) * channels + lanes.channels.start;
            store::<T, S, _, WHOLE>(simd, sums, &mut y[start..start + width]);
        }
    }
}
