//! A convolution with images and weight in bytes.

use super::panels::BytePanels;
use super::quantize::ByteInput;
use super::weight::ByteWeight;
use crate::kernels::{ConvolutionSize, Finish, Parallelism};

/// y (positions × outputs) from x. An image becomes bytes once, as a whole; what lies around it is 0, exactly.
///
/// The weight is a matrix in panels for each group, one after another. At most [`MOST_BYTE_INPUTS`](super::MOST_BYTE_INPUTS)
/// elements of a patch; not for convolutions of each channel by itself.
pub(crate) struct ByteConvolutionForward<'a> {
    pub(crate) size: ConvolutionSize,
    pub(crate) x: &'a [f32],
    pub(crate) weight: ByteWeight<'a>,
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) finish: Finish<'a, f32>,
    pub(crate) input: ByteInput,
    pub(crate) parallelism: Parallelism,
}

impl ByteConvolutionForward<'_> {
    /// Elements of scratch that [`ByteConvolutionForward::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize) -> usize {
        size.batch * size.geometry.image_len().div_ceil(4)
    }

    pub(crate) fn run(self, y: &mut [f32], scratch: &mut [f32]) {
        let size = self.size;
        let (image, positions) = (size.geometry.image_len(), size.geometry.positions());
        assert!(!size.is_depthwise(), "each channel by itself has no product of matrices");
        assert!(size.patch() <= super::MOST_BYTE_INPUTS, "sums that do not fit");
        assert_eq!((self.x.len(), y.len()), (size.batch * image, size.positions() * size.outputs));
        assert!(scratch.len() >= Self::scratch(size), "too little scratch");
        let layout = BytePanels { rows: size.patch(), columns: size.group_outputs() };
        let mut weight = vec![0; size.groups * layout.rows * layout.columns];
        for group in 0..size.groups {
            let panels = &self.weight.panels[group * layout.len()..][..layout.len()];
            let len = layout.rows * layout.columns;
            layout.unpack(panels, &mut weight[group * len..][..len]);
        }
        let mut bytes = vec![0; image];
        for (sample, y) in y.chunks_exact_mut((positions * size.outputs).max(1)).enumerate() {
            let quantized = self.input.steps(&self.x[sample * image..][..image]);
            quantized.quantize(&self.x[sample * image..][..image], &mut bytes);
            for (i, y) in y.iter_mut().enumerate() {
                let (position, output) = (i / size.outputs, i % size.outputs);
                let (group, column) = (output / size.group_outputs(), output % size.group_outputs());
                let (rows, columns) = (size.geometry.rows, size.geometry.columns);
                let (row, place) = (position / columns.outputs, position % columns.outputs);
                let mut sum = 0;
                for tap in 0..size.taps() {
                    let down = row * rows.stride + tap / columns.kernel * rows.dilation;
                    let right = place * columns.stride + tap % columns.kernel * columns.dilation;
                    let inside = down.checked_sub(rows.before).zip(right.checked_sub(columns.before));
                    let inside = inside.filter(|&(down, right)| down < rows.inputs && right < columns.inputs);
                    let Some((down, right)) = inside else { continue };
                    let pixel = (down * columns.inputs + right) * size.geometry.channels;
                    for channel in 0..size.group_inputs() {
                        let row = tap * size.group_inputs() + channel;
                        let weight = weight[(group * layout.rows + row) * layout.columns + column];
                        let byte = bytes[pixel + group * size.group_inputs() + channel];
                        sum += (i32::from(byte) - quantized.zero) * i32::from(weight);
                    }
                }
                *y = sum as f32 * self.weight.scales[output] * quantized.scale();
                if let Some(bias) = self.bias {
                    *y += bias[output];
                }
                if matches!(self.finish, Finish::Relu) && *y < 0.0 {
                    *y = 0.0;
                }
            }
            if let Finish::Function(function) = self.finish {
                function(y);
            }
        }
    }
}
