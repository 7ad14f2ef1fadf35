//! Numbers of fewer bits. Operations on them are those of `f32`, so that every runtime has them; the numbers are those of eight bits
//! or of bf16.

use super::{OnnxGraph, OnnxValue};
use crate::Scalar;
use crate::kernels::ByteInput;
use crate::layers::Param;
use crate::prelude::*;

/// What ONNX calls bf16, and `f32`.
const BFLOAT16: i64 = 16;
const FLOAT: i64 = 1;

impl<'a, T: Scalar> OnnxGraph<'a, T> {
    /// Numbers rounded to bf16, as numbers of `f32`.
    pub(in crate::layers) fn rounded_to_bf16(&mut self, x: OnnxValue) -> OnnxValue {
        let rounded = self.each("Cast", x, &[("to", BFLOAT16.into())]);
        self.each("Cast", rounded, &[("to", FLOAT.into())])
    }

    /// Numbers rounded to those that bytes stand for, which are found for all numbers along these axes together where they are
    /// not known before: scale · round(clip(x / scale)).
    pub(in crate::layers) fn rounded_to_bytes(
        &mut self,
        x: OnnxValue,
        input: ByteInput,
        axes: Vec<i64>,
    ) -> OnnxValue {
        if let ByteInput::Static { scale, zero } = input {
            let inverse = self.number("inverse_scale", f64::from(scale.recip()));
            let [least, most] = [-128, 127].map(|end: i32| self.number("end", f64::from(end - zero)));
            let scale = self.number("scale", f64::from(scale));
            let steps = self.with("Mul", x, &[inverse]);
            let steps = self.with("Clip", steps, &[least, most]);
            let steps = self.each("Round", steps, &[]);
            return self.with("Mul", steps, &[scale]);
        }
        let attributes = [("axes", axes.into()), ("keepdims", 1.into())];
        let nothing = self.number("zero", 0.0);
        let [least, most] = [("ReduceMin", "Min"), ("ReduceMax", "Max")].map(|(reduced, with_nothing)| {
            let end = self.each(reduced, x, &attributes);
            self.with(with_nothing, end, &[nothing])
        });
        let count = self.number("steps", 255.0);
        let [upper, lower] = [most, least].map(|end| self.with("Div", end, &[count]));
        let scale = self.with("Sub", upper, &[lower]);
        let smallest = self.number("smallest", f64::from(f32::MIN_POSITIVE));
        let scale = self.with("Max", scale, &[smallest]);
        let inverse = self.each("Reciprocal", scale, &[]);
        // The lowest step is that of the least number, and 255 more the highest.
        let lowest = self.with("Mul", least, &[inverse]);
        let lowest = self.each("Round", lowest, &[]);
        let highest = self.with("Add", lowest, &[count]);
        let steps = self.with("Mul", x, &[inverse]);
        let steps = self.with("Min", steps, &[highest]);
        let steps = self.with("Max", steps, &[lowest]);
        let steps = self.each("Round", steps, &[]);
        self.with("Mul", steps, &[scale])
    }

    /// A weight of eight bits times the scales of its outputs, which lie along this axis of the graph. A `DequantizeLinear` would have
    /// runtimes round the inputs once more.
    pub(in crate::layers) fn dequantized(
        &mut self,
        [weight, scale]: [&'a Param<T>; 2],
        (order, dims): (Vec<usize>, Vec<usize>),
        axis: usize,
    ) -> OnnxValue {
        let behind = dims.len() - axis - 1;
        let scales = [&dims[axis..=axis], &vec![1; behind][..]].concat();
        let weight = self.bytes_as(weight, order, dims);
        let scale = self.param_as(scale, vec![0, 1], scales);
        let weight = self.each("Cast", weight, &[("to", FLOAT.into())]);
        self.with("Mul", weight, &[scale])
    }
}
