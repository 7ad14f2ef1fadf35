//! What is added behind weighted sums is their bias, where they have none.

use super::super::constant::Constant;
use super::super::op::{Flow, Op};

pub(super) fn apply(flow: &mut Flow<'_>) {
    let uses = flow.uses();
    for index in 0..flow.values.len() {
        let value = &flow.values[index];
        let (Op::Affine { scale: None, shift: Some(shift) }, &[before]) = (&value.op, &value.inputs[..])
        else {
            continue;
        };
        if uses[before] != 1 {
            continue;
        }
        let (outputs, axis) = match &flow.values[before].op {
            Op::Dense { weight, bias: None } => (weight.dims[1], value.dims.len() - 1),
            Op::Conv(conv) if conv.bias.is_none() => (value.dims[1].len().unwrap_or(0), 1),
            _ => continue,
        };
        let Some(bias) = along(shift, axis, value.dims.len(), outputs) else { continue };
        let mut op = flow.values[before].op.clone();
        match &mut op {
            Op::Dense { bias: own, .. } => *own = Some(bias),
            Op::Conv(conv) => conv.bias = Some(bias),
            _ => continue,
        }
        let before = &flow.values[before];
        let (inputs, name) = (before.inputs.clone(), before.name);
        let value = &mut flow.values[index];
        (value.op, value.inputs) = (op, inputs);
        if !name.is_empty() {
            value.name = name;
        }
    }
}

/// A number for each index of one axis.
fn along<'a>(constant: &Constant<'a>, axis: usize, rank: usize, len: usize) -> Option<Constant<'a>> {
    let new = rank.checked_sub(constant.dims.len())?;
    let own = axis.checked_sub(new);
    let is_one_axis = constant.dims.iter().enumerate().all(|(place, &dim)| dim == 1 || Some(place) == own);
    let stride = match own {
        Some(own) if constant.dims[own] == len => constant.stride(own),
        _ if constant.len() == 1 => 0,
        _ => return None,
    };
    is_one_axis.then(|| constant.viewed(&[(len, stride)], 0))
}
