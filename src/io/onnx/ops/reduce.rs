//! Means and largest numbers over whole axes.

use super::super::call::{Call, Made, Step};
use super::super::constant::Constant;
use super::super::count::Count;
use super::super::op::{Op, Part};
use crate::io::Verdict;

pub(super) fn global_average<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    global(call, false)
}

pub(super) fn global_max<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    global(call, true)
}

fn global<'a>(call: &Call<'_, 'a>, is_max: bool) -> Verdict<Made<'a>> {
    let (value, dims) = call.samples(0, 2)?;
    reduced(value, &dims, (2..dims.len()).collect(), true, is_max)
}

pub(super) fn mean<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    over_axes(call, false)
}

pub(super) fn max<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    over_axes(call, true)
}

/// −max(−x)
pub(super) fn min<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.data(0)?;
    let negated = |inputs, dims| {
        let scale = Some(Constant::of_floats(Vec::new(), vec![-1.0]));
        Step { op: Op::Affine { scale, shift: None }, inputs: vec![inputs], dims }
    };
    let (first, next) = (negated(value, dims.to_vec()), call.values.len());
    match over_axes(call, true)? {
        Made::Way(mut steps) => {
            let dims = steps[0].dims.clone();
            steps[0].inputs = vec![next];
            steps.insert(0, first);
            steps.push(negated(next + 1, dims));
            Ok(Made::Way(steps))
        }
        same => Ok(same),
    }
}

fn over_axes<'a>(call: &Call<'_, 'a>, is_max: bool) -> Verdict<Made<'a>> {
    let (value, dims) = call.data(0)?;
    let axes = call.axes("axes", 1, dims.len())?.filter(|axes| !axes.is_empty());
    if axes.is_none() && call.flag("noop_with_empty_axes", false)? {
        return Ok(Made::Same(value));
    }
    let axes = axes.unwrap_or_else(|| (0..dims.len()).collect());
    reduced(value, dims, axes, call.flag("keepdims", true)?, is_max)
}

/// The mean of squares, times as many as there are of them.
pub(super) fn sum_of_squares<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.data(0)?;
    let axes = call.axes("axes", 1, dims.len())?.filter(|axes| !axes.is_empty());
    let axes = axes.ok_or("expected axes, got none")?;
    let count = axes.iter().try_fold(Count::of(1), |count, &axis| count.times(dims[axis]));
    let count =
        count.and_then(Count::known).ok_or("expected axes of each sample, got those of the samples")?;
    let square = Step { op: Op::Part(Part::Power(2.0)), inputs: vec![value], dims: dims.to_vec() };
    let next = call.values.len();
    let Made::Way(mut steps) = reduced(next, dims, axes, call.flag("keepdims", true)?, false)? else {
        unreachable!("a value")
    };
    let dims = steps[0].dims.clone();
    let scale = Some(Constant::of_floats(Vec::new(), vec![count as f64]));
    steps.insert(0, square);
    steps.push(Step { op: Op::Affine { scale, shift: None }, inputs: vec![next + 1], dims });
    Ok(Made::Way(steps))
}

fn reduced<'a>(
    value: usize,
    dims: &[Count],
    axes: Vec<usize>,
    keeps: bool,
    is_max: bool,
) -> Verdict<Made<'a>> {
    // A first axis of length 1 may be one that stands before that of the samples.
    if axes.iter().any(|&axis| dims[axis].known().is_none()) || axes.contains(&0) && dims[0] != Count::of(1) {
        return Err("expected axes behind the samples, got those of the samples too".to_owned());
    }
    let dims = dims.iter().enumerate().filter_map(|(axis, &dim)| {
        if axes.contains(&axis) { keeps.then_some(Count::of(1)) } else { Some(dim) }
    });
    let dims = dims.collect();
    Ok(Made::value(Op::Reduce { axes, is_max }, vec![value], dims))
}
