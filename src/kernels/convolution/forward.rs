//! The forward product, y = act(P·W + b).

use crate::kernels::convolution_size::{ConvolutionSize, MOST_PIECES, Rows};
use crate::kernels::depthwise::DepthwiseForward;
use crate::kernels::runs::split_with_scratch;
use crate::kernels::{DenseForward, Finish, Parallelism, Products};

/// y (positions × outputs) from x.
pub(crate) struct ConvolutionForward<'a, T> {
    pub(crate) size: ConvolutionSize,
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) finish: Finish<'a, T>,
    pub(crate) parallelism: Parallelism,
}

impl<T: Products> ConvolutionForward<'_, T> {
    /// Elements of scratch that [`ConvolutionForward::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize) -> usize {
        if size.is_depthwise() {
            return 0;
        }
        let blocks = size.positions().div_ceil(size.block::<T>().max(1));
        blocks.min(MOST_PIECES) * size.block_len::<T>()
    }

    pub(crate) fn run(self, y: &mut [T], scratch: &mut [T]) {
        let Self { size, x, weight, .. } = self;
        let image = size.geometry.image_len();
        assert_eq!((x.len(), y.len()), (size.batch * image, size.positions() * size.outputs), "other images");
        assert_eq!(weight.len(), size.weight_len::<T>(), "a weight of another size");
        if size.is_depthwise() {
            let Self { bias, finish, parallelism, .. } = self;
            return T::depthwise_forward(DepthwiseForward { size, x, weight, bias, finish, parallelism }, y);
        }
        let scratch = &mut scratch[..Self::scratch(size)];
        let pieces = size.pieces(self.parallelism, scratch.len() / size.block_len::<T>().max(1));
        let whole = Rows { first: 0, len: size.outputs, values: y };
        split_with_scratch(whole, 8, pieces, scratch, &|rows: Rows<'_, T>, scratch| {
            self.rows(rows.first, rows.values, scratch);
        });
    }

    /// The outputs of some positions.
    fn rows(&self, mut first: usize, y: &mut [T], scratch: &mut [T]) {
        let size = self.size;
        let (panels, outputs) = (size.panels::<T>().len(), size.group_outputs());
        let (patches_of_block, own_outputs) = scratch.split_at_mut(size.block::<T>() * size.patch());
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
