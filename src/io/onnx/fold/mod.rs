//! Operations on constants are computed while the graph is read.

mod arithmetic;
mod made;
mod quantized;
mod views;

use super::call::{Call, Known, Made};
use super::constant::Constant;
use crate::io::Verdict;

/// One number along axes that depend on the number of samples; none where it is no such operation.
pub(super) fn uniform<'a>(call: &Call<'_, 'a>) -> Option<Made<'a>> {
    let is_constant = |input: &Option<Known<'_>>| matches!(input, Some(Known::Constant(_)));
    let (shape, value) = match call.node.operation {
        "Expand" => (1, call.constant(0).ok()?.clone()),
        "ConstantOfShape" => (0, call.tensor("value").ok()??),
        _ => return None,
    };
    if !matches!(call.node.domain, "" | "ai.onnx") || !call.inputs.iter().all(is_constant) || value.len() != 1
    {
        return None;
    }
    let dims = call.list("", shape).ok()??;
    let depends = dims.iter().any(|dim| dim.known().is_none()) && value.dims.len() <= dims.len();
    Some(Made::Uniform(value.scalar()?, dims)).filter(|_| depends)
}

/// Computes an operation whose inputs are all constants, or which asks for the axes or the type of a value alone; none where it is no such one.
pub(super) fn fold<'a>(call: &Call<'_, 'a>) -> Option<Verdict<Vec<Constant<'a>>>> {
    let operation = call.node.operation;
    if !matches!(call.node.domain, "" | "ai.onnx") {
        return None;
    }
    if operation == "Shape" || operation == "Size" {
        return Some(views::shape(call, operation == "Size"));
    }
    if operation == "CastLike" && matches!(call.inputs.first(), Some(Some(Known::Constant(_)))) {
        return Some(views::cast_like(call));
    }
    let is_constant = |input: &Option<Known<'_>>| matches!(input, None | Some(Known::Constant(_)));
    if !call.inputs.iter().all(is_constant) {
        return None;
    }
    Some(match operation {
        "Constant" | "ConstantOfShape" | "Range" => made::made(call),
        "Identity" | "Dropout" | "Cast" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose"
        | "Slice" | "Gather" | "Expand" | "Split" => views::view(call),
        "Concat" | "Tile" => made::joined(call),
        "DequantizeLinear" => quantized::dequantized(call),
        "QuantizeLinear" => quantized::quantized(call),
        _ => arithmetic::computed(call),
    })
}
