//! How [`DenseInputGradient`] deals out the samples, and dy packed for it.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::Kernel;
use super::{DenseInputGradient, DenseSize, Element, Simd};

/// How many samples of a batch go side by side.
///
/// For each input, a vector of samples takes a step for each output; a sample on its own takes one for each vector
/// of outputs, which is a third slower as it must load more, and some 8 steps to add up the lanes.
#[inline(always)]
pub(super) fn samples_across<T: Element, S: Simd<T>>(size: DenseSize) -> usize {
    let left = size.batch % S::LANES;
    let along = left * (size.outputs.div_ceil(S::LANES) * 4 / 3 + 8);
    if along < size.outputs + S::LANES { size.batch - left } else { size.batch }
}

/// The other samples, in tiles.
#[inline(always)]
pub(super) fn tiles_along<T: Element, S: Simd<T>>(size: DenseSize) -> impl Iterator<Item = Range<usize>> {
    let start = samples_across::<T, S>(size);
    let left = size.batch - start;
    let tiles = left.div_ceil(S::ROWS.min(8));
    let bound = move |tile: usize| start + left * tile / tiles;
    (0..tiles).map(move |tile| bound(tile)..bound(tile + 1))
}

/// Writes dy into scratch: first the samples that go side by side, transposed, in panels; then the tiles of the
/// others, one vector of each sample after another, padded to whole panels.
pub(super) struct Pack<'a, 'b, T> {
    pub(super) product: &'a DenseInputGradient<'a, T>,
    pub(super) scratch: &'b mut [T],
}

impl<'b, T: Element> Kernel<T> for Pack<'_, 'b, T> {
    type Output = (&'b [T], &'b [T]);

    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) -> Self::Output {
        let DenseSize { batch, outputs, .. } = self.product.size;
        let count = samples_across::<T, S>(self.product.size);
        let dy_across = &self.product.dy[..count * outputs];
        let across_len = count.next_multiple_of(T::PANEL_COLUMNS) * outputs;
        let row = outputs.next_multiple_of(T::PANEL_COLUMNS);
        let (across, along) = self.scratch.split_at_mut(across_len);
        let along = &mut along[..(batch - count) * row];
        let panels = across.chunks_exact_mut((T::PANEL_COLUMNS * outputs).max(1));
        for (samples, panel) in dy_across.chunks((T::PANEL_COLUMNS * outputs).max(1)).zip(panels) {
            for (j, lanes) in panel.chunks_exact_mut(T::PANEL_COLUMNS).enumerate() {
                let (used, padding) = lanes.split_at_mut(samples.len() / outputs);
                for (sample, lane) in used.iter_mut().enumerate() {
                    *lane = samples[sample * outputs + j];
                }
                padding.fill(T::zero());
            }
        }
        for samples in tiles_along::<T, S>(self.product.size) {
            let tile = &mut along[(samples.start - count) * row..(samples.end - count) * row];
            for (start, chunks) in
                (0..).step_by(S::LANES).zip(tile.chunks_exact_mut(samples.len() * S::LANES))
            {
                for (sample, lanes) in samples.clone().zip(chunks.chunks_exact_mut(S::LANES)) {
                    let dy = &self.product.dy[sample * outputs..]
                        [start.min(outputs)..outputs.min(start + S::LANES)];
                    let (used, padding) = lanes.split_at_mut(dy.len());
                    used.copy_from_slice(dy);
                    padding.fill(T::zero());
                }
            }
        }
        (across, along)
    }
}
