//! Whole numbers of few bits, and constants that are rounded to them.

use super::super::call::{Call, front};
use super::super::constant::{Constant, elements};
use super::super::element::Element;
use super::super::steps::{Along, Inputs, Steps};
use crate::io::Verdict;

/// The scales and zero points of an operation, for a tensor of these axes.
fn steps(call: &Call<'_, '_>, dims: &[usize]) -> Verdict<Steps> {
    let (scale, zero) = (call.constant(1)?, call.maybe_constant(2)?);
    let along = if scale.len() == 1 {
        Along::All
    } else {
        let axis = front(call.integer("axis", 1)?, dims.len())?;
        // Where there is no element, no place is asked for.
        let inner = elements(&dims[axis + 1..]).unwrap_or(usize::MAX).max(1);
        let len = dims[axis].max(1);
        let run = usize::try_from(call.integer("block_size", 0)?).unwrap_or(0);
        if run == 0 {
            if scale.dims != [dims[axis]] {
                return Err(format!(
                    "expected one scale, or one for each index of axis {axis} of {dims:?}, got {:?}",
                    scale.dims
                ));
            }
            Along::Axis { len, inner }
        } else {
            let mut expected = dims.to_vec();
            expected[axis] = dims[axis].div_ceil(run);
            if scale.dims != expected {
                return Err(format!(
                    "expected a scale for each {run} along axis {axis}, {expected:?}, got {:?}",
                    scale.dims
                ));
            }
            Along::Runs { len, inner, run }
        }
    };
    if let Some(zero) = zero.filter(|zero| zero.len() != 1 && zero.dims != scale.dims) {
        return Err(format!("expected a zero point for each scale, {:?}, got {:?}", scale.dims, zero.dims));
    }
    let zeros = zero.map(|zero| call.numbers(zero)).transpose()?.unwrap_or_default();
    Ok(Steps { scales: call.numbers(scale)?, zeros, along, inputs: Inputs::Whole })
}

/// (x − zero point)·scale, for the whole, for each index along an axis, or for runs of them.
pub(super) fn dequantized<'a>(call: &Call<'_, 'a>) -> Verdict<Vec<Constant<'a>>> {
    let quantized = call.constant(0)?;
    let steps = steps(call, &quantized.dims)?;
    if let Some(constant) = quantized.with_steps(steps) {
        return Ok(vec![constant]);
    }
    let numbers = Constant::of_floats(quantized.dims.clone(), call.numbers(quantized)?);
    let constant = numbers.with_steps(self::steps(call, &quantized.dims)?);
    Ok(vec![constant.ok_or("expected numbers, got others")?.named(quantized.name)])
}

/// x/scale + zero point, rounded to the nearest whole number of the type, the even one of two.
pub(super) fn quantized<'a>(call: &Call<'_, 'a>) -> Verdict<Vec<Constant<'a>>> {
    let constant = call.constant(0)?;
    let steps = steps(call, &constant.dims)?;
    let element = match (call.maybe_constant(2)?, call.integer("output_dtype", 0)?) {
        (Some(zero), _) => zero.element(),
        (None, 0) => Some(Element::U8),
        (None, told) => Element::of(told),
    };
    let (element, least, most) = match element {
        Some(element @ Element::I8) => (element, -128.0, 127.0),
        Some(element @ Element::U8) => (element, 0.0, 255.0),
        Some(element @ Element::I4) => (element, -8.0, 7.0),
        Some(element @ Element::U4) => (element, 0.0, 15.0),
        _ => return Err("expected whole numbers of 4 or 8 bits, got others".to_owned()),
    };
    if !steps.scales.iter().all(|&scale| (scale as f32).is_normal() && scale > 0.0) {
        return Err("expected scales above 0, got others".to_owned());
    }
    let whole = |(place, number): (usize, f64)| {
        // As single precision has it.
        let quotient = f64::from(number as f32 / steps.scale(place) as f32);
        let whole = (quotient.round_ties_even() + steps.zero(place)).clamp(least, most);
        if least < 0.0 { (whole as i8).cast_unsigned() } else { whole as u8 }
    };
    let bytes: Vec<u8> = call.numbers(constant)?.into_iter().enumerate().map(whole).collect();
    Ok(vec![Constant::of_bytes(constant.dims.clone(), element, bytes.into(), constant.name)])
}
