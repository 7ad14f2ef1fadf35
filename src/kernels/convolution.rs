//! The three products of a convolution, as products of matrices of patches.
//!
//! With p over the positions of the window in all images, and the weight of a group as a matrix of
//! (taps · channels) × outputs in panels:
//!
//! ```text
//! y = act(P·W + b)      dP = dy·Wᵀ      dW = Pᵀ·dy      P: the patches of x; dx: dP added up where it came from
//! ```
//!
//! P is made a block of positions at a time. A block goes through the dense products while it is in the cache, so they
//! are as fast as for a dense layer, and sums have the same order: an output is one chain of multiply-adds over the
//! taps. Threads share out positions (forward), images (dx), or taps (dW); blocks begin at the same positions whatever
//! the number of threads, so bits are the same.

use std::ops::Range;

use super::grid::Grid;
use super::patches::Patches;
use super::runs::{Indices, Split, split_with_scratch};
use super::{
    DenseForward, DenseInputGradient, DenseSize, DenseWeightGradient, Element, Finish, Geometry, Panels,
    Parallelism,
};

/// The bytes of a block of patches: with what else a product reads, they stay in the cache (L2).
const BLOCK_BYTES: usize = 128 * 1024;

/// The least positions of a block, so that a weight larger than the cache is not read for a few of them.
const LEAST_POSITIONS: usize = 64;

/// The most threads that one convolution uses: each needs scratch of its own, and that is there before their number is
/// known.
const MOST_PIECES: usize = 16;

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvolutionSize {
    pub(crate) batch: usize,
    pub(crate) geometry: Geometry,
    pub(crate) outputs: usize,
    pub(crate) groups: usize,
}

impl ConvolutionSize {
    /// Multiply-adds of one of the products.
    pub(crate) fn multiply_adds(self) -> usize {
        self.positions() * self.patch() * self.outputs
    }

    /// The elements of all groups' panels.
    fn weight_len<T: Element>(self) -> usize {
        self.groups * self.panels::<T>().len()
    }

    fn taps(self) -> usize {
        self.geometry.rows.kernel * self.geometry.columns.kernel
    }

    fn group_inputs(self) -> usize {
        self.geometry.channels / self.groups
    }

    fn group_outputs(self) -> usize {
        self.outputs / self.groups
    }

    /// The elements of a group's patch.
    fn patch(self) -> usize {
        self.taps() * self.group_inputs()
    }

    fn positions(self) -> usize {
        self.batch * self.geometry.positions()
    }

    /// How the weight of a group lies.
    fn panels<T: Element>(self) -> Panels {
        Panels::new::<T>(self.patch(), self.group_outputs())
    }

    /// The positions of a block.
    fn block<T: Element>(self) -> usize {
        (BLOCK_BYTES / size_of::<T>() / self.patch()).max(LEAST_POSITIONS).min(self.positions())
    }

    /// A group's product for so many positions, with some of its taps.
    fn product(self, positions: usize, taps: usize) -> DenseSize {
        DenseSize { batch: positions, inputs: taps * self.group_inputs(), outputs: self.group_outputs() }
    }

    fn patches(self, group: usize, taps: Range<usize>) -> Patches {
        let channels = group * self.group_inputs()..(group + 1) * self.group_inputs();
        Patches { geometry: self.geometry, channels, taps }
    }

    /// Elements for a block of patches, and for a block of a group's outputs where they do not lie side by side.
    fn block_len<T: Element>(self) -> usize {
        let outputs = if self.groups > 1 { self.group_outputs() } else { 0 };
        self.block::<T>() * (self.patch() + outputs)
    }

    /// In how many pieces to do work of this many units.
    fn pieces(self, parallelism: Parallelism, units: usize) -> usize {
        parallelism.pieces(self.multiply_adds()).min(MOST_PIECES).min(units).max(1)
    }
}

/// y (positions × outputs) from x.
pub(crate) struct ConvolutionForward<'a, T> {
    pub(crate) size: ConvolutionSize,
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) finish: Finish<'a, T>,
    pub(crate) parallelism: Parallelism,
}

