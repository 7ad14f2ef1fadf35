//! Scikit-learn's scaling and linear models, of the domain `ai.onnx.ml`.

use super::super::call::{Call, Made, Step};
use super::super::constant::Constant;
use super::super::count::Count;
use super::super::op::Op;
use crate::Activation;
use crate::io::Verdict;

/// (x − offset)·scale.
pub(super) fn scaler<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.samples(0, 1)?;
    let features = dims.last().and_then(|dim| dim.len()).unwrap_or(0);
    let numbers = |name: &str, default: f64| -> Verdict<Vec<f64>> {
        let numbers = call.floats(name)?.unwrap_or_else(|| vec![default]);
        if numbers.len() == features || numbers.len() == 1 {
            Ok(numbers)
        } else {
            Err(format!("expected `{name}`, {features} numbers, got {}", numbers.len()))
        }
    };
    let (offset, scale) = (numbers("offset", 0.0)?, numbers("scale", 1.0)?);
    let each = |numbers: &[f64], index: usize| numbers[if numbers.len() == 1 { 0 } else { index }];
    let len = offset.len().max(scale.len());
    let shift = (0..len).map(|index| -each(&offset, index) * each(&scale, index)).collect();
    let constant = |numbers: Vec<f64>| Constant::of_floats(vec![numbers.len()], numbers);
    Ok(Made::value(
        Op::Affine { scale: Some(constant(scale)), shift: Some(constant(shift)) },
        vec![value],
        dims,
    ))
}

/// Weighted sums of features, of numbers that are attributes: a dense layer for so many outputs.
fn linear<'a>(call: &Call<'_, 'a>, outputs: usize) -> Verdict<Step<'a>> {
    let (value, dims) = call.samples(0, 1)?;
    let [_, features] = dims[..] else { return Err("expected rows of features, got other axes".to_owned()) };
    let features = features.len().unwrap_or(0);
    let coefficients = call.floats("coefficients")?.unwrap_or_default();
    let intercepts = call.floats("intercepts")?;
    let fits = outputs > 0 && coefficients.len() == outputs * features;
    if !fits || intercepts.as_ref().is_some_and(|intercepts| intercepts.len() != outputs) {
        return Err(format!(
            "expected {features} coefficients for each of {outputs} outputs, got {}",
            coefficients.len()
        ));
    }
    let weight = Constant::of_floats(vec![outputs, features], coefficients).transposed(&[1, 0]);
    let bias = intercepts.map(|intercepts| Constant::of_floats(vec![outputs], intercepts));
    let dims = vec![dims[0], Count::of_len(outputs)];
    Ok(Step { op: Op::Dense { weight, bias }, inputs: vec![value], dims })
}

/// What is done with the sums of a linear model.
fn transformed<'a>(call: &Call<'_, 'a>, sums: Step<'a>) -> Verdict<Made<'a>> {
    let (sums_at, dims) = (call.values.len(), sums.dims.clone());
    let op = match call.text("post_transform")?.as_deref() {
        None | Some("NONE") => return Ok(Made::Way(vec![sums])),
        Some("SOFTMAX") => Op::Softmax { axes: vec![1], is_log: false },
        Some("LOGISTIC") => Op::Function(Activation::Sigmoid),
        Some(other) => {
            return Err(format!("expected `post_transform`, NONE, SOFTMAX or LOGISTIC, got {other}"));
        }
    };
    Ok(Made::Way(vec![sums, Step { op, inputs: vec![sums_at], dims }]))
}

/// Numbers for each class; the labels are left to whoever uses the model.
pub(super) fn linear_classifier<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let outputs = call.floats("intercepts")?.map_or(0, |intercepts| intercepts.len());
    if outputs < 2 {
        return Err(format!("expected an intercept for each of at least two classes, got {outputs}"));
    }
    transformed(call, linear(call, outputs)?)
}

pub(super) fn linear_regressor<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let outputs = usize::try_from(call.integer("targets", 1)?).unwrap_or(0);
    transformed(call, linear(call, outputs)?)
}

/// Probabilities have a sum of 1 already.
pub(super) fn normalizer<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, _) = call.data(0)?;
    let norm = call.text("norm")?;
    match (&call.values[value].op, norm.as_deref()) {
        (Op::Softmax { is_log: false, .. }, Some("L1")) => Ok(Made::Same(value)),
        (_, norm) => Err(format!("expected a norm of L1 behind a softmax, got {}", norm.unwrap_or("MAX"))),
    }
}
