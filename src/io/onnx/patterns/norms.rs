//! Normalisations of each sample that were taken apart, and their scales and shifts.

use super::super::constant::Constant;
use super::super::op::{Flow, Op, Part};

pub(super) fn apply(flow: &mut Flow<'_>) {
    for index in 1..flow.values.len() {
        if let Some((op, start)) = over_axes(flow, index).or_else(|| of_groups(flow, index)) {
            let value = &mut flow.values[index];
            (value.op, value.inputs) = (op, vec![start]);
        }
    }
    let uses = flow.uses();
    for index in 1..flow.values.len() {
        if let Some((op, input)) = with_numbers(flow, index, &uses) {
            let name = flow.values[flow.values[index].inputs[0]].name;
            let value = &mut flow.values[index];
            (value.op, value.inputs) = (op, vec![input]);
            value.name = name;
        }
    }
}

/// A value that is the quotient of x and √(mean of x² over axes + ε), where x may be what is left of another without its mean.
fn over_axes<'a>(flow: &Flow<'a>, index: usize) -> Option<(Op<'a>, usize)> {
    let value = &flow.values[index];
    let op = |index: usize| &flow.values[index].op;
    let input = |index: usize| flow.values[index].inputs.first().copied();
    // x / √…, x · 1/√…, x · (…)^−½
    let (top, mean) = match (&value.op, &value.inputs[..]) {
        (Op::Divide, &[top, root]) if matches!(op(root), Op::Part(Part::Sqrt)) => (top, input(root)?),
        (Op::Multiply, &[a, b]) => {
            let root = |by: usize| match op(by) {
                Op::Part(Part::Reciprocal) => {
                    input(by).filter(|&root| matches!(op(root), Op::Part(Part::Sqrt))).and_then(input)
                }
                Op::Part(Part::Power(-0.5)) => input(by),
                _ => None,
            };
            match root(b) {
                Some(mean) => (a, mean),
                None => (b, root(a)?),
            }
        }
        _ => return None,
    };
    let Op::Affine { scale: None, shift: Some(epsilon) } = op(mean) else { return None };
    let epsilon = epsilon.scalar().filter(|&epsilon| epsilon > 0.0)?;
    let mean = input(mean)?;
    let Op::Reduce { axes, is_max: false } = op(mean) else { return None };
    let square = input(mean)?;
    let squared = match (op(square), &flow.values[square].inputs[..]) {
        (Op::Part(Part::Power(2.0)), &[x]) => x,
        (Op::Multiply, &[a, b]) if a == b => a,
        _ => return None,
    };
    let keeps = |reduced: usize, of: usize| flow.values[reduced].dims.len() == flow.values[of].dims.len();
    if !keeps(mean, squared) || flow.values[top].dims != value.dims {
        return None;
    }
    let norm = |is_rms: bool| Op::LayerNorm { axes: axes.clone(), scale: None, shift: None, epsilon, is_rms };
    let centred = |index: usize| match (op(index), &flow.values[index].inputs[..]) {
        (Op::Subtract, &[x, mean]) => {
            let is_mean = matches!(op(mean), Op::Reduce { axes: own, is_max: false } if own == axes);
            (is_mean && input(mean) == Some(x) && keeps(mean, x)).then_some(x)
        }
        _ => None,
    };
    match (centred(top), centred(squared)) {
        // Exporters compute the difference once, or once for each use.
        (Some(x), Some(other)) if x == other => Some((norm(false), x)),
        _ => (top == squared).then(|| (norm(true), top)),
    }
}

/// Groups of channels as channels of another image, normalised each for itself, as PyTorch exports it.
fn of_groups<'a>(flow: &Flow<'a>, index: usize) -> Option<(Op<'a>, usize)> {
    let value = &flow.values[index];
    let (Op::Regroup, &[norm]) = (&value.op, &value.inputs[..]) else { return None };
    let Op::GroupNorm { groups, scale, shift, epsilon } = &flow.values[norm].op else { return None };
    let regrouped = flow.values[norm].inputs[0];
    let x = *flow.values[regrouped]
        .inputs
        .first()
        .filter(|_| matches!(flow.values[regrouped].op, Op::Regroup))?;
    let dims = &flow.values[regrouped].dims;
    let all = |constant: &Option<Constant<'_>>, number: f64| {
        let floats = constant.as_ref().filter(|constant| constant.len() <= 1 << 16).map(Constant::floats);
        floats.is_none_or(|floats| floats.is_some_and(|floats| floats.iter().all(|&float| float == number)))
    };
    let channels = value.dims.get(1)?.len()?;
    let is_of_groups = dims.len() == 3
        && dims[0] == value.dims[0]
        && dims[1].len() == Some(*groups)
        && channels.is_multiple_of(*groups);
    let is_plain = all(scale, 1.0) && all(shift, 0.0) && flow.values[x].dims == value.dims;
    let op = Op::GroupNorm { groups: *groups, scale: None, shift: None, epsilon: *epsilon };
    (is_of_groups && is_plain).then_some((op, x))
}

/// A normalisation without numbers of its own takes those behind it.
fn with_numbers<'a>(flow: &Flow<'a>, index: usize, uses: &[usize]) -> Option<(Op<'a>, usize)> {
    let value = &flow.values[index];
    let (Op::Affine { scale, shift }, &[norm]) = (&value.op, &value.inputs[..]) else { return None };
    if uses[norm] != 1 {
        return None;
    }
    let rank = value.dims.len();
    let varies = |constant: &Constant<'_>| -> Vec<usize> {
        let new = rank - constant.dims.len();
        (0..constant.dims.len()).filter(|&axis| constant.dims[axis] > 1).map(|axis| new + axis).collect()
    };
    let mut op = flow.values[norm].op.clone();
    match &mut op {
        Op::LayerNorm { axes, scale: own_scale @ None, shift: own_shift @ None, is_rms, .. } => {
            let fits = scale
                .iter()
                .chain(shift)
                .all(|constant| varies(constant).iter().all(|axis| axes.contains(axis)));
            if !fits || *is_rms && shift.is_some() {
                return None;
            }
            (*own_scale, *own_shift) = (scale.clone(), shift.clone());
        }
        Op::GroupNorm { scale: own_scale @ None, shift: own_shift @ None, .. } => {
            let channels = value.dims[1].len()?;
            let of_channels = |constant: &Constant<'a>| {
                let new = rank - constant.dims.len();
                let fits = varies(constant).iter().all(|&axis| axis == 1);
                let stride =
                    if new <= 1 && constant.dims.get(1 - new)? > &1 { constant.stride(1 - new) } else { 0 };
                fits.then(|| constant.viewed(&[(channels, stride)], 0))
            };
            let taken = |constant: &Option<Constant<'a>>| constant.as_ref().map(of_channels);
            *own_scale = match taken(scale) {
                Some(None) => return None,
                taken => taken.flatten(),
            };
            *own_shift = match taken(shift) {
                Some(None) => return None,
                taken => taken.flatten(),
            };
        }
        _ => return None,
    }
    Some((op, flow.values[norm].inputs[0]))
}
