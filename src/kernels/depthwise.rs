//! Convolutions of each channel by itself, whose groups have one input and one output: y and dW.
//!
//! ```text
//! y[r, c, k]  = act(Σ x[r·s + i·d − p, c·s + j·d − p, k] · W[i, j, k] + b[k])     over i and j
//! dW[i, j, k] = Σ x[r·s + i·d − p, c·s + j·d − p, k] · dy[r, c, k]                over the batch, r and c
//! ```
//!
//! Channels lie side by side, so a vector of them is multiplied with one of the weight and no patch is made. W is one matrix of
//! taps × channels in panels. Each sum is one chain of multiply-adds, over the taps or over the positions in their order.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use std::ops::Range;

use super::backend::{Backend, Kernel};
use super::convolution_size::{ConvolutionSize, Rows};
use super::runs::split_work;
use super::{Element, Finish, Geometry, Parallelism, Simd};

/// Vectors of channels side by side; a panel has a multiple of so many.
pub(super) const VECTORS: usize = 2;

/// Places of the window in a tile of outputs.
const PLACES: usize = 6;

/// Taps of a row of the window in a tile of a weight's gradient.
const TAPS: usize = 3;

/// Some channels: whole vectors, or what is left of them.
#[derive(Clone)]
pub(super) struct Lanes {
    /// The panel, and the first vector of its rows.
    pub(super) panel: usize,
    pub(super) vector: usize,
    pub(super) channels: Range<usize>,
}

impl Lanes {
    /// All channels of some panels.
    #[inline(always)]
    pub(super) fn of<T: Element, S: Simd<T>>(
        panels: Range<usize>,
        channels: usize,
    ) -> impl Iterator<Item = Self> {
        let of_panel = S::PER_PANEL.div_ceil(VECTORS);
        (panels.start * of_panel..panels.end * of_panel).filter_map(move |index| {
            let (panel, vector) = (index / of_panel, index % of_panel * VECTORS);
            let start = panel * T::PANEL_COLUMNS + vector * S::LANES;
            let end = channels.min(start + VECTORS * S::LANES);
            (start < end).then_some(Self { panel, vector, channels: start..end })
        })
    }

    #[inline(always)]
    pub(super) fn are_whole<T: Element, S: Simd<T>>(&self) -> bool {
        self.channels.len() == VECTORS * S::LANES
    }
}

/// The vectors of some numbers, fewer than they hold where they are not `WHOLE`.
#[inline(always)]
pub(super) fn load<T: Element, S: Simd<T>, const WHOLE: bool>(simd: S, from: &[T]) -> [S::Vector; VECTORS] {
    let mut vectors = [simd.splat(T::zero()); VECTORS];
    for (index, vector) in vectors.iter_mut().enumerate() {
        let start = index * S::LANES;
        if WHOLE {
            *vector = simd.load(&S::split(&from[start..start + S::LANES]).0[0]);
        } else if start < from.len() {
            *vector = simd.load_part(&from[start..from.len().min(start + S::LANES)]);
        }
    }
    vectors
}

#[inline(always)]
pub(super) fn store<T: Element, S: Simd<T>, const WHOLE: bool>(
    simd: S,
    vectors: [S::Vector; VECTORS],
    to: &mut [T],
) {
    for (index, vector) in vectors.into_iter().enumerate() {
        let start = index * S::LANES;
        if WHOLE {
            simd.store(vector, &mut S::split_mut(&mut to[start..start + S::LANES]).0[0]);
        } else if start < to.len() {
            let end = to.len().min(start + S::LANES);
            simd.store_part(vector, &mut to[start..end]);
        }
    }
}

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
        let pieces = size.pieces(self.parallelism, lines.values.len() / line);
        split_work(lines, 1, pieces, &|lines: Rows<'_, T>| backend.run(Lines { product: &self, lines }));
    }
}

/// Some rows of outputs.
struct Lines<'a, T> {
    product: &'a DepthwiseForward<'a, T>,
    lines: Rows<'a, T>,
}

