//! Sums, products and powers: of two values, or of one and constants.

use super::super::call::{Call, Known, Made};
use super::super::constant::{Constant, common};
use super::super::count::{Count, pattern};
use super::super::op::{Op, Part};
use super::activations::clipped;
use super::quantized;
use crate::io::Verdict;

/// The two sides of an operation of which at least one depends on the input.
enum Sides<'c, 'a> {
    Both(usize, usize),
    /// Value and constant, in this order.
    Right(usize, &'c Constant<'a>),
    /// Constant and value.
    Left(&'c Constant<'a>, usize),
}

fn sides<'c, 'a>(call: &'c Call<'_, 'a>) -> Verdict<Sides<'c, 'a>> {
    match (&call.inputs[..], call.inputs.len()) {
        ([Some(Known::Data(a)), Some(Known::Data(b))], _) => Ok(Sides::Both(*a, *b)),
        ([Some(Known::Data(a)), Some(Known::Constant(b))], _) => Ok(Sides::Right(*a, b)),
        ([Some(Known::Constant(a)), Some(Known::Data(b))], _) => Ok(Sides::Left(a, *b)),
        (_, count) => Err(format!("expected two inputs, got {count}")),
    }
}

/// A value with constants that are repeated along its axes.
fn affine<'a>(
    call: &Call<'_, 'a>,
    value: usize,
    scale: Option<Constant<'a>>,
    shift: Option<Constant<'a>>,
) -> Verdict<Made<'a>> {
    let mut dims = call.values[value].dims.clone();
    for constant in scale.iter().chain(&shift) {
        if constant.dims.len() == dims.len() && constant.dims.first() > Some(&1) {
            return Err(format!(
                "expected constants that are the same for all samples, got {:?}",
                constant.dims
            ));
        }
        let of_constant: Vec<Count> = constant.dims.iter().map(|&dim| Count::of_len(dim)).collect();
        let rank = dims.len();
        dims =
            common(&dims, &of_constant, Count::of(1)).filter(|dims| dims.len() == rank).ok_or_else(|| {
                let before = pattern(&call.values[value].dims);
                format!(
                    "expected constants that are repeated along the axes of {before}, got {:?}",
                    constant.dims
                )
            })?;
    }
    Ok(Made::value(Op::Affine { scale, shift }, vec![value], dims))
}

/// Two values of the same axes, or of such as NumPy repeats.
fn both<'a>(call: &Call<'_, 'a>, op: Op<'a>, a: usize, b: usize) -> Verdict<Made<'a>> {
    let [a_dims, b_dims] = [a, b].map(|value| call.values[value].dims.clone());
    let dims = common(&a_dims, &b_dims, Count::of(1));
    let dims = dims.ok_or_else(|| {
        format!("expected inputs of the same axes, got {} and {}", pattern(&a_dims), pattern(&b_dims))
    })?;
    Ok(Made::value(op, vec![a, b], dims))
}

pub(super) fn add<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    match sides(call)? {
        Sides::Both(a, b) => both(call, Op::Add, a, b),
        Sides::Right(value, constant) | Sides::Left(constant, value) => {
            affine(call, value, None, Some(constant.clone()))
        }
    }
}

pub(super) fn subtract<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    match sides(call)? {
        Sides::Both(a, b) => both(call, Op::Subtract, a, b),
        Sides::Right(value, constant) => {
            affine(call, value, None, Some(call.mapped(constant, |number| -number)?))
        }
        Sides::Left(constant, value) => affine(call, value, Some(one(-1.0)), Some(constant.clone())),
    }
}

pub(super) fn negate<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    affine(call, call.data(0)?.0, Some(one(-1.0)), None)
}

pub(super) fn multiply<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    match sides(call)? {
        Sides::Both(a, b) => {
            for (sums, scale) in [(a, b), (b, a)] {
                if let Some(made) = quantized::rescaled(call, sums, scale)? {
                    return Ok(made);
                }
            }
            both(call, Op::Multiply, a, b)
        }
        Sides::Right(value, constant) | Sides::Left(constant, value) => {
            match quantized::scaled(call, value, constant) {
                Some(made) => Ok(made),
                None => affine(call, value, Some(constant.clone()), None),
            }
        }
    }
}

pub(super) fn divide<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    match sides(call)? {
        Sides::Both(a, b) => both(call, Op::Divide, a, b),
        // Both have one type.
        Sides::Right(_, constant) if constant.is_whole() && takes_whole(call) => {
            Err("expected numbers with fractions, got a quotient of whole ones, which is rounded".to_owned())
        }
        Sides::Right(value, constant) => match (&call.values[value].op, constant.scalar()) {
            // A sum that is divided by as many as it has: a mean.
            (Op::Affine { scale: Some(scale), shift: None }, Some(count))
                if scale.scalar() == Some(count) =>
            {
                Ok(Made::Same(call.values[value].inputs[0]))
            }
            _ => affine(call, value, Some(call.mapped(constant, f64::recip)?), None),
        },
        Sides::Left(constant, value) if constant.scalar() == Some(1.0) => {
            Ok(Made::value(Op::Part(Part::Reciprocal), vec![value], call.values[value].dims.clone()))
        }
        Sides::Left(..) => {
            Err("expected a divisor that is a constant, or 1 divided by a value, got another number"
                .to_owned())
        }
    }
}

/// Whether the input of the model is of whole numbers.
fn takes_whole(call: &Call<'_, '_>) -> bool {
    matches!(call.values.first().map(|value| &value.op), Some(Op::Input { is_whole: true }))
}

fn one(number: f64) -> Constant<'static> {
    Constant::of_floats(Vec::new(), vec![number])
}

pub(super) fn power<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.data(0)?;
    let power = call.constant(1)?.scalar().ok_or("expected a power that is one number, got several")?;
    let part = if power == 0.5 { Part::Sqrt } else { Part::Power(power) };
    Ok(Made::value(Op::Part(part), vec![value], dims.to_vec()))
}

/// Whether a value is above a number.
pub(super) fn greater<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.data(0)?;
    let number = call.constant(1)?.scalar().ok_or("expected one number, got several")?;
    Ok(Made::value(Op::Part(Part::Above(number)), vec![value], dims.to_vec()))
}

/// The number that the other side is bounded by.
fn bound(call: &Call<'_, '_>) -> Verdict<f64> {
    match sides(call)? {
        Sides::Right(_, constant) | Sides::Left(constant, _) if constant.len() == 1 => constant.scalar(),
        _ => None,
    }
    .ok_or_else(|| "expected a value and one number, got something else".to_owned())
}

fn swapped<'c, 'a>(call: &Call<'c, 'a>) -> Call<'c, 'a> {
    let mut inputs = call.inputs.clone();
    inputs.sort_by_key(|input| !matches!(input, Some(Known::Data(_))));
    Call { inputs, ..*call }
}

pub(super) fn max<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    if let Sides::Both(a, b) = sides(call)? {
        return both(call, Op::Bound { is_max: true }, a, b);
    }
    clipped(&swapped(call), bound(call)?, f64::INFINITY)
}

pub(super) fn min<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    if let Sides::Both(a, b) = sides(call)? {
        return both(call, Op::Bound { is_max: false }, a, b);
    }
    clipped(&swapped(call), f64::NEG_INFINITY, bound(call)?)
}
