//! The same numbers under other axes, in another order, or a part of them.

use super::super::call::{Call, Known, Made, Step, front, front_or_end};
use super::super::constant::Constant;
use super::super::count::{Count, pattern};
use super::super::element::Element;
use super::super::op::Op;
use crate::io::Verdict;

/// What forgets elements while it trains is its input where it does not.
pub(super) fn dropout<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    if call.maybe_constant(2)?.is_some_and(|trains| trains.scalar() != Some(0.0)) {
        return Err("expected one of inference, got one that trains".to_owned());
    }
    same(call)
}

pub(super) fn same<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    Ok(Made::Same(call.data(0)?.0))
}

/// Whether a value is an input of whole numbers, which stand for something.
fn is_label(call: &Call<'_, '_>, value: usize) -> bool {
    matches!(call.values[value].op, Op::Input { is_whole: true })
}

/// The type of the second input; of what is computed there is one type of whole numbers and one of others.
pub(in super::super) fn like(call: &Call<'_, '_>) -> Verdict<Element> {
    let computed = |is_whole| if is_whole { Element::I64 } else { Element::F64 };
    Ok(match call.maybe_constant(1) {
        Ok(Some(like)) => like.element().unwrap_or(computed(like.is_whole())),
        _ => computed(is_label(call, call.data(1)?.0)),
    })
}

/// From one type of numbers to another that has fractions too; a model has one type.
fn converted<'a>(call: &Call<'_, 'a>, element: Element) -> Verdict<Made<'a>> {
    let (value, _) = call.data(0)?;
    if !element.is_whole() || element != Element::Bool && is_label(call, value) {
        return Ok(Made::Same(value));
    }
    Err(format!("expected a type of numbers with fractions, got {element:?}"))
}

/// To the type of another input.
pub(super) fn cast_like<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    converted(call, like(call)?)
}

pub(super) fn cast<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let to = call.integer("to", 1)?;
    let element = Element::of(to);
    let no_numbers = || format!("expected a type of numbers with fractions, got {}", Element::name(to));
    converted(call, element.ok_or_else(no_numbers)?)
}

/// The product of axes.
fn product(dims: &[Count]) -> Option<Count> {
    dims.iter().try_fold(Count::of(1), |product, &dim| product.times(dim))
}

fn regrouped<'a>(value: usize, before: &[Count], dims: Vec<Count>) -> Verdict<Made<'a>> {
    if product(before).is_none() || product(before) != product(&dims) {
        return Err(format!(
            "expected axes of as many elements as {}, got {}",
            pattern(before),
            pattern(&dims)
        ));
    }
    if before == dims {
        return Ok(Made::Same(value));
    }
    Ok(Made::value(Op::Regroup, vec![value], dims))
}

/// The axes that a reshape leads to: 0 stands for that of the input, −1 for what is left.
pub(in super::super) fn reshaped(
    before: &[Count],
    wanted: &[Count],
    allows_zero: bool,
) -> Verdict<Vec<Count>> {
    let mut dims = wanted.to_vec();
    for (axis, dim) in dims.iter_mut().enumerate() {
        if *dim == Count::of(0) && !allows_zero {
            *dim = *before.get(axis).ok_or("expected an axis of the input for a 0, got none")?;
        }
    }
    let is_left = |dim: &Count| *dim == Count::of(-1);
    if dims.iter().filter(|dim| is_left(dim)).count() > 1 {
        return Err(format!("expected at most one axis that is what is left, got {}", pattern(wanted)));
    }
    if let Some(axis) = dims.iter().position(is_left) {
        dims[axis] = Count::of(1);
        let left = product(before).zip(product(&dims)).and_then(|(all, others)| {
            let left = all.over(others)?;
            (left.times(others) == Some(all)).then_some(left)
        });
        dims[axis] = left.ok_or_else(|| {
            format!("expected axes that divide {}, got {}", pattern(before), pattern(wanted))
        })?;
    }
    Ok(dims)
}

pub(super) fn reshape<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, before) = call.data(0)?;
    let wanted = call.list("shape", 1)?.ok_or("expected a shape, got none")?;
    let dims = reshaped(before, &wanted, call.flag("allowzero", false)?)?;
    regrouped(value, before, dims)
}

pub(super) fn flatten<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, before) = call.data(0)?;
    let axis = front_or_end(call.integer("axis", 1)?, before.len())?;
    let (outer, inner) = before.split_at(axis);
    let (Some(outer), Some(inner)) = (product(outer), product(inner)) else {
        return Err(format!("expected axes that fit into memory, got {}", pattern(before)));
    };
    regrouped(value, before, vec![outer, inner])
}