/// A tile's first place in a row of outputs, and the taps that it has there.
struct Place {
    line: usize,
    column: usize,
    taps: [Range<usize>; 2],
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
            let row_taps = rows.taps(line % rows.outputs);
            for lanes in Lanes::of::<T, S>(panels.clone(), channels) {
                let mut column = 0;
                while column < columns.outputs {
                    let is_tile = inside.contains(&column) && column + PLACES <= inside.end;
                    let taps = if is_tile { 0..columns.kernel } else { columns.taps(column) };
                    let place = Place { line, column, taps: [row_taps.clone(), taps] };
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
        place: &Place,
        y: &mut [T],
    ) -> usize {
        let size = self.size;
        let Geometry { rows, columns, channels } = size.geometry;
        let Place { line, column, taps: [row_taps, column_taps] } = place;
        let (image, row) = (line / rows.outputs, line % rows.outputs);
        let width = lanes.channels.len();
        let weight = &self.weight[lanes.panel * size.panels::<T>().panel_len()..];
        let step = columns.stride * channels;
        let mut sums = [[simd.splat(T::zero()); VECTORS]; COLUMNS];
        for row_tap in row_taps.clone() {
            let pixels = (image * rows.inputs + rows.input(row, row_tap)) * columns.inputs;
            for column_tap in column_taps.clone() {
                let tap = row_tap * columns.kernel + column_tap;
                let weight = &weight[tap * T::PANEL_COLUMNS + lanes.vector * S::LANES..];
                let weight = load::<T, S, true>(simd, &weight[..VECTORS * S::LANES]);
                let first = (pixels + columns.input(*column, column_tap)) * channels + lanes.channels.start;
                let x = &self.x[first..][..(COLUMNS - 1) * step + width];
                for (number, sums) in sums.iter_mut().enumerate() {
                    let x = load::<T, S, WHOLE>(simd, &x[number * step..][..width]);
                    for vector in 0..VECTORS {
                        sums[vector] = simd.mul_add(x[vector], weight[vector], sums[vector]);
                    }
                }
            }
        }
        let bias = self.bias.map(|bias| load::<T, S, WHOLE>(simd, &bias[lanes.channels.clone()]));
        for (number, mut sums) in sums.into_iter().enumerate() {
            if let Some(bias) = bias {
                sums = std::array::from_fn(|vector| simd.add(sums[vector], bias[vector]));
            }
            if matches!(self.finish, Finish::Relu) {
                sums = sums.map(|sum| simd.relu(sum));
            }
            let start = (column + number) * channels + lanes.channels.start;
            store::<T, S, WHOLE>(simd, sums, &mut y[start..start + width]);
        }
        COLUMNS
    }
}

/// dW from x and dy.
pub(crate) struct DepthwiseWeightGradient<'a, T> {
    pub(super) size: ConvolutionSize,
    pub(super) x: &'a [T],
    pub(super) dy: &'a [T],
    pub(super) parallelism: Parallelism,
}

impl<T: Element> DepthwiseWeightGradient<'_, T> {
    /// The gradient in panels; their padding is zero.
    pub(super) fn run_on(self, backend: Backend, gradient: &mut [T]) {
        let size = self.size;
        gradient.fill(T::zero());
        // A row of the window in a panel.
        let rows = Rows { first: 0, len: size.geometry.columns.kernel * T::PANEL_COLUMNS, values: gradient };
        let pieces = size.pieces(self.parallelism, rows.values.len() / rows.len);
        split_work(rows, 1, pieces, &|rows: Rows<'_, T>| backend.run(WindowRows { product: &self, rows }));
    }
}

/// Some rows of the window, each in a panel.
struct WindowRows<'a, T> {
    product: &'a DepthwiseWeightGradient<'a, T>,
    rows: Rows<'a, T>,
}

