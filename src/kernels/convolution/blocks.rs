//! Rows of outputs, or of the pool after them, cut into blocks that stay in the cache.

use crate::kernels::Element;
use crate::kernels::convolution_size::ConvolutionSize;

/// The bytes of the outputs that a pool takes in at a time.
const POOLED_BYTES: usize = 128 * 1024;

/// The sizes of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSize {
    /// The rows of outputs that one of its rows is of.
    pub(crate) lines: usize,
    /// The rows that it makes of an image.
    pub(crate) rows: usize,
    /// The elements of such a row.
    pub(crate) row_len: usize,
}

/// The rows that come of images, rows of outputs or of a pool, and how they are cut into blocks.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    size: ConvolutionSize,
    is_pooled: bool,
    /// The rows of outputs that a row is of.
    pub(super) lines: usize,
    /// The rows of an image, the elements of each, and the rows of all images.
    pub(super) rows: usize,
    pub(super) row_len: usize,
    pub(super) count: usize,
    /// The rows of a block, at most.
    most: usize,
}

impl Blocks {
    pub(super) fn new<T: Element>(size: ConvolutionSize, pool: Option<PoolSize>) -> Self {
        let rows = size.geometry.rows.outputs;
        let (lines, rows, row_len, most) = match pool {
            None => (1, rows, size.line_len(), size.lines::<T>()),
            Some(PoolSize { lines, rows, row_len }) => {
                let fit = POOLED_BYTES / size_of::<T>() / (lines * size.line_len());
                (lines, rows, row_len, fit.clamp(1, rows))
            }
        };
        Self { size, is_pooled: pool.is_some(), lines, rows, row_len, count: size.batch * rows, most }
    }

    /// The rows of a block where there are so many pieces.
    pub(super) fn rows_of_block(self, pieces: usize) -> usize {
        self.most.min(self.count.div_ceil(pieces))
    }

    /// The elements of scratch of one of so many pieces.
    pub(super) fn scratch<T: Element>(self, pieces: usize) -> usize {
        let Self { size, lines, .. } = self;
        let lines = self.rows_of_block(pieces) * lines;
        let outputs = if self.is_pooled { lines * size.line_len() } else { 0 };
        if size.is_direct() {
            let padded = size.padded();
            outputs + padded.rows(lines.min(size.lines::<T>())) * padded.row_len()
        } else {
            outputs + size.block_len::<T>()
        }
    }
}
