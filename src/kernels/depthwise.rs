//! Convolutions of each channel by itself, whose groups have one input and one output: their vectors, and dW.
//!
//! ```text
//! dW[i, j, k] = Σ x[r·s + i·d − p, c·s + j·d − p, k] · dy[r, c, k]                over the batch, r and c
//! ```
//!
//! Channels lie side by side, so a vector of them is multiplied with one of the weight and no patch is made. W is one matrix of
//! taps × channels in panels. Each sum is one chain of multiply-adds, over the positions in their order.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::{Backend, Kernel};
use super::convolution_size::{ConvolutionSize, Rows};
use super::runs::split_work;
use super::{Element, Geometry, Parallelism, Simd};

/// Vectors of channels side by side; a panel has a multiple of so many.
pub(super) const VECTORS: usize = 2;

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
pub(super) fn load<T: Element, S: Simd<T>, const COUNT: usize, const WHOLE: bool>(
    simd: S,
    from: &[T],
) -> [S::Vector; COUNT] {
    let mut vectors = [simd.splat(T::zero()); COUNT];
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
pub(super) fn store<T: Element, S: Simd<T>, const COUNT: usize, const WHOLE: bool>(
    simd: S,
    vectors: [S::Vector; COUNT],
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
            *sums = load::<T, S, _, true>(simd, &gradient[place(number)..][..VECTORS * S::LANES]);
        }
        // Where all taps are inside, they share a load of dy; the sides are gone through tap by tap.
        let inside = columns.outputs_inside(tap..tap + COUNT);
        let own = |number: usize| columns.outputs_inside(tap + number..tap + number + 1);
        let x = |number: usize, column: usize| {
            &self.x[channels_of(pixels + columns.input(column, tap + number))..][..width]
        };
        let dy =
            |column: usize| load::<T, S, _, WHOLE>(simd, &self.dy[channels_of(line + column)..][..width]);
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
            store::<T, S, _, true>(simd, sums, &mut gradient[place(number)..][..VECTORS * S::LANES]);
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
    let x: [_; VECTORS] = load::<T, S, _, WHOLE>(simd, x);
    core::array::from_fn(|vector| simd.mul_add(x[vector], factors[vector], sums[vector]))
}