impl<T: Element> Kernel<T> for WindowRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let product = self.product;
        let Geometry { rows, columns, channels } = product.size.geometry;
        for (number, gradient) in self.rows.values.chunks_exact_mut(self.rows.len).enumerate() {
            let (panel, row_tap) =
                ((self.rows.first + number) / rows.kernel, (self.rows.first + number) % rows.kernel);
            let outputs = rows.outputs_inside(row_tap..row_tap + 1);
            for lanes in Lanes::of::<T, S>(panel..panel + 1, channels) {
                let mut tap = 0;
                while tap < columns.kernel {
                    let count = if tap + TAPS <= columns.kernel { TAPS } else { 1 };
                    for image in 0..product.size.batch {
                        for row in outputs.clone() {
                            let pixels = (image * rows.inputs + rows.input(row, row_tap)) * columns.inputs;
                            let line = (image * rows.outputs + row) * columns.outputs;
                            let places = [pixels, line];
                            match (count == TAPS, lanes.are_whole::<T, S>()) {
                                (true, true) => {
                                    product.line::<S, TAPS, true>(simd, &lanes, places, tap, gradient);
                                }
                                (true, false) => {
                                    product.line::<S, TAPS, false>(simd, &lanes, places, tap, gradient);
                                }
                                (false, true) => {
                                    product.line::<S, 1, true>(simd, &lanes, places, tap, gradient);
                                }
                                (false, false) => {
                                    product.line::<S, 1, false>(simd, &lanes, places, tap, gradient);
                                }
                            }
                        }
                    }
                    tap += count;
                }
            }
        }
    }
}

impl<T: Element> DepthwiseWeightGradient<'_, T> {
    /// Adds a row of outputs onto the gradients of some taps side by side.
    #[inline(always)]
    fn line<S: Simd<T>, const COUNT: usize, const WHOLE: bool>(
        &self,
        simd: S,
        lanes: &Lanes,
        [pixels, line]: [usize; 2],
        tap: usize,
        gradient: &mut [T],
    ) {
        let Geometry { columns, channels, .. } = self.size.geometry;
        let channels_of = |pixel: usize| pixel * channels + lanes.channels.start;
        let width = lanes.channels.len();
        let place = |number: usize| (tap + number) * T::PANEL_COLUMNS + lanes.vector * S::LANES;
        let mut sums = [[simd.splat(T::zero()); VECTORS]; COUNT];
        for (number, sums) in sums.iter_mut().enumerate() {
            *sums = load::<T, S, true>(simd, &gradient[place(number)..][..VECTORS * S::LANES]);
        }
        // Where all taps are inside, they share a load of dy; the sides are gone through tap by tap.
        let inside = columns.outputs_inside(tap..tap + COUNT);
        let own = |number: usize| columns.outputs_inside(tap + number..tap + number + 1);
        let x = |number: usize, column: usize| {
            &self.x[channels_of(pixels + columns.input(column, tap + number))..][..width]
        };
        let dy = |column: usize| load::<T, S, WHOLE>(simd, &self.dy[channels_of(line + column)..][..width]);
        for (number, sums) in sums.iter_mut().enumerate() {
            let Range { start, end } = own(number);
            for column in start..inside.start.clamp(start, end) {
                *sums = add_products::<T, S, WHOLE>(simd, dy(column), x(number, column), *sums);
            }
        }
        for column in inside.clone() {
            let dy = dy(column);
            for (number, sums) in sums.iter_mut().enumerate() {
                *sums = add_products::<T, S, WHOLE>(simd, dy, x(number, column), *sums);
            }
        }
        for (number, sums) in sums.iter_mut().enumerate() {
            let Range { start, end } = own(number);
            for column in inside.end.clamp(inside.start.clamp(start, end), end)..end {
                *sums = add_products::<T, S, WHOLE>(simd, dy(column), x(number, column), *sums);
            }
        }
        for (number, sums) in sums.into_iter().enumerate() {
            store::<T, S, true>(simd, sums, &mut gradient[place(number)..][..VECTORS * S::LANES]);
        }
    }
}

#[inline(always)]
pub(super) fn add_products<T: Element, S: Simd<T>, const WHOLE: bool>(
    simd: S,
    factors: [S::Vector; VECTORS],
    x: &[T],
    sums: [S::Vector; VECTORS],
) -> [S::Vector; VECTORS] {
    let x = load::<T, S, WHOLE>(simd, x);
    std::array::from_fn(|vector| simd.mul_add(x[vector], factors[vector], sums[vector]))
}
