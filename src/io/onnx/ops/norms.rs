//! Normalisations.

use super::super::call::{Call, Made, front};
use super::super::constant::Constant;
use super::super::count::pattern;
use super::super::op::{Op, Part};
use crate::io::Verdict;

/// An ε that a normalisation can have.
fn epsilon(call: &Call<'_, '_>, default: f64) -> Verdict<f64> {
    let epsilon = call.float("epsilon", default)?;
    let is_right = epsilon.is_finite() && epsilon > 0.0;
    is_right
        .then_some(epsilon)
        .ok_or_else(|| format!("expected `epsilon`, a finite number above 0, got {epsilon}"))
}

/// A constant with a number for each channel.
fn of_channels<'a>(call: &Call<'_, 'a>, input: usize, channels: Option<usize>) -> Verdict<Constant<'a>> {
    let constant = call.constant(input)?;
    if channels.is_some_and(|channels| constant.dims == [channels]) {
        return Ok(constant.clone());
    }
    Err(format!("expected input {input}, a number for each channel, got {:?}", constant.dims))
}

pub(super) fn batch<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    if let (Ok((mean, _)), Ok((variance, _))) = (call.data(3), call.data(4)) {
        return of_itself(call, mean, variance);
    }
    let (value, dims) = call.samples(0, 1)?;
    // Before opset 14, whoever asks for the statistics of the batch trains.
    let trains = call.flag("training_mode", false)?
        || call.opset < 14 && call.node.outputs.iter().skip(1).any(|output| !output.is_empty());
    if trains || !call.flag("spatial", true)? {
        return Err("expected one of inference and of whole channels, got another".to_owned());
    }
    let of = |input| of_channels(call, input, dims[1].len());
    let op = Op::BatchNorm {
        scale: of(1)?,
        shift: of(2)?,
        mean: of(3)?,
        variance: of(4)?,
        epsilon: epsilon(call, 1e-5)?,
    };
    Ok(Made::value(op, vec![value], dims))
}

/// By the mean and the variance of the value itself, of each index of axis 1: as TensorFlow normalises rows.
fn of_itself<'a>(call: &Call<'_, 'a>, mean: usize, variance: usize) -> Verdict<Made<'a>> {
    let (value, dims) = call.data(0)?;
    let axes: Vec<usize> = (0..dims.len()).filter(|&axis| axis != 1).collect();
    let of = |index: usize| (&call.values[index].op, &call.values[index].inputs[..]);
    let behind_views = |mut index: usize| {
        while let (Op::Regroup, &[before]) = of(index) {
            index = before;
        }
        index
    };
    let of_mean = |index: usize| match of(behind_views(index)) {
        (Op::Reduce { axes: own, is_max: false }, &[whole]) if *own == axes => Some(whole),
        _ => None,
    };
    let centred = of_mean(variance).and_then(|square| match of(square) {
        (Op::Part(Part::Power(2.0)), &[centred]) => Some(centred),
        (Op::Multiply, &[a, b]) if a == b => Some(a),
        _ => None,
    });
    let is_centred = |centred: usize| match of(centred) {
        (Op::Subtract, &[whole, own]) => whole == value && of_mean(own) == Some(value),
        _ => false,
    };
    if of_mean(mean) != Some(value) || !centred.is_some_and(is_centred) || dims.len() < 2 {
        return Err("expected mean and variance that are constants or the value's own, got others".to_owned());
    }
    let one = |number: f64, nothing: f64| {
        (number != nothing).then(|| Constant::of_floats(Vec::new(), vec![number]))
    };
    let (scale, shift) = (one(call.uniform(1, &dims[1..2])?, 1.0), one(call.uniform(2, &dims[1..2])?, 0.0));
    let op = Op::LayerNorm { axes, scale, shift, epsilon: epsilon(call, 1e-5)?, is_rms: false };
    Ok(Made::value(op, vec![value], dims.to_vec()))
}

pub(super) fn instance<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.samples(0, 2)?;
    let channels = dims[1].len();
    let (scale, shift) = (of_channels(call, 1, channels)?, of_channels(call, 2, channels)?);
    let groups = channels.unwrap_or(0);
    let op = Op::GroupNorm { groups, scale: Some(scale), shift: Some(shift), epsilon: epsilon(call, 1e-5)? };
    Ok(Made::value(op, vec![value], dims))
}

/// Up to opset 20 its numbers are those of groups, and of channels from then on.
pub(super) fn group<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.samples(0, 1)?;
    let channels = dims[1].len().unwrap_or(0);
    let groups = usize::try_from(call.integer("num_groups", 0)?)
        .ok()
        .filter(|&groups| groups > 0 && channels.is_multiple_of(groups));
    let groups = groups.ok_or_else(|| {
        format!("expected `num_groups`, a number that divides the channels, got {channels} channels")
    })?;
    let of = |input: usize| -> Verdict<Constant<'a>> {
        let constant = call.constant(input)?;
        if constant.dims == [groups] && call.opset < 21 {
            let each = constant.viewed(&[(groups, constant.stride(0)), (channels / groups, 0)], 0);
            let numbers = call.numbers(&each)?;
            return Ok(Constant::of_floats(vec![channels], numbers));
        }
        of_channels(call, input, Some(channels))
    };
    let op =
        Op::GroupNorm { groups, scale: Some(of(1)?), shift: Some(of(2)?), epsilon: epsilon(call, 1e-5)? };
    Ok(Made::value(op, vec![value], dims))
}

pub(super) fn layer<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    over_last(call, false)
}

pub(super) fn rms<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    over_last(call, true)
}

fn over_last<'a>(call: &Call<'_, 'a>, is_rms: bool) -> Verdict<Made<'a>> {
    let (value, dims) = call.samples(0, 1)?;
    let axis = front(call.integer("axis", -1)?, dims.len())?;
    if axis == 0 {
        return Err("expected axes behind the samples, got all".to_owned());
    }
    for constant in [call.maybe_constant(1)?, call.maybe_constant(2)?].into_iter().flatten() {
        let lengths = constant.dims.iter().rev().zip(dims[axis..].iter().rev());
        if constant.dims.len() > dims.len() - axis
            || !lengths.clone().all(|(&len, dim)| len == 1 || dim.len() == Some(len))
        {
            return Err(format!(
                "expected numbers for the axes from {axis} on of {}, got {:?}",
                pattern(&dims),
                constant.dims
            ));
        }
    }
    let (scale, shift) = (call.maybe_constant(1)?.cloned(), call.maybe_constant(2)?.cloned());
    Ok(Made::value(
        Op::LayerNorm {
            axes: (axis..dims.len()).collect(),
            scale,
            shift,
            epsilon: epsilon(call, 1e-5)?,
            is_rms,
        },
        vec![value],
        dims,
    ))
}
