//! Convolutions.

use super::super::call::{Call, Made};
use super::super::count::{Count, pattern};
use super::super::op::{Conv, Op};
use super::window::{lengths, places, slide};
use crate::io::Verdict;
use crate::layers::{Padding, Sides};

/// The channels, the groups and the window's sides, of a weight that fits the input.
fn shape(call: &Call<'_, '_>, dims: &[Count]) -> Verdict<(usize, Vec<usize>)> {
    let weight = call.constant(1)?;
    let groups = usize::try_from(call.integer("group", 1)?).unwrap_or(0);
    if dims.len() < 3 || weight.dims.len() != dims.len() || groups == 0 || weight.dims.contains(&0) {
        return Err(format!(
            "expected an image or a sequence with channels first and a weight for it, got {} and {:?}",
            pattern(dims),
            weight.dims
        ));
    }
    let kernel = weight.dims[2..].to_vec();
    match lengths(call, "kernel_shape", kernel.len())? {
        Some(told) if told != kernel => {
            Err(format!("expected `kernel_shape`, {kernel:?} as the weight has it, got {told:?}"))
        }
        _ => Ok((groups, kernel)),
    }
}

fn fits(
    dims: &[Count],
    inputs: Option<usize>,
    outputs: usize,
    groups: usize,
    weight: &[usize],
) -> Verdict<()> {
    let is_right = inputs.is_some() && dims[1].len() == inputs && outputs.is_multiple_of(groups);
    if is_right && inputs.is_some_and(|inputs| inputs.is_multiple_of(groups)) {
        return Ok(());
    }
    Err(format!("expected a weight for {} in {groups} groups, got {weight:?}", pattern(dims)))
}

pub(super) fn conv<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.samples(0, 2)?;
    let (groups, kernel) = shape(call, &dims)?;
    let (weight, bias) = (call.constant(1)?.clone(), call.maybe_constant(2)?.cloned());
    let outputs = weight.dims[0];
    fits(&dims, weight.dims[1].checked_mul(groups), outputs, groups, &weight.dims)?;
    check_bias(bias.as_ref().map(|bias| &bias.dims[..]), outputs)?;
    let slide = slide(call, &kernel)?;
    let dims = places(&slide, &dims, outputs)?;
    Ok(Made::value(Op::Conv(Conv { weight, bias, groups, slide, transposed: None }), vec![value], dims))
}

fn check_bias(bias: Option<&[usize]>, outputs: usize) -> Verdict<()> {
    match bias {
        Some(bias) if bias != [outputs] => Err(format!("expected a bias of {outputs} numbers, got {bias:?}")),
        _ => Ok(()),
    }
}

pub(super) fn transposed<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (value, dims) = call.samples(0, 2)?;
    let (groups, kernel) = shape(call, &dims)?;
    let (weight, bias) = (call.constant(1)?.clone(), call.maybe_constant(2)?.cloned());
    let outputs =
        weight.dims[1].checked_mul(groups).ok_or("expected channels that fit into memory, got more")?;
    fits(&dims, Some(weight.dims[0]), outputs, groups, &weight.dims)?;
    check_bias(bias.as_ref().map(|bias| &bias.dims[..]), outputs)?;
    let mut slide = slide(call, &kernel)?;
    let more = lengths(call, "output_padding", kernel.len())?.unwrap_or(vec![0; kernel.len()]);
    let told = lengths(call, "output_shape", kernel.len())?;
    if slide.ceil_mode {
        return Err("expected a convolution without `ceil_mode`, got one with it".to_owned());
    }
    let mut more = match *more {
        [length] => [0, length],
        _ => [more[0], more[1]],
    };
    let of = |sides: Sides, axis: usize| <[usize; 2]>::from(sides)[axis];
    let (mut made, mut before, mut after) = (vec![dims[0], Count::of_len(outputs)], [0; 2], [0; 2]);
    for (place, dim) in dims[2..].iter().enumerate() {
        let axis = if slide.is_sequence { 1 } else { place };
        let len = dim.len().unwrap_or(0);
        let [kernel, stride, dilation] =
            [slide.kernel, slide.stride, slide.dilation].map(|sides| of(sides, axis));
        // What the windows cover, before anything is cut off.
        let covered = (|| {
            let reach = dilation.checked_mul(kernel - 1)?.checked_add(1)?;
            len.checked_sub(1)?.checked_mul(stride)?.checked_add(reach)?.checked_add(more[axis])
        })();
        let mut covered = covered.ok_or("expected an image that fits into memory, got a larger one")?;
        let target = match (&told, slide.padding) {
            (Some(told), _) => Some(told[place]),
            (None, Padding::Same | Padding::SameLower) => len.checked_mul(stride),
            _ => None,
        };
        (before[axis], after[axis]) = match (target, slide.padding) {
            (Some(target), padding) => {
                // One that is missing is added behind. Of more, or of SAME, runtimes do not agree where they are.
                let missing = target.saturating_sub(covered);
                if missing > usize::from(told.is_some() && matches!(padding, Padding::Valid)) {
                    return Err(format!(
                        "expected at most {covered} places, which the windows cover, got {target}"
                    ));
                }
                more[axis] += missing;
                covered += missing;
                let cut = covered.saturating_sub(target);
                if padding == Padding::SameLower || told.is_some() && padding != Padding::Same {
                    (cut - cut / 2, cut / 2)
                } else {
                    (cut / 2, cut - cut / 2)
                }
            }
            (None, Padding::Border(border)) => (of(border, axis), of(border, axis)),
            (None, Padding::Each { before, after }) => (of(before, axis), of(after, axis)),
            (None, _) => (0, 0),
        };
        let places = before[axis]
            .checked_add(after[axis])
            .and_then(|cut| covered.checked_sub(cut))
            .filter(|&places| places > 0);
        let places = places.and_then(|places| i64::try_from(places).ok());
        made.push(Count::of(places.ok_or_else(|| {
            format!("expected padding that leaves something of {covered} places, got none")
        })?));
    }
    slide.padding = match before == after {
        true if before == [0; 2] => Padding::Valid,
        true => Padding::Border(before.into()),
        false => Padding::Each { before: before.into(), after: after.into() },
    };
    Ok(Made::value(
        Op::Conv(Conv { weight, bias, groups, slide, transposed: Some(more.into()) }),
        vec![value],
        made,
    ))
}
