//! Scikit-learn's scaling, of the domain `ai.onnx.ml`.

use super::super::call::{Call, Made};
use super::super::constant::Constant;
use super::super::op::Op;
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
