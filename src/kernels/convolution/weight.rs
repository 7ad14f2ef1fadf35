//! The weight gradient, dW = Pᵀ·dy.

use std::ops::Range;

use crate::kernels::convolution_size::{ConvolutionSize, MOST_PIECES, columns_of};
use crate::kernels::depthwise::DepthwiseWeightGradient;
use crate::kernels::grid::Grid;
use crate::kernels::patches::Patches;
use crate::kernels::runs::{Indices, split_with_scratch};
use crate::kernels::{DenseSize, DenseWeightGradient, Parallelism, Products};

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
        size.weight_len::<T>() + Self::most_pieces(size) * Self::piece(size)
    }

    fn most_pieces(size: ConvolutionSize) -> usize {
        units(size).div_ceil(granule(size)).min(MOST_PIECES)
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
                self.rows(grid, group, own, scratch);
            }
        });
        gradient
    }

    /// The rows of the gradient that belong to some units of a group.
    #[expect(unsafe_code, reason = "threads share the panels")]
    fn rows(&self, gradient: Grid<'_, T>, group: usize, own: Range<usize>, scratch: &mut [T]) {
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
        for start in (0..size.positions()).step_by(size.block::<T>()) {
            let positions = start..size.positions().min(start + size.block::<T>());
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
            let beta = if start == 0 { T::zero() } else { T::one() };
            for panel in 0..panels.count() {
                let run = panel * rows.len()..(panel + 1) * rows.len();
                // SAFETY: `run` gives each thread units of its own, so no other piece has these rows of
                // this group's panels, and this one ends before the next begins.
                let out = unsafe { gradient.piece(group * panels.count() + panel, rows.clone()) };
                product.write(run, T::one(), beta, out);
            }
        }
    }
}

/// What threads share out: all groups' taps, or where there is one tap, their channels.
fn units(size: ConvolutionSize) -> usize {
    if size.taps() > 1 { size.groups * size.taps() } else { size.geometry.channels }
}

/// The least units of a piece: of single channels, enough to fill a tile.
fn granule(size: ConvolutionSize) -> usize {
    if size.taps() > 1 { 1 } else { 8 }
}
