//! Softmax and its logarithm.

use super::super::call::{Call, Made, front};
use super::super::op::Op;
use crate::io::Verdict;

pub(super) fn softmax<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    along(call, false)
}

pub(super) fn log_softmax<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    along(call, true)
}

/// Up to opset 12 it is over all axes from one on, and over one axis from then on.
fn along<'a>(call: &Call<'_, 'a>, is_log: bool) -> Verdict<Made<'a>> {
    let (value, dims) = call.samples(0, 1)?;
    let is_old = call.opset < 13;
    let axis = front(call.integer("axis", if is_old { 1 } else { -1 })?, dims.len())?;
    if axis == 0 {
        return Err("expected an axis behind the samples, got that of the samples".to_owned());
    }
    let axes = if is_old { (axis..dims.len()).collect() } else { vec![axis] };
    Ok(Made::value(Op::Softmax { axes, is_log }, vec![value], dims))
}