pub(super) fn squeeze<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, before) = call.data(0)?;
    let one = Count::of(1);
    let axes = match call.axes("axes", 1, before.len())? {
        Some(axes) => axes,
        None => (0..before.len()).filter(|&axis| before[axis] == one).collect(),
    };
    if let Some(axis) = axes.iter().find(|&&axis| before[axis] != one) {
        return Err(format!("expected axes of length 1, got axis {axis} of {}", pattern(before)));
    }
    let dims = (0..before.len()).filter(|axis| !axes.contains(axis)).map(|axis| before[axis]).collect();
    regrouped(value, before, dims)
}

/// The axes with new ones of length 1.
pub(in super::super) fn unsqueezed<T: Copy>(call: &Call<'_, '_>, before: &[T], new: T) -> Verdict<Vec<T>> {
    let count = call.list("axes", 1)?.ok_or("expected axes, got none")?.len();
    let rank = before.len() + count;
    let axes = call.axes("axes", 1, rank)?.unwrap_or_default();
    let mut old = before.iter();
    Ok((0..rank)
        .map(
            |axis| if axes.contains(&axis) { new } else { *old.next().expect("the others are the old ones") },
        )
        .collect())
}

pub(super) fn unsqueeze<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, before) = call.data(0)?;
    let dims = unsqueezed(call, before, Count::of(1))?;
    regrouped(value, before, dims)
}

/// The order of axes that a transpose says: all turned round, unless it is told.
pub(in super::super) fn order(call: &Call<'_, '_>, rank: usize) -> Verdict<Vec<usize>> {
    let order = call.axes("perm", usize::MAX, rank)?.unwrap_or_else(|| (0..rank).rev().collect());
    if order.len() == rank {
        Ok(order)
    } else {
        Err(format!("expected `perm`, {rank} axes, got {}", order.len()))
    }
}

pub(super) fn transpose<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, before) = call.data(0)?;
    let order = order(call, before.len())?;
    let dims = order.iter().map(|&axis| before[axis]).collect();
    Ok(Made::value(Op::Transpose(order), vec![value], dims))
}

pub(super) fn expand<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, before) = call.data(0)?;
    let wanted = call.list("shape", 1)?.ok_or("expected a shape, got none")?;
    let changes = wanted
        .iter()
        .rev()
        .zip(before.iter().rev())
        .any(|(wanted, dim)| wanted != dim && *wanted != Count::of(1));
    if changes || wanted.len() > before.len() {
        return Err(format!("expected the axes of the input, {}, got {}", pattern(before), pattern(&wanted)));
    }
    Ok(Made::Same(value))
}

/// Zeros around an image.
pub(super) fn pad<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, before) = call.samples(0, 0)?;
    let rank = before.len();
    match call.text("mode")?.as_deref() {
        None | Some("constant") => {}
        Some(other) => return Err(format!("expected `mode`, constant, got {other}")),
    }
    let filled = match call.maybe_constant(2)? {
        Some(constant) => constant.scalar().unwrap_or(f64::NAN),
        None => call.float("value", 0.0)?,
    };
    if filled != 0.0 {
        return Err(format!("expected zeros around an image, got {filled}"));
    }
    let pads = call.list("pads", 1)?.ok_or("expected `pads`, got none")?;
    let pads =
        pads.iter().map(|pad| pad.len().filter(|&pad| (pad as u64) < 1 << 40)).collect::<Option<Vec<_>>>();
    let pads = pads.ok_or("expected `pads`, numbers of at least 0, got others")?;
    let axes = call.axes("axes", 3, rank)?.unwrap_or_else(|| (0..rank).collect());
    if pads.len() != 2 * axes.len() {
        return Err(format!("expected `pads`, {} numbers, got {}", 2 * axes.len(), pads.len()));
    }
    let (mut first, mut last) = (vec![0; rank], vec![0; rank]);
    for (place, &axis) in axes.iter().enumerate() {
        (first[axis], last[axis]) = (pads[place], pads[axes.len() + place]);
    }
    let dims = (0..rank).map(|axis| before[axis].plus(Count::of_len(first[axis] + last[axis])));
    let dims = dims
        .collect::<Option<Vec<_>>>()
        .ok_or("expected an image that fits into memory, got a larger one")?;
    if dims == before {
        return Ok(Made::Same(value));
    }
    if first[0] + last[0] > 0 {
        return Err("expected zeros around each sample, got more samples".to_owned());
    }
    Ok(Made::value(Op::Pad { before: first, after: last }, vec![value], dims))
}

