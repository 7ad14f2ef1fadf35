//! The weight gradient, dW = Pᵀ·dy.

use core::ops::Range;

use crate::kernels::column_sums::{from_wide, wide};
use crate::kernels::convolution_size::{ConvolutionSize, MOST_PIECES, columns_of};
use crate::kernels::depthwise::DepthwiseWeightGradient;
use crate::kernels::grid::Grid;
use crate::kernels::patches::Patches;
use crate::kernels::runs::{Indices, split_with_scratch};
use crate::kernels::{DenseSize, DenseWeightGradient, Element, Parallelism, Products, Run};

/// dW from x and dy, whole.
pub(crate) struct ConvolutionWeightGradient<'a, T> {
    pub(crate) size: ConvolutionSize,
    pub(crate) x: &'a [T],
    pub(crate) dy: &'a [T],
    pub(crate) parallelism: Parallelism,
}

impl<T: Products> ConvolutionWeightGradient<'_, T> {
    /// Elements of scratch that [`ConvolutionWeightGradient::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize) -> usize {
        if size.is_depthwise() {
            return size.weight_len::<T>();
        }
        let parts = parts::<T>(size).map_or(0, |parts| parts * size.weight_len::<T>());
        size.weight_len::<T>() + parts + Self::most_pieces(size) * Self::piece(size)
    }

    fn most_pieces(size: ConvolutionSize) -> usize {
        parts::<T>(size).unwrap_or_else(|| units(size).div_ceil(granule(size)).min(MOST_PIECES))
    }

    /// Elements of scratch of a thread: a block of patches, of a group's outputs, and for the product.
    fn piece(size: ConvolutionSize) -> usize {
        let block = size.product(size.block::<T>(), size.taps());
        size.block_len::<T>() + DenseWeightGradient::<T>::most_scratch(block)
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
        if size.is_depthwise() {
            let parallelism = self.parallelism;
            let product = DepthwiseWeightGradient { size, x, dy, parallelism };
            T::depthwise_weight_gradient(product, gradient);
            return gradient;
        }
        if let Some(parts) = parts::<T>(size) {
            let (each, scratch) = scratch.split_at_mut(parts * gradient.len());
            self.sum_of_parts(gradient, each, scratch);
            return gradient;
        }
        let panels = size.panels::<T>();
        let (units, granule) = (units(size), granule(size));
        let pieces = size.pieces(self.parallelism, Self::most_pieces(size));
        let grid = Grid::new(gradient, size.groups * panels.count(), panels.panel_len());
        split_with_scratch(Indices(0..units), granule, pieces, scratch, &|units: Indices, scratch| {
            let (mut unit, end) = (units.0.start, units.0.end);
            let of_group = if size.taps() > 1 { size.taps() } else { size.group_inputs() };
            while unit < end {
                let (group, first) = (unit / of_group, unit % of_group);
                let own = first..of_group.min(first + end - unit);
                unit += own.len();
                self.rows(grid, group, own, 0..size.positions(), scratch);
            }
        });
        gradient
    }

    /// Each part of the positions by itself, and then their sum.
    fn sum_of_parts(&self, gradient: &mut [T], each: &mut [T], scratch: &mut [T]) {
        /// A number that is moved takes as long as so many multiply-adds.
        const MOVE: u64 = 8;
        let (size, len) = (self.size, gradient.len());
        let (parts, panels, block) = (each.len() / len, size.panels::<T>(), size.block::<T>());
        let blocks = size.positions().div_ceil(block.max(1));
        let first = |part: usize| size.positions().min(blocks * part / parts * block);
        // To make patches takes longer than a few multiply-adds with them.
        let moved = size.positions() as u64 * (size.patch() + size.outputs) as u64;
        let pieces = self.parallelism.pieces(size.multiply_adds() + MOVE * moved).min(parts);
        split_with_scratch(Run { start: 0, values: &mut *each }, len, pieces, scratch, &|run, scratch| {
            for (part, values) in (run.start / len..).zip(run.values.chunks_exact_mut(len)) {
                let grid = Grid::new(values, panels.count(), panels.panel_len());
                self.rows(grid, 0, 0..size.taps(), first(part)..first(part + 1), scratch);
            }
        });
        for (place, sum) in gradient.iter_mut().enumerate() {
            *sum = from_wide(each[place..].iter().step_by(len).map(|&part| wide(part)).sum());
        }
    }

    /// The rows of the gradient that belong to some units of a group, from some positions.
    #[expect(unsafe_code, reason = "threads share the panels")]
    fn rows(
        &self,
        gradient: Grid<'_, T>,
        group: usize,
        own: Range<usize>,
        all: Range<usize>,
        scratch: &mut [T],
    ) {
        let size = self.size;
        let (patches_of_block, scratch) = scratch.split_at_mut(size.block::<T>() * size.patch());
        let (own_outputs, scratch) =
            scratch.split_at_mut(size.block_len::<T>() - size.block::<T>() * size.patch());
        let panels = size.panels::<T>();
        let (patches, rows_of_unit) = if size.taps() > 1 {
            (size.patches(group, own.clone()), size.group_inputs())
        } else {
            let first = group * size.group_inputs();
            (Patches { channels: first + own.start..first + own.end, ..size.patches(group, 0..1) }, 1)
        };
        let row = |unit: usize| unit * rows_of_unit * T::PANEL_COLUMNS;
        let rows = row(own.start)..row(own.end);
        for start in all.clone().step_by(size.block::<T>()) {
            let positions = start..all.end.min(start + size.block::<T>());
            let x = if size.is_pointwise() && patches.len() == size.geometry.channels {
                &self.x[positions.start * patches.len()..positions.end * patches.len()]
            } else {
                let x = &mut patches_of_block[..positions.len() * patches.len()];
                patches.gather(self.x, positions.clone(), x);
                x
            };
            let dy = &self.dy[start * size.outputs..][..positions.len() * size.outputs];
            let product = DenseWeightGradient::new(
                DenseSize { inputs: patches.len(), ..size.product(positions.len(), 1) },
                x,
                columns_of(dy, size, group, own_outputs),
                scratch,
                Parallelism::Threads(1),
            );
            let beta = if start == all.start { T::zero() } else { T::one() };
            for panel in 0..panels.count() {
                let run = panel * rows.len()..(panel + 1) * rows.len();
                // SAFETY: each thread has units of its own, or a gradient of its own, so no other piece has these rows
                // of this group's panels, and this one ends before the next begins.
                let out = unsafe { gradient.piece(group * panels.count() + panel, rows.clone()) };
                product.write(run, T::one(), beta, out);
            }
        }
    }
}

/// In how many parts of the positions the gradient is computed, where its own elements are too few to be shared out: a thread has to
/// make the patches for what it computes, and a window of few channels has hardly more of them than taps. It follows from
/// the size alone.
fn parts<T: Element>(size: ConvolutionSize) -> Option<usize> {
    /// The rows that a window of few channels has at most.
    const PATCH: usize = 192;
    /// The elements of a gradient at most, of which there is one for each part.
    const GRADIENT: usize = 32 * 1024;
    let is_small = size.patch() <= PATCH && size.weight_len::<T>() <= GRADIENT;
    let parts = size.positions().div_ceil(size.block::<T>().max(1)).min(MOST_PIECES);
    // One part too, so that no smaller batch wants more scratch than a larger one.
    (is_small && size.groups == 1 && size.taps() > 1).then_some(parts)
}

/// What threads share out: all groups' taps, or where there is one tap, their channels.
fn units(size: ConvolutionSize) -> usize {
    if size.taps() > 1 { size.groups * size.taps() } else { size.geometry.channels }
}

/// The least units of a piece: of single channels, enough to fill a tile.
fn granule(size: ConvolutionSize) -> usize {
    if size.taps() > 1 { 1 } else { 8 }
}