impl<T: Element> ConvolutionForward<'_, T> {
    /// Elements of scratch that [`ConvolutionForward::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize) -> usize {
        let blocks = size.positions().div_ceil(size.block::<T>().max(1));
        blocks.min(MOST_PIECES) * size.block_len::<T>()
    }

    pub(crate) fn run(self, y: &mut [T], scratch: &mut [T]) {
        let Self { size, x, weight, .. } = self;
        let image = size.geometry.image_len();
        assert_eq!((x.len(), y.len()), (size.batch * image, size.positions() * size.outputs), "other images");
        assert_eq!(weight.len(), size.weight_len::<T>(), "a weight of another size");
        let scratch = &mut scratch[..Self::scratch(size)];
        let pieces = size.pieces(self.parallelism, scratch.len() / size.block_len::<T>().max(1));
        let whole = Rows { first: 0, len: size.outputs, values: y };
        split_with_scratch(whole, 8, pieces, scratch, &|rows: Rows<'_, T>, scratch| self.rows(rows, scratch));
    }

    /// The outputs of some positions.
    fn rows(&self, rows: Rows<'_, T>, scratch: &mut [T]) {
        let size = self.size;
        let (panels, outputs) = (size.panels::<T>().len(), size.group_outputs());
        let (patches_of_block, own_outputs) = scratch.split_at_mut(size.block::<T>() * size.patch());
        let mut first = rows.first;
        for y in rows.values.chunks_mut(size.block::<T>() * size.outputs) {
            let positions = first..first + y.len() / size.outputs;
            first = positions.end;
            for group in 0..size.groups {
                let patches = size.patches(group, 0..size.taps());
                let x = &mut patches_of_block[..positions.len() * patches.len()];
                patches.gather(self.x, positions.clone(), x);
                let columns = group * outputs..(group + 1) * outputs;
                let product = DenseForward {
                    size: size.product(positions.len(), size.taps()),
                    x,
                    weight: &self.weight[group * panels..][..panels],
                    bias: self.bias.map(|bias| &bias[columns.clone()]),
                    finish: self.finish,
                    parallelism: Parallelism::Threads(1),
                };
                if size.groups == 1 {
                    product.run(y);
                } else {
                    let own = &mut own_outputs[..positions.len() * outputs];
                    product.run(own);
                    for (y, own) in y.chunks_exact_mut(size.outputs).zip(own.chunks_exact(outputs)) {
                        y[columns.clone()].copy_from_slice(own);
                    }
                }
            }
        }
    }
}

/// Rows of a matrix, with the place of the first.
struct Rows<'a, T> {
    first: usize,
    /// The elements of a row.
    len: usize,
    values: &'a mut [T],
}

impl<T: Send> Split for Rows<'_, T> {
    fn len(&self) -> usize {
        self.values.len() / self.len
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let Self { first, len, values } = self;
        let (left, right) = values.split_at_mut(middle * len);
        (Self { first, len, values: left }, Self { first: first + middle, len, values: right })
    }
}

/// dx from dy.
pub(crate) struct ConvolutionInputGradient<'a, T> {
    pub(crate) size: ConvolutionSize,
    pub(crate) dy: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) parallelism: Parallelism,
}

impl<T: Element> ConvolutionInputGradient<'_, T> {
    /// Elements of scratch that [`ConvolutionInputGradient::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize) -> usize {
        size.batch.min(MOST_PIECES) * Self::piece(size)
    }

    /// Elements of scratch of a thread: a block of patches, of a group's outputs, and for the product.
    fn piece(size: ConvolutionSize) -> usize {
        let block = size.product(size.block::<T>(), size.taps());
        size.block_len::<T>() + DenseInputGradient::<T>::scratch(block)
    }

    pub(crate) fn run(self, dx: &mut [T], scratch: &mut [T]) {
        let Self { size, dy, weight, .. } = self;
        let image = size.geometry.image_len();
        assert_eq!(
            (dx.len(), dy.len()),
            (size.batch * image, size.positions() * size.outputs),
            "other images"
        );
        assert_eq!(weight.len(), size.weight_len::<T>(), "a weight of another size");
        let scratch = &mut scratch[..Self::scratch(size)];
        let pieces = size.pieces(self.parallelism, size.batch);
        // Whole images, so many that a block is full.
        let images = (size.block::<T>() / size.geometry.positions()).max(1);
        let whole = Rows { first: 0, len: image, values: dx };
        split_with_scratch(whole, images, pieces, scratch, &|rows: Rows<'_, T>, scratch| {
            let mut first = rows.first;
            for dx in rows.values.chunks_mut(images * image) {
                self.images(first, dx, scratch);
                first += images;
            }
        });
    }

    /// The gradient of a few images, of which the first is that of the number.
    fn images(&self, first: usize, dx: &mut [T], scratch: &mut [T]) {
        let size = self.size;
        let (panels, outputs) = (size.panels::<T>().len(), size.group_outputs());
        let (patches_of_block, scratch) = scratch.split_at_mut(size.block::<T>() * size.patch());
        let (own_outputs, scratch) =
            scratch.split_at_mut(size.block_len::<T>() - size.block::<T>() * size.patch());
        let of_image = size.geometry.positions();
        let all = dx.len() / size.geometry.image_len() * of_image;
        dx.fill(T::zero());
        for start in (0..all).step_by(size.block::<T>()) {
            let positions = start..all.min(start + size.block::<T>());
            let dy = &self.dy[(first * of_image + start) * size.outputs..][..positions.len() * size.outputs];
            for group in 0..size.groups {
                let product = DenseInputGradient {
                    size: size.product(positions.len(), size.taps()),
                    dy: columns_of(dy, size, group, own_outputs),
                    weight: &self.weight[group * panels..][..panels],
                    parallelism: Parallelism::Threads(1),
                };
                let patches = size.patches(group, 0..size.taps());
                let dx_of_block = &mut patches_of_block[..positions.len() * patches.len()];
                product.run(dx_of_block, scratch);
                patches.scatter(dx_of_block, positions.clone(), dx);
            }
        }
        debug_assert_eq!(outputs * size.groups, size.outputs);
    }
}

