//! Means and largest numbers over whole axes.

use super::super::call::{Call, Made};
use super::super::count::Count;
use super::super::op::Op;
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

fn over_axes<'a>(call: &Call<'_, 'a>, is_max: bool) -> Verdict<Made<'a>> {
    let (value, dims) = call.samples(0, 0)?;
    let axes = call.axes("axes", 1, dims.len())?.filter(|axes| !axes.is_empty());
    if axes.is_none() && call.flag("noop_with_empty_axes", false)? {
        return Ok(Made::Same(value));
    }
    let axes = axes.unwrap_or_else(|| (0..dims.len()).collect());
    reduced(value, &dims, axes, call.flag("keepdims", true)?, is_max)
}

fn reduced<'a>(
    value: usize,
    dims: &[Count],
    axes: Vec<usize>,
    keeps: bool,
    is_max: bool,
) -> Verdict<Made<'a>> {
    if axes.contains(&0) {
        return Err("expected axes behind the samples, got those of the samples too".to_owned());
    }
    let dims = dims.iter().enumerate().filter_map(|(axis, &dim)| {
        if axes.contains(&axis) { keeps.then_some(Count::of(1)) } else { Some(dim) }
    });
    let dims = dims.collect();
    Ok(Made::value(Op::Reduce { axes, is_max }, vec![value], dims))
}
