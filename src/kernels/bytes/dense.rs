//! y = act(x·W + b) with W and x in bytes.

use super::panels::BytePanels;
use super::quantize::ByteInput;
use crate::kernels::{DenseSize, Finish, Parallelism};

/// A weight in bytes: what lies in [`BytePanels`], and for each output the sum of its weights and the scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByteWeight<'a> {
    pub(crate) panels: &'a [u8],
    pub(crate) sums: &'a [i32],
    pub(crate) scales: &'a [f32],
}

/// y (batch × outputs) from x (batch × inputs), which becomes bytes on the way. At most
/// [`MOST_BYTE_INPUTS`](super::MOST_BYTE_INPUTS) inputs.
pub(crate) struct ByteDenseForward<'a> {
    pub(crate) size: DenseSize,
    pub(crate) x: &'a [f32],
    pub(crate) weight: ByteWeight<'a>,
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) finish: Finish<'a, f32>,
    pub(crate) input: ByteInput,
    pub(crate) parallelism: Parallelism,
}

impl ByteDenseForward<'_> {
    /// Elements of scratch that [`ByteDenseForward::run`] needs.
    pub(crate) fn scratch(size: DenseSize) -> usize {
        size.inputs.div_ceil(4)
    }

    pub(crate) fn run(self, y: &mut [f32], scratch: &mut [f32]) {
        let DenseSize { batch, inputs, outputs } = self.size;
        let ByteWeight { panels, sums, scales } = self.weight;
        assert!(inputs <= super::MOST_BYTE_INPUTS, "sums that do not fit");
        assert_eq!((self.x.len(), y.len()), (batch * inputs, batch * outputs), "buffers of another size");
        assert!(scratch.len() >= Self::scratch(self.size), "too little scratch");
        let layout = BytePanels { rows: inputs, columns: outputs };
        let mut weight = vec![0; inputs * outputs];
        layout.unpack(panels, &mut weight);
        let mut bytes = vec![0; inputs];
        for (sample, y) in y.chunks_exact_mut(outputs.max(1)).enumerate() {
            let quantized = self.input.quantize(&self.x[sample * inputs..][..inputs], &mut bytes);
            for (output, y) in y.iter_mut().enumerate() {
                let terms = bytes.iter().zip(weight.iter().skip(output).step_by(outputs));
                let sum: i32 = terms.map(|(&byte, &weight)| i32::from(byte) * i32::from(weight)).sum();
                let sum = sum - quantized.zero * sums[output];
                *y = sum as f32 * scales[output] * quantized.scale;
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
