//! Activations as operations of ONNX: one, or the parts of the formula.

use core::f64::consts::{FRAC_2_PI, SQRT_2};

use super::Activation;
use crate::Scalar;
use crate::layers::{OnnxGraph, OnnxValue};
use crate::prelude::*;

impl Activation {
    pub(in crate::layers) fn operations<T: Scalar>(
        self,
        x: OnnxValue,
        graph: &mut OnnxGraph<'_, T>,
    ) -> OnnxValue {
        match self {
            Self::Relu | Self::LeakyRelu { slope: 0.0 } => graph.each("Relu", x, &[]),
            Self::Relu6 => clip(graph, x, [0.0, 6.0]),
            Self::LeakyRelu { slope } => with_settings(graph, "LeakyRelu", x, &[("alpha", slope)]),
            Self::HardTanh { min, max } => clip(graph, x, [min, max]),
            Self::HardSigmoid { alpha, beta } => {
                with_settings(graph, "HardSigmoid", x, &[("alpha", alpha), ("beta", beta)])
            }
            Self::HardSwish => graph.each("HardSwish", x, &[]),
            Self::HardShrink { lambda } => {
                with_settings(graph, "Shrink", x, &[("lambd", lambda), ("bias", 0.0)])
            }
            Self::SoftShrink { lambda } => {
                with_settings(graph, "Shrink", x, &[("lambd", lambda), ("bias", lambda)])
            }
            Self::TanhShrink => {
                let tanh = graph.each("Tanh", x, &[]);
                graph.with("Sub", x, &[tanh])
            }
            Self::Threshold { threshold, value: 0.0 } => {
                with_settings(graph, "ThresholdedRelu", x, &[("alpha", threshold)])
            }
            Self::Threshold { threshold, value } => {
                let is_below = by(graph, "LessOrEqual", x, threshold);
                let value = graph.number("value", value);
                graph.with("Where", is_below, &[value, x])
            }
            Self::Elu { alpha } => with_settings(graph, "Elu", x, &[("alpha", alpha)]),
            Self::Celu { alpha } if T::NAME == "f32" => with_settings(graph, "Celu", x, &[("alpha", alpha)]),
            // `Celu` is of single precision alone.
            Self::Celu { alpha } => {
                let scaled = by(graph, "Div", x, alpha);
                let y = with_settings(graph, "Elu", scaled, &[("alpha", 1.0)]);
                by(graph, "Mul", y, alpha)
            }
            Self::Selu => graph.each("Selu", x, &[]),
            Self::Gelu => {
                let scaled = by(graph, "Div", x, SQRT_2);
                let erf = graph.each("Erf", scaled, &[]);
                half_of_one_and(graph, x, erf)
            }
            Self::GeluTanh => {
                let square = graph.with("Mul", x, &[x]);
                let cube = graph.with("Mul", square, &[x]);
                let cube = by(graph, "Mul", cube, 0.044_715);
                let sum = graph.with("Add", x, &[cube]);
                let scaled = by(graph, "Mul", sum, FRAC_2_PI.sqrt());
                let tanh = graph.each("Tanh", scaled, &[]);
                half_of_one_and(graph, x, tanh)
            }
            Self::Silu => {
                let gate = graph.each("Sigmoid", x, &[]);
                graph.with("Mul", x, &[gate])
            }
            Self::Mish => {
                let softplus = graph.each("Softplus", x, &[]);
                let gate = graph.each("Tanh", softplus, &[]);
                graph.with("Mul", x, &[gate])
            }
            Self::Sigmoid => graph.each("Sigmoid", x, &[]),
            Self::LogSigmoid => {
                let negative = graph.each("Neg", x, &[]);
                let softplus = graph.each("Softplus", negative, &[]);
                graph.each("Neg", softplus, &[])
            }
            Self::Tanh => graph.each("Tanh", x, &[]),
            Self::Softsign => graph.each("Softsign", x, &[]),
            Self::Softplus => graph.each("Softplus", x, &[]),
            Self::ScaledSoftplus { beta, threshold } => scaled_softplus(graph, x, beta, threshold),
        }
    }
}

/// An operation with one more number.
fn by<T: Scalar>(graph: &mut OnnxGraph<'_, T>, operation: &str, x: OnnxValue, number: f64) -> OnnxValue {
    let number = graph.number("number", number);
    graph.with(operation, x, &[number])
}

fn with_settings<T: Scalar>(
    graph: &mut OnnxGraph<'_, T>,
    operation: &str,
    x: OnnxValue,
    settings: &[(&str, f64)],
) -> OnnxValue {
    let attributes: Vec<_> = settings.iter().map(|&(name, number)| (name, number.into())).collect();
    graph.each(operation, x, &attributes)
}

/// Kept between two numbers; one that is infinite is left out.
fn clip<T: Scalar>(graph: &mut OnnxGraph<'_, T>, x: OnnxValue, [min, max]: [f64; 2]) -> OnnxValue {
    let min = min.is_finite().then(|| graph.number("min", min));
    let max = max.is_finite().then(|| graph.number("max", max));
    let inputs = if max.is_some() { vec![Some(x), min, max] } else { vec![Some(x), min] };
    graph.raw("Clip", &inputs, &[], x.shape(), x.is_channels_first())
}

/// x/2·(1 + y).
fn half_of_one_and<T: Scalar>(graph: &mut OnnxGraph<'_, T>, x: OnnxValue, y: OnnxValue) -> OnnxValue {
    let sum = by(graph, "Add", y, 1.0);
    let product = graph.with("Mul", x, &[sum]);
    by(graph, "Mul", product, 0.5)
}

fn scaled_softplus<T: Scalar>(
    graph: &mut OnnxGraph<'_, T>,
    x: OnnxValue,
    beta: f64,
    threshold: f64,
) -> OnnxValue {
    let scaled = by(graph, "Mul", x, beta);
    let softplus = graph.each("Softplus", scaled, &[]);
    let y = by(graph, "Div", softplus, beta);
    if threshold == f64::INFINITY {
        return y;
    }
    let is_above = by(graph, "Greater", scaled, threshold);
    graph.with("Where", is_above, &[x, y])
}
