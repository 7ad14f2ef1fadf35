//! Values as whole numbers of few bits, and weighted sums of them.

use super::super::call::{Call, Known, Made, Step};
use super::super::constant::Constant;
use super::super::element::Element;
use super::super::grid::Grid;
use super::super::op::{Conv, Op};
use super::super::steps::{Along, Inputs, Steps};
use super::{conv, dense};
use crate::io::Verdict;

/// The scale and the zero point of a whole value.
fn scale_and_zero(call: &Call<'_, '_>) -> Verdict<(f32, i32)> {
    let one = |input: usize, what: &str| {
        let scalar = call.maybe_constant(input)?.map(Constant::scalar);
        let number = |number: Option<f64>| {
            number.ok_or_else(|| format!("expected one {what} for the whole value, got several"))
        };
        scalar.map(number).transpose()
    };
    let scale = one(1, "scale")?.ok_or("expected a scale, got none")? as f32;
    if !(scale.is_normal() && scale > 0.0) {
        return Err(format!("expected a scale above 0, got {scale}"));
    }
    Ok((scale, one(2, "zero point")?.unwrap_or(0.0) as i32))
}

pub(super) fn quantize<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.data(0)?;
    let (scale, zero) = scale_and_zero(call)?;
    let element = match (call.maybe_constant(2)?, call.integer("output_dtype", 0)?) {
        (Some(zero), _) => zero.element(),
        (None, 0) => Some(Element::U8),
        (None, told) => Element::of(told),
    };
    let (least, most) = match element {
        Some(Element::I8) => (-128, 127),
        Some(Element::U8) => (0, 255),
        Some(Element::I16) => (-32_768, 32_767),
        Some(Element::U16) => (0, 65_535),
        _ => return Err("expected whole numbers of 8 or 16 bits, got others".to_owned()),
    };
    let grid = Grid { scale, zero, least, most };
    Ok(Made::value(Op::Quantize(grid), vec![value], dims.to_vec()))
}

/// What was rounded by the same scale and zero point.
pub(super) fn dequantize<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.data(0)?;
    let Op::Quantize(grid) = call.values[value].op else {
        return Err("expected what a `QuantizeLinear` made, got another value".to_owned());
    };
    let (scale, zero) = scale_and_zero(call)?;
    if (scale, zero) != (grid.scale, grid.zero) {
        return Err(format!(
            "expected the scale and the zero point of the `QuantizeLinear` before, {} and {}, got {scale} and {zero}",
            grid.scale, grid.zero
        ));
    }
    Ok(Made::value(Op::Dequantize(grid), call.values[value].inputs.clone(), dims.to_vec()))
}

/// Whole numbers, their scale and their zero point.
pub(super) fn dynamic<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.data(0)?;
    let step = |op: Op<'a>, dims: &[_]| Step { op, inputs: vec![value], dims: dims.to_vec() };
    Ok(Made::Each(vec![
        step(Op::DynamicQuantize, dims),
        step(Op::DynamicScale(None), &[]),
        step(Op::DynamicQuantize, &[]),
    ]))
}

/// The weight of sums of whole numbers, in steps of 1 from its zero point.
fn weight<'a>(call: &Call<'_, 'a>) -> Verdict<Constant<'a>> {
    let (Some(Some(Known::Data(x))), Some(Some(Known::Data(zero)))) =
        (call.inputs.first(), call.inputs.get(2))
    else {
        return Err(
            "expected what a `DynamicQuantizeLinear` made, with its zero point, got another value".to_owned()
        );
    };
    let [x, zero] = [x, zero].map(|&value| &call.values[value]);
    if !matches!((&x.op, &zero.op), (Op::DynamicQuantize, Op::DynamicQuantize)) || x.inputs != zero.inputs {
        return Err(
            "expected what a `DynamicQuantizeLinear` made, with its zero point, got another value".to_owned()
        );
    }
    let mut zeros = vec![0.0];
    if let Some(zero) = call.maybe_constant(3)? {
        zeros = call.numbers(zero)?;
        // Where each output has a scale of its own, exporters tell as many zero points.
        zeros.dedup();
    }
    if zeros.len() != 1 {
        return Err("expected one zero point of the weight, got several".to_owned());
    }
    let steps = Steps { scales: vec![1.0], zeros, along: Along::All, inputs: Inputs::Whole };
    call.constant(1)?
        .with_steps(steps)
        .ok_or_else(|| "expected a weight as it lies in the file, got a part of one".to_owned())
}

fn with_weight<'c, 'a>(call: &Call<'c, 'a>) -> Verdict<Call<'c, 'a>> {
    let inputs = vec![call.inputs[0].clone(), Some(Known::Constant(weight(call)?))];
    Ok(Call { inputs, ..*call })
}

/// Sums of the products of whole numbers, whose scales are multiplied behind it.
pub(super) fn mat_mul<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    // Each row of a sequence would have a scale of its own here, and there all have one together.
    let (_, dims) = call.data(0)?;
    if dims.len() != 2 {
        return Err(format!("expected rows of features, got values of {} axes", dims.len()));
    }
    dense::mat_mul(&with_weight(call)?)
}

pub(super) fn conv<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    conv::conv(&with_weight(call)?)
}

/// The scale of whole numbers times constants, if it is one.
pub(super) fn scaled<'a>(call: &Call<'_, 'a>, value: usize, constant: &Constant<'a>) -> Option<Made<'a>> {
    let Op::DynamicScale(None) = call.values[value].op else { return None };
    let inputs = call.values[value].inputs.clone();
    Some(Made::value(Op::DynamicScale(Some(constant.clone())), inputs, Vec::new()))
}

/// Sums of whole numbers times their scale, where one of the values is such a sum and the other this scale: weighted sums.
pub(super) fn rescaled<'a>(call: &Call<'_, 'a>, sums: usize, scale: usize) -> Verdict<Option<Made<'a>>> {
    let [sums, scale] = [sums, scale].map(|value| &call.values[value]);
    let &[whole] = &sums.inputs[..] else { return Ok(None) };
    let (Op::DynamicScale(by), Op::DynamicQuantize) = (&scale.op, &call.values[whole].op) else {
        return Ok(None);
    };
    if call.values[whole].inputs != scale.inputs {
        return Err("expected the scale of the whole numbers that are summed, got another".to_owned());
    }
    let by = by.clone().unwrap_or(Constant::of_floats(Vec::new(), vec![1.0]));
    let (rank, mut op) = (sums.dims.len(), sums.op.clone());
    let (weight, outputs, axis) = match &mut op {
        Op::Dense { weight, .. } => (weight, rank - 1, 1),
        Op::Conv(Conv { weight, transposed: None, .. }) => (weight, 1, 0),
        _ => return Ok(None),
    };
    let new = rank.checked_sub(by.dims.len());
    let is_along = new.is_some_and(|new| {
        (0..by.dims.len())
            .all(|place| by.dims[place] == 1 || new + place == outputs && by.dims[place] == weight.dims[axis])
    });
    if !is_along {
        return Err(format!("expected a scale of the weight, or one for each output, got {:?}", by.dims));
    }
    let along = if by.len() == 1 {
        Along::All
    } else {
        Along::Axis { len: weight.dims[axis], inner: weight.dims[axis + 1..].iter().product() }
    };
    *weight = weight.with_scales(call.numbers(&by)?, along);
    Ok(Some(Made::value(op, scale.inputs.clone(), sums.dims.clone())))
}