/// The bounds of a slice along an axis of this length, with a step of 1.
pub(in super::super) fn bounds(start: i64, end: i64, len: usize) -> (usize, usize) {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let inside =
        |bound: i64| (if bound < 0 { bound.saturating_add(len) } else { bound }).clamp(0, len) as usize;
    (inside(start), inside(end).max(inside(start)))
}

/// A part of one axis; the whole of it is the input itself.
pub(super) fn slice<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, before) = call.data(0)?;
    let rank = before.len();
    let starts = call.list("starts", 1)?.ok_or("expected `starts`, got none")?;
    let ends = call.list("ends", 2)?.ok_or("expected `ends`, got none")?;
    let axes = call.axes("axes", 3, rank)?.unwrap_or_else(|| (0..starts.len().min(rank)).collect());
    if call.list("steps", 4)?.is_some_and(|steps| steps.iter().any(|&step| step != Count::of(1))) {
        return Err("expected steps of 1, got others".to_owned());
    }
    if axes.len() != starts.len() || axes.len() != ends.len() {
        return Err(format!(
            "expected as many starts and ends as axes, got {}, {} and {}",
            starts.len(),
            ends.len(),
            axes.len()
        ));
    }
    let (mut dims, mut cut) = (before.to_vec(), None);
    for ((&axis, start), end) in axes.iter().zip(&starts).zip(&ends) {
        let is_whole = *start == Count::of(0)
            && (*end == before[axis] || end.known().is_some_and(|end| end >= i64::from(i32::MAX)));
        if is_whole {
            continue;
        }
        let (Some(start), Some(end), Some(len)) = (start.known(), end.known(), before[axis].len()) else {
            return Err("expected a part of each sample, got a part of the samples".to_owned());
        };
        let (start, end) = bounds(start, end, len);
        if (start, end) != (0, len) && cut.replace((axis, start)).is_some() {
            return Err("expected a part of one axis, got one of several".to_owned());
        }
        dims[axis] = Count::of_len(end - start);
    }
    match cut {
        None => Ok(Made::Same(value)),
        Some((0, _)) => Err("expected a part of each sample, got a part of the samples".to_owned()),
        Some((axis, start)) => Ok(Made::value(Op::Slice { axis, start }, vec![value], dims)),
    }
}

/// How long the parts are in which an axis of this length is split: as long as one another, the last one shorter, unless it is told.
pub(in super::super) fn parts(call: &Call<'_, '_>, len: usize) -> Verdict<Vec<usize>> {
    let outputs = call.node.outputs.len().max(1);
    let parts: Vec<usize> = if let Some(parts) = call.list("split", 1)? {
        parts.iter().map(|part| part.len().unwrap_or(usize::MAX)).collect()
    } else {
        let most = len.div_ceil(outputs);
        (0..outputs).map(|part| most.min(len.saturating_sub(part * most))).collect()
    };
    let together = parts.iter().try_fold(0_usize, |sum, &part| sum.checked_add(part));
    if parts.len() == outputs && together == Some(len) {
        return Ok(parts);
    }
    Err(format!("expected {outputs} parts of {len} together, got {:?}", &parts[..parts.len().min(8)]))
}

/// Parts of an axis, one after another.
pub(super) fn split<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, before) = call.samples(0, 1)?;
    let axis = front(call.integer("axis", 0)?, before.len())?;
    let len = before[axis].len().filter(|_| axis > 0);
    let parts = parts(call, len.ok_or("expected parts of each sample, got parts of the samples")?)?;
    let mut start = 0;
    let steps = parts.into_iter().map(|part| {
        let mut dims = before.clone();
        dims[axis] = Count::of_len(part);
        start += part;
        Step { op: Op::Slice { axis, start: start - part }, inputs: vec![value], dims }
    });
    Ok(Made::Each(steps.collect()))
}

/// The axes of a value as numbers, those from `start` to `end` where they are told.
pub(in super::super) fn shape<'a>(call: &Call<'_, 'a>) -> Verdict<Constant<'a>> {
    let dims: Vec<Count> = match call.inputs.first() {
        Some(Some(Known::Constant(constant))) => {
            constant.dims.iter().map(|&dim| Count::of_len(dim)).collect()
        }
        _ => call.data(0)?.1.to_vec(),
    };
    let (start, end) = bounds(call.integer("start", 0)?, call.integer("end", i64::MAX)?, dims.len());
    Ok(Constant::of_list(dims[start..end].to_vec()))
}
