//! How a convolution goes through its patches: a block of positions at a time, on as many threads as there is scratch for.

use core::ops::Range;

use super::convolution_size::{ConvolutionSize, MOST_PIECES, Rows};
use super::runs::split_with_scratch;
use super::{DenseSize, Element, Parallelism};

/// A product of patches for each block of positions and each group.
pub(super) struct PatchProducts<'a, T> {
    pub(super) size: ConvolutionSize,
    pub(super) x: &'a [T],
    pub(super) parallelism: Parallelism,
}

/// What one of the products is given.
pub(super) struct Block<'a, T> {
    pub(super) size: DenseSize,
    pub(super) patches: &'a [T],
    pub(super) group: usize,
    /// The group's, among the outputs.
    pub(super) columns: Range<usize>,
}

impl<T: Element> PatchProducts<'_, T> {
    /// Elements of scratch, of which a product of some size gets as many as `of_product` says.
    pub(super) fn scratch(size: ConvolutionSize, of_product: impl Fn(DenseSize) -> usize) -> usize {
        let blocks = size.positions().div_ceil(size.block::<T>().max(1));
        blocks.min(MOST_PIECES) * Self::piece(size, of_product)
    }

    /// Elements of scratch of a thread: a block of patches, of a group's outputs, and for the product.
    fn piece(size: ConvolutionSize, of_product: impl Fn(DenseSize) -> usize) -> usize {
        size.block_len::<T>() + of_product(size.product(size.block::<T>(), size.taps()))
    }

    /// Calls `product` for all of them, with the outputs and its scratch.
    pub(super) fn run(
        self,
        of_product: impl Fn(DenseSize) -> usize,
        y: &mut [T],
        scratch: &mut [T],
        product: &(impl Fn(Block<'_, T>, &mut [T], &mut [T]) + Sync),
    ) {
        let Self { size, x, parallelism } = self;
        let image = size.geometry.image_len();
        assert_eq!((x.len(), y.len()), (size.batch * image, size.positions() * size.outputs), "other images");
        let scratch = &mut scratch[..Self::scratch(size, &of_product)];
        let pieces = size.pieces(parallelism, scratch.len() / Self::piece(size, of_product).max(1));
        let whole = Rows { first: 0, len: size.outputs, values: y };
        split_with_scratch(whole, 8, pieces, scratch, &|rows: Rows<'_, T>, scratch| {
            self.rows(rows.first, rows.values, scratch, product);
        });
    }

    /// The outputs of some positions.
    pub(super) fn rows(
        &self,
        mut first: usize,
        y: &mut [T],
        scratch: &mut [T],
        product: &impl Fn(Block<'_, T>, &mut [T], &mut [T]),
    ) {
        let (size, outputs) = (self.size, self.size.group_outputs());
        let (patches_of_block, scratch) = scratch.split_at_mut(size.block::<T>() * size.patch());
        let (own_outputs, scratch) =
            scratch.split_at_mut(size.block_len::<T>() - size.block::<T>() * size.patch());
        for y in y.chunks_mut(size.block::<T>() * size.outputs) {
            let positions = first..first + y.len() / size.outputs;
            first = positions.end;
            for group in 0..size.groups {
                let patches = size.patches(group, 0..size.taps());
                let x = if size.is_pointwise() {
                    &self.x[positions.start * patches.len()..positions.end * patches.len()]
                } else {
                    let x = &mut patches_of_block[..positions.len() * patches.len()];
                    patches.gather(self.x, positions.clone(), x);
                    x
                };
                let columns = group * outputs..(group + 1) * outputs;
                let size_of_block = size.product(positions.len(), size.taps());
                let block = Block { size: size_of_block, patches: x, group, columns: columns.clone() };
                if size.groups == 1 {
                    product(block, y, scratch);
                } else {
                    let own = &mut own_outputs[..positions.len() * outputs];
                    product(block, own, scratch);
                    for (y, own) in y.chunks_exact_mut(size.outputs).zip(own.chunks_exact(outputs)) {
                        y[columns.clone()].copy_from_slice(own);
                    }
                }
            }
        }
    }
}
