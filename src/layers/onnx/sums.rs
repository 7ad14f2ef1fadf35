//! Weighted sums along the last axis.

use super::{OnnxGraph, OnnxValue};
use crate::Scalar;
use crate::layers::Param;

impl<'a, T: Scalar> OnnxGraph<'a, T> {
    /// x·W + b, of a weight `[inputs, outputs]`.
    pub(in crate::layers) fn sums(
        &mut self,
        x: OnnxValue,
        weight: OnnxValue,
        bias: Option<&'a Param<T>>,
    ) -> OnnxValue {
        let x = self.straight(x);
        let output = x.shape().with_last(weight.shape().axes().last().copied().unwrap_or(1));
        let bias = bias.map(|bias| self.param(bias));
        match bias {
            Some(bias) if output.rank() == 1 => {
                self.raw("Gemm", &[x, weight, bias].map(Some), &[], output, false)
            }
            _ => {
                let y = self.raw("MatMul", &[x, weight].map(Some), &[], output, false);
                bias.map_or(y, |bias| self.with("Add", y, &[bias]))
            }
        }
    }
}
