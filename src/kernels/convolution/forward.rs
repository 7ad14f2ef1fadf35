//! The forward product, y = act(P·W + b).

use super::blocks::{Blocks, PoolSize};
use crate::kernels::convolution_size::{ConvolutionSize, DIRECT_PATCH, MOST_PIECES, Rows};
use crate::kernels::depthwise_forward::DepthwiseForward;
use crate::kernels::direct::{DirectForward, Windows};
use crate::kernels::patch_products::{Block, PatchProducts};
use crate::kernels::runs::split_with_scratch;
use crate::kernels::{DenseForward, Finish, Parallelism, Products};

/// y (positions × outputs) from x; or what a pool makes of it.
pub(crate) struct ConvolutionForward<'a, T> {
    pub(crate) size: ConvolutionSize,
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) finish: Finish<'a, T>,
    pub(crate) pool: Option<Pool<'a, T>>,
    pub(crate) parallelism: Parallelism,
}

/// What is made of rows of outputs while they are in the cache.
#[derive(Clone, Copy)]
pub(crate) struct Pool<'a, T> {
    pub(crate) size: PoolSize,
    /// Makes some of its rows of the rows of outputs that these are of.
    pub(crate) function: &'a (dyn Fn(&[T], &mut [T]) + Sync),
}

impl<T: Products> ConvolutionForward<'_, T> {
    /// Elements of scratch that [`ConvolutionForward::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize, pool: Option<PoolSize>) -> usize {
        if size.is_depthwise() {
            return 0;
        }
        if pool.is_none() && !size.is_direct() {
            return PatchProducts::<T>::scratch(size, |_| 0);
        }
        let blocks = Blocks::new::<T>(size, pool);
        (1..=MOST_PIECES.min(blocks.count))
            .map(|pieces| pieces * blocks.scratch::<T>(pieces))
            .max()
            .unwrap_or(0)
    }

    /// A depthwise convolution has no pool.
    pub(crate) fn run(self, y: &mut [T], scratch: &mut [T]) {
        let Self { size, x, weight, bias, finish, pool, parallelism } = self;
        let image = size.geometry.image_len();
        let len = pool.map_or(size.positions() * size.outputs, |Pool { size: pool, .. }| {
            size.batch * pool.rows * pool.row_len
        });
        assert_eq!((x.len(), y.len()), (size.batch * image, len), "other images");
        assert_eq!(weight.len(), size.weight_len::<T>(), "a weight of another size");
        if size.is_depthwise() {
            assert!(pool.is_none(), "a pool after a depthwise convolution");
            return T::depthwise_forward(DepthwiseForward { size, x, weight, bias, finish, parallelism }, y);
        }
        let pool_size = pool.map(|pool| pool.size);
        let scratch = &mut scratch[..Self::scratch(size, pool_size)];
        let pieces = parallelism.small_pieces(size.multiply_adds()).min(MOST_PIECES);
        if pool.is_none() && !size.is_direct() {
            let pieces = pieces.min(scratch.len() / size.block_len::<T>().max(1)).max(1);
            let whole = Rows { first: 0, len: size.outputs, values: y };
            split_with_scratch(whole, 8, pieces, scratch, &|rows: Rows<'_, T>, scratch| {
                self.rows(rows.first, rows.values, scratch);
            });
            return;
        }
        let blocks = Blocks::new::<T>(size, pool_size);
        let pieces = pieces.min(blocks.count).max(1);
        let whole = Rows { first: 0, len: blocks.row_len, values: y };
        split_with_scratch(whole, 1, pieces, scratch, &|rows: Rows<'_, T>, scratch| {
            self.blocks(blocks, blocks.rows_of_block(pieces), rows, scratch);
        });
    }

    /// Some rows of what comes of each image, a block at a time.
    fn blocks(&self, blocks: Blocks, rows_of_block: usize, rows: Rows<'_, T>, scratch: &mut [T]) {
        let size = self.size;
        let Rows { mut first, len, mut values } = rows;
        while !values.is_empty() {
            let (image, row) = (first / blocks.rows, first % blocks.rows);
            let count = rows_of_block.min(blocks.rows - row).min(values.len() / len);
            let (y, rest) = values.split_at_mut(count * len);
            (first, values) = (first + count, rest);
            let line = image * size.geometry.rows.outputs + row * blocks.lines;
            let Some(pool) = self.pool else {
                self.lines(line, y, scratch);
                continue;
            };
            let (outputs, scratch) = scratch.split_at_mut(count * blocks.lines * size.line_len());
            if size.is_direct() {
                self.lines(line, outputs, scratch);
            } else {
                self.rows(line * size.geometry.columns.outputs, outputs, scratch);
            }
            (pool.function)(outputs, y);
        }
    }

    /// Some rows of outputs of an image, whose windows are read where they lie.
    fn lines(&self, first: usize, y: &mut [T], scratch: &mut [T]) {
        let size = self.size;
        let (rows, image_len, padded) = (size.geometry.rows, size.geometry.image_len(), size.padded());
        let image = &self.x[first / rows.outputs * image_len..][..image_len];
        let mut line = first % rows.outputs;
        for y in y.chunks_mut(size.lines::<T>() * size.line_len()) {
            let lines = line..line + y.len() / size.line_len();
            line = lines.end;
            let x = &mut scratch[..padded.rows(lines.len()) * padded.row_len()];
            for group in 0..size.groups {
                padded.fill(image, lines.clone(), group * size.group_inputs(), x);
                self.direct(padded.windows(), x, group, y);
            }
            self.finish(y);
        }
    }

    /// The outputs of some positions.
    fn rows(&self, first: usize, y: &mut [T], scratch: &mut [T]) {
        let Self { size, x, parallelism, .. } = *self;
        let is_direct = size.is_pointwise() && size.patch() <= DIRECT_PATCH;
        let products = PatchProducts { size, x, parallelism };
        products.rows(first, y, scratch, &|block: Block<'_, T>, y: &mut [T], _: &mut [T]| {
            if is_direct {
                self.direct(Windows::of_rows(block.size.batch, size.patch()), block.patches, block.group, y);
                self.finish(y);
            } else {
                self.product(block, y);
            }
        });
    }

    /// A group's outputs from rows of images, without a function after them.
    fn direct(&self, windows: Windows, x: &[T], group: usize, y: &mut [T]) {
        let size = self.size;
        let columns = group * size.group_outputs()..(group + 1) * size.group_outputs();
        let product = DirectForward {
            windows,
            x,
            weight: self.panels(group),
            bias: self.bias.map(|bias| &bias[columns.clone()]),
            relu: matches!(self.finish, Finish::Relu),
            outputs: size.outputs,
            columns,
        };
        T::direct_forward(product, y);
    }

    /// A group's outputs from its patches.
    fn product(&self, block: Block<'_, T>, y: &mut [T]) {
        let product = DenseForward {
            size: block.size,
            x: block.patches,
            weight: self.panels(block.group),
            bias: self.bias.map(|bias| &bias[block.columns]),
            finish: self.finish,
            parallelism: Parallelism::Threads(1),
        };
        product.run(y);
    }

    /// The weight of a group.
    fn panels(&self, group: usize) -> &[T] {
        let len = self.size.panels::<T>().len();
        &self.weight[group * len..][..len]
    }

    fn finish(&self, y: &mut [T]) {
        if let Finish::Function(function) = self.finish {
            function(y);
        }
    }
}
