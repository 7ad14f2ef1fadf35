//! The way back through a convolution as a forward pass of its own.

use super::ConvolutionInputGradient;
use crate::kernels::convolution_size::{ConvolutionSize, MOST_PIECES, Rows};
use crate::kernels::runs::split_with_scratch;
use crate::kernels::{Parallelism, Products};

/// y (images of the convolution) from x (what it makes of them): the input gradient, but image by image, so that the bits of a
/// sample do not depend on its batch.
pub(crate) struct ConvolutionTransposed<'a, T> {
    /// Of the convolution that this is the way back through.
    pub(crate) size: ConvolutionSize,
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) parallelism: Parallelism,
}

impl<T: Products> ConvolutionTransposed<'_, T> {
    /// Elements of scratch that [`ConvolutionTransposed::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize) -> usize {
        size.batch.min(MOST_PIECES) * Self::piece(size)
    }

    /// Elements of scratch of a thread.
    fn piece(size: ConvolutionSize) -> usize {
        ConvolutionInputGradient::<T>::scratch(ConvolutionSize { batch: 1, ..size })
    }

    pub(crate) fn run(self, y: &mut [T], scratch: &mut [T]) {
        let Self { size, x, weight, parallelism } = self;
        let (image, own) = (size.geometry.image_len(), size.geometry.positions() * size.outputs);
        assert_eq!((y.len(), x.len()), (size.batch * image, size.batch * own), "other images");
        let pieces = size.pieces(parallelism, size.batch);
        let whole = Rows { first: 0, len: image, values: y };
        let scratch = &mut scratch[..Self::scratch(size)];
        split_with_scratch(whole, 1, pieces, scratch, &|rows: Rows<'_, T>, scratch: &mut [T]| {
            let x = x[rows.first * own..].chunks_exact(own);
            for (y, x) in rows.values.chunks_exact_mut(image).zip(x) {
                let size = ConvolutionSize { batch: 1, ..size };
                ConvolutionInputGradient { size, dy: x, weight, parallelism }.run(y, scratch);
            }
        });
    }
}
