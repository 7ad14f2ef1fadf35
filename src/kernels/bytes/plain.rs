//! The definition of the products in eight bits, word for word, which the kernels' bits are compared with.

use super::{ByteInput, BytePanels, ByteWeight};
use crate::kernels::oracle::random;
use crate::kernels::{ConvolutionSize, DenseSize};
use crate::prelude::*;

/// A weight as it is told: whole numbers, row-major, and a scale for each output.
pub(super) struct Weight {
    pub(super) matrix: Vec<i8>,
    pub(super) scales: Vec<f32>,
    pub(super) bias: Vec<f32>,
    panels: Vec<i8>,
    sums: Vec<i32>,
}

impl Weight {
    /// Random ones for so many groups of rows × columns, with the largest and the smallest of all.
    pub(super) fn random(groups: usize, rows: usize, columns: usize) -> Self {
        let weights = random::<f32>(groups * rows * columns, 1 + rows as u64);
        Self::of(weights.iter().map(|weight| (weight * 145.0) as i8).collect(), groups, rows, columns)
    }

    pub(super) fn of(matrix: Vec<i8>, groups: usize, rows: usize, columns: usize) -> Self {
        let scale = |number: &f32| (number.abs() + 0.01) * 0.01;
        let scales = random::<f32>(groups * columns, 3).iter().map(scale).collect();
        let layout = BytePanels { rows, columns };
        let (mut panels, mut sums) = (vec![0; groups * layout.len()], vec![0; groups * columns]);
        for group in 0..groups {
            let panels = &mut panels[group * layout.len()..][..layout.len()];
            layout.pack(&matrix[group * rows * columns..][..rows * columns], panels);
            layout.sums(panels, &mut sums[group * columns..][..columns]);
        }
        Self { matrix, scales, bias: random(groups * columns, 5), panels, sums }
    }

    pub(super) fn packed(&self) -> ByteWeight<'_> {
        ByteWeight { panels: &self.panels, sums: &self.sums, scales: &self.scales }
    }
}

/// The bytes of a sample, its scale and zero point.
pub(super) fn quantized(input: ByteInput, x: &[f32]) -> (Vec<i64>, f32, i64) {
    let (scale, zero) = match input {
        ByteInput::Static { scale, zero } => (scale, i64::from(zero)),
        ByteInput::PerSample => {
            let (mut least, mut most) = (0.0_f32, 0.0_f32);
            for &x in x {
                least = if x < least { x } else { least };
                most = if x > most { x } else { most };
            }
            let scale = most / 255.0 - least / 255.0;
            let scale = if scale < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { scale };
            (scale, -128 - (least * (1.0 / scale)).round_ties_even() as i64)
        }
    };
    let byte = |&x: &f32| {
        // Rust converts what is too large to the largest there is.
        let steps = f64::from(x * (1.0 / scale)).round_ties_even() as i64;
        steps.saturating_add(zero).clamp(-128, 127)
    };
    let is_finite = x.iter().all(|x| x.is_finite());
    (x.iter().map(byte).collect(), if is_finite { scale } else { f32::NAN }, zero)
}

/// What becomes of the sum of an output.
fn finished(weight: &Weight, output: usize, sum: i64, scale: f32, relu: bool) -> f32 {
    let sum = i32::try_from(sum).expect("it was made to fit");
    let scaled = sum as f32 * weight.scales[output];
    let scaled = scaled * scale;
    let y = scaled + weight.bias[output];
    if relu && y < 0.0 { 0.0 } else { y }
}

pub(super) fn dense(size: DenseSize, x: &[f32], weight: &Weight, input: ByteInput, relu: bool) -> Vec<f32> {
    let DenseSize { batch, inputs, outputs } = size;
    let mut y = Vec::new();
    for sample in 0..batch {
        let (bytes, scale, zero) = quantized(input, &x[sample * inputs..][..inputs]);
        for output in 0..outputs {
            let mut sum = 0;
            for (input, byte) in bytes.iter().enumerate() {
                sum += i64::from(weight.matrix[input * outputs + output]) * (byte - zero);
            }
            y.push(finished(weight, output, sum, scale, relu));
        }
    }
    y
}

pub(super) fn convolution(
    size: ConvolutionSize,
    x: &[f32],
    weight: &Weight,
    input: ByteInput,
    relu: bool,
) -> Vec<f32> {
    let (geometry, outputs) = (size.geometry, size.outputs);
    let (rows, columns, channels) = (geometry.rows, geometry.columns, geometry.channels);
    let (group_inputs, group_outputs) = (channels / size.groups, outputs / size.groups);
    let patch = rows.kernel * columns.kernel * group_inputs;
    let mut y = Vec::new();
    for image in x.chunks(geometry.image_len()) {
        let (bytes, scale, zero) = quantized(input, image);
        for i in 0..geometry.positions() * outputs {
            let (position, output) = (i / outputs, i % outputs);
            let (group, column) = (output / group_outputs, output % group_outputs);
            let mut sum = 0;
            for element in 0..patch {
                let (tap, channel) = (element / group_inputs, element % group_inputs);
                let down = position / columns.outputs * rows.stride + tap / columns.kernel * rows.dilation;
                let right =
                    position % columns.outputs * columns.stride + tap % columns.kernel * columns.dilation;
                let (Some(down), Some(right)) =
                    (down.checked_sub(rows.before), right.checked_sub(columns.before))
                else {
                    continue;
                };
                if down < rows.inputs && right < columns.inputs {
                    let pixel = (down * columns.inputs + right) * channels + group * group_inputs + channel;
                    let weight = weight.matrix[(group * patch + element) * group_outputs + column];
                    sum += i64::from(weight) * (bytes[pixel] - zero);
                }
            }
            y.push(finished(weight, output, sum, scale, relu));
        }
    }
    y
}
