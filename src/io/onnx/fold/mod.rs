//! Operations on constants are computed while the graph is read.

mod arithmetic;
mod made;
mod views;

use super::call::{Call, Known};
use super::constant::Constant;
use crate::io::Verdict;

/// Computes an operation whose inputs are all constants, or which asks for the axes of a value alone; none where it is no such one.
pub(super) fn fold<'a>(call: &Call<'_, 'a>) -> Option<Verdict<Vec<Constant<'a>>>> {
    let operation = call.node.operation;
    if !matches!(call.node.domain, "" | "ai.onnx") {
        return None;
    }
    if operation == "Shape" || operation == "Size" {
        return Some(views::shape(call, operation == "Size"));
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
        "DequantizeLinear" => arithmetic::dequantized(call),
        _ => arithmetic::computed(call),
    })
}
