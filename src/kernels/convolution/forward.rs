//! The forward product, y = act(P·W + b).

use crate::kernels::convolution_size::{ConvolutionSize, DIRECT_PATCH, MOST_PIECES, Rows};
use crate::kernels::depthwise_forward::DepthwiseForward;
use crate::kernels::direct::{DirectForward, Windows};
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
        if size.is_direct() {
            let lines = size.batch * size.geometry.rows.outputs;
            return lines.div_ceil(size.lines::<T>()).min(MOST_PIECES) * size.lines_len::<T>();
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
        if size.is_direct() {
            let pieces = size.pieces(self.parallelism, scratch.len() / size.lines_len::<T>());
            let line = size.geometry.columns.outputs * size.outputs;
            let whole = Rows { first: 0, len: line, values: y };
            split_with_scratch(whole, 1, pieces, scratch, &|lines: Rows<'_, T>, scratch| {
                self.lines(lines, scratch);
            });
            return;
        }
        let pieces = size.pieces(self.parallelism, scratch.len() / size.block_len::<T>().max(1));
        let whole = Rows { first: 0, len: size.outputs, values: y };
        split_with_scratch(whole, 8, pieces, scratch, &|rows: Rows<'_, T>, scratch| {
            self.rows(rows.first, rows.values, scratch);
        });
    }

    /// Some rows of outputs, whose windows are read where they lie.
    fn lines(&self, lines: Rows<'_, T>, scratch: &mut [T]) {
        let size = self.size;
        let Rows { mut first, len, mut values } = lines;
        let (rows, image_len, padded) = (size.geometry.rows, size.geometry.image_len(), size.padded());
        while !values.is_empty() {
            let (image, line) = (first / rows.outputs, first % rows.outputs);
            let count = size.lines::<T>().min(rows.outputs - line).min(values.len() / len);
            let (y, rest) = values.split_at_mut(count * len);
            (first, values) = (first + count, rest);
            let image = &self.x[image * image_len..][..image_len];
            let x = &mut scratch[..padded.rows(count) * padded.row_len()];
            for group in 0..size.groups {
                padded.fill(image, line..line + count, group * size.group_inputs(), x);
                self.direct(padded.windows(), x, group, y);
            }
            self.finish(y);
        }
    }

    /// The outputs of some positions.
    fn rows(&self, mut first: usize, y: &mut [T], scratch: &mut [T]) {
        let size = self.size;
        let (patches_of_block, own_outputs) = scratch.split_at_mut(size.block::<T>() * size.patch());
        for y in y.chunks_mut(size.block::<T>() * size.outputs) {
            let positions = first..first + y.len() / size.outputs;
            first = positions.end;
            if size.is_pointwise() {
                let x = &self.x[positions.start * size.patch()..positions.end * size.patch()];
                if size.patch() <= DIRECT_PATCH {
                    self.direct(Windows::of_rows(positions.len(), size.patch()), x, 0, y);
                    self.finish(y);
                } else {
                    self.product(0, x, y);
                }
                continue;
            }
            for group in 0..size.groups {
                let x = &mut patches_of_block[..positions.len() * size.patch()];
                size.patches(group, 0..size.taps()).gather(self.x, positions.clone(), x);
                if size.groups == 1 {
                    self.product(group, x, y);
                    continue;
                }
                let outputs = size.group_outputs();
                let own = &mut own_outputs[..positions.len() * outputs];
                self.product(group, x, own);
                for (y, own) in y.chunks_exact_mut(size.outputs).zip(own.chunks_exact(outputs)) {
                    y[group * outputs..][..outputs].copy_from_slice(own);
                }
            }
        }
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
    fn product(&self, group: usize, patches: &[T], y: &mut [T]) {
        let size = self.size;
        let outputs = size.group_outputs();
        let product = DenseForward {
            size: size.product(y.len() / outputs, size.taps()),
            x: patches,
            weight: self.panels(group),
            bias: self.bias.map(|bias| &bias[group * outputs..][..outputs]),
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
