//! Functions of each element.

use super::super::call::{Call, Made};
use super::super::op::{Op, Part};
use crate::Activation;
use crate::io::Verdict;

/// Those without settings.
const SIMPLE: &[(&str, Op<'static>)] = &[
    ("Abs", Op::Part(Part::Absolute)),
    ("Erf", Op::Part(Part::Erf)),
    ("Exp", Op::Part(Part::Exp)),
    ("Log", Op::Part(Part::Log)),
    ("Mish", Op::Function(Activation::Mish)),
    ("Reciprocal", Op::Part(Part::Reciprocal)),
    ("Relu", Op::Function(Activation::Relu)),
    ("Round", Op::Part(Part::Round)),
    ("Sigmoid", Op::Function(Activation::Sigmoid)),
    ("Softplus", Op::Function(Activation::Softplus)),
    ("Softsign", Op::Function(Activation::Softsign)),
    ("Sqrt", Op::Part(Part::Sqrt)),
    ("Tanh", Op::Function(Activation::Tanh)),
];

pub(super) fn is_simple(operation: &str) -> bool {
    SIMPLE.iter().any(|simple| simple.0 == operation)
}

pub(super) fn simple<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let simple =
        SIMPLE.iter().find(|simple| simple.0 == call.node.operation).ok_or("expected a known function")?;
    made(call, simple.1.clone())
}

fn made<'a>(call: &Call<'_, 'a>, op: Op<'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.data(0)?;
    Ok(Made::value(op, vec![value], dims.to_vec()))
}

fn function<'a>(call: &Call<'_, 'a>, activation: Activation) -> Verdict<Made<'a>> {
    made(call, Op::Function(activation))
}

/// A setting that a range has to have.
fn setting(
    call: &Call<'_, '_>,
    name: &str,
    default: f64,
    expected: &str,
    fits: impl Fn(f64) -> bool,
) -> Verdict<f64> {
    let value = call.float(name, default)?;
    if value.is_finite() && fits(value) {
        Ok(value)
    } else {
        Err(format!("expected `{name}`, {expected}, got {value}"))
    }
}

pub(super) fn celu<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let alpha = setting(call, "alpha", 1.0, "a finite number above 0", |alpha| alpha > 0.0)?;
    function(call, Activation::Celu { alpha })
}

pub(super) fn elu<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let alpha = setting(call, "alpha", 1.0, "a finite number of at least 0", |alpha| alpha >= 0.0)?;
    function(call, Activation::Elu { alpha })
}

pub(super) fn leaky_relu<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let slope = setting(call, "alpha", 0.01, "a finite number", |_| true)?;
    function(call, Activation::LeakyRelu { slope })
}

pub(super) fn hard_sigmoid<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let alpha = setting(call, "alpha", 0.2, "a finite number that is not 0", |alpha| alpha != 0.0)?;
    let beta = setting(call, "beta", 0.5, "a finite number", |_| true)?;
    function(call, Activation::HardSigmoid { alpha, beta })
}

pub(super) fn hard_swish<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    function(call, Activation::HardSwish)
}

pub(super) fn gelu<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    match call.text("approximate")?.as_deref() {
        None | Some("none") => function(call, Activation::Gelu),
        Some("tanh") => function(call, Activation::GeluTanh),
        Some(other) => Err(format!("expected `approximate`, none or tanh, got {other}")),
    }
}

pub(super) fn swish<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    setting(call, "alpha", 1.0, "1", |alpha| alpha == 1.0)?;
    function(call, Activation::Silu)
}

pub(super) fn thresholded_relu<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let threshold = setting(call, "alpha", 1.0, "a finite number", |_| true)?;
    function(call, Activation::Threshold { threshold, value: 0.0 })
}

/// ONNX's own numbers are ours but for the rounding of their text.
pub(super) fn selu<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    setting(call, "alpha", 1.673_263_2, "1.6732632, as there is one function of this name", |alpha| {
        near(alpha, 1.673_263_242)
    })?;
    setting(call, "gamma", 1.050_701, "1.050701, as there is one function of this name", |gamma| {
        near(gamma, 1.050_700_987)
    })?;
    function(call, Activation::Selu)
}

fn near(value: f64, expected: f64) -> bool {
    (value - expected).abs() <= 1e-4 * expected.abs()
}

pub(super) fn shrink<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let lambda = setting(call, "lambd", 0.5, "a finite number of at least 0", |lambda| lambda >= 0.0)?;
    let bias = call.float("bias", 0.0)?;
    if bias == 0.0 {
        function(call, Activation::HardShrink { lambda })
    } else if bias == lambda {
        function(call, Activation::SoftShrink { lambda })
    } else {
        Err(format!("expected `bias`, 0 or `lambd`, which is {lambda}, got {bias}"))
    }
}

/// Its bounds are attributes up to opset 10, and inputs from then on.
pub(super) fn clip<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let bound = |name: &str, input: usize, default: f64| -> Verdict<f64> {
        match call.maybe_constant(input)? {
            Some(constant) if constant.len() == 1 => {
                constant.scalar().ok_or_else(|| format!("expected `{name}`, a number, got none"))
            }
            Some(constant) => Err(format!("expected `{name}`, one number, got {:?}", constant.dims)),
            None => call.float(name, default),
        }
    };
    clipped(call, bound("min", 1, f64::NEG_INFINITY)?, bound("max", 2, f64::INFINITY)?)
}

/// Kept between two numbers. What single precision calls its largest number is none.
pub(super) fn clipped<'a>(call: &Call<'_, 'a>, min: f64, max: f64) -> Verdict<Made<'a>> {
    let largest = f64::from(f32::MAX);
    let min = if min <= -largest { f64::NEG_INFINITY } else { min };
    let max = if max >= largest { f64::INFINITY } else { max };
    if min == 0.0 && max == f64::INFINITY {
        function(call, Activation::Relu)
    } else if min == 0.0 && max == 6.0 {
        function(call, Activation::Relu6)
    } else if min < max {
        function(call, Activation::HardTanh { min, max })
    } else {
        Err(format!("expected a least number below the most, got {min} and {max}"))
    }
}

pub(super) fn prelu<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let slope = call.constant(1)?.clone();
    made(call, Op::Prelu(slope))
}