/// A group's columns of some rows of outputs, copied together where there are several groups.
fn columns_of<'a, T: Element>(
    rows: &'a [T],
    size: ConvolutionSize,
    group: usize,
    own: &'a mut [T],
) -> &'a [T] {
    if size.groups == 1 {
        return rows;
    }
    let outputs = size.group_outputs();
    let own = &mut own[..rows.len() / size.groups];
    for (own, row) in own.chunks_exact_mut(outputs).zip(rows.chunks_exact(size.outputs)) {
        own.copy_from_slice(&row[group * outputs..][..outputs]);
    }
    own
}

/// dW from x and dy, whole.
pub(crate) struct ConvolutionWeightGradient<'a, T> {
    pub(crate) size: ConvolutionSize,
    pub(crate) x: &'a [T],
    pub(crate) dy: &'a [T],
    pub(crate) parallelism: Parallelism,
}

impl<T: Element> ConvolutionWeightGradient<'_, T> {
    /// Elements of scratch that [`ConvolutionWeightGradient::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize) -> usize {
        size.weight_len::<T>() + Self::most_pieces(size) * Self::piece(size)
    }

    fn most_pieces(size: ConvolutionSize) -> usize {
        (size.groups * size.taps()).min(MOST_PIECES)
    }

    /// Elements of scratch of a thread: a block of patches, of a group's outputs, and for the product.
    fn piece(size: ConvolutionSize) -> usize {
        let block = size.product(size.block::<T>(), size.taps());
        size.block_len::<T>() + DenseWeightGradient::<T>::scratch(block)
    }

    /// The gradient in the order of the weight, at the beginning of `scratch`.
    pub(crate) fn run(self, scratch: &mut [T]) -> &[T] {
        let Self { size, x, dy, .. } = self;
        let image = size.geometry.image_len();
        assert_eq!(
            (x.len(), dy.len()),
            (size.batch * image, size.positions() * size.outputs),
            "other images"
        );
        let (gradient, scratch) = scratch[..Self::scratch(size)].split_at_mut(size.weight_len::<T>());
        let panels = size.panels::<T>();
        let units = size.groups * size.taps();
        let pieces = size.pieces(self.parallelism, units);
        let grid = Grid::new(gradient, size.groups * panels.count(), panels.panel_len());
        split_with_scratch(Indices(0..units), 1, pieces, scratch, &|units: Indices, scratch| {
            let (mut unit, end) = (units.0.start, units.0.end);
            while unit < end {
                let (group, tap) = (unit / size.taps(), unit % size.taps());
                let taps = tap..size.taps().min(tap + end - unit);
                unit += taps.len();
                self.taps(grid, group, taps, scratch);
            }
        });
        gradient
    }

    /// The rows of the gradient that belong to some taps of a group.
    #[expect(unsafe_code, reason = "threads share the panels")]
    fn taps(&self, gradient: Grid<'_, T>, group: usize, taps: Range<usize>, scratch: &mut [T]) {
        let size = self.size;
        let (patches_of_block, scratch) = scratch.split_at_mut(size.block::<T>() * size.patch());
        let (own_outputs, scratch) =
            scratch.split_at_mut(size.block_len::<T>() - size.block::<T>() * size.patch());
        let panels = size.panels::<T>();
        let row = |tap: usize| tap * size.group_inputs() * T::PANEL_COLUMNS;
        let (patches, rows) = (size.patches(group, taps.clone()), row(taps.start)..row(taps.end));
        for start in (0..size.positions()).step_by(size.block::<T>()) {
            let positions = start..size.positions().min(start + size.block::<T>());
            let x = &mut patches_of_block[..positions.len() * patches.len()];
            patches.gather(self.x, positions.clone(), x);
            let dy = &self.dy[start * size.outputs..][..positions.len() * size.outputs];
            let product = DenseWeightGradient::new(
                size.product(positions.len(), taps.len()),
                x,
                columns_of(dy, size, group, own_outputs),
                scratch,
                Parallelism::Threads(1),
            );
            let beta = if start == 0 { T::zero() } else { T::one() };
            for panel in 0..panels.count() {
                let run = panel * rows.len()..(panel + 1) * rows.len();
                // SAFETY: `run` gives each thread groups and taps of its own, so no other piece has these rows of
                // this group's panels, and this one ends before the next begins.
                let out = unsafe { gradient.piece(group * panels.count() + panel, rows.clone()) };
                product.write(run, T::one(), beta, out);
            }
        }
    }
}
