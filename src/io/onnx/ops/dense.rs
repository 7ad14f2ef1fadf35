//! Weighted sums of all inputs.

use super::super::call::{Call, Known, Made, Step};
use super::super::constant::Constant;
use super::super::count::{Count, pattern};
use super::super::op::Op;
use crate::io::Verdict;

/// The axes of the outputs, for a weight `[inputs, outputs]`.
fn outputs(dims: &[Count], weight: &Constant<'_>) -> Verdict<Vec<Count>> {
    match (dims.split_last(), &weight.dims[..]) {
        (Some((last, before)), &[inputs, outputs])
            if last.len() == Some(inputs) && inputs > 0 && outputs > 0 && !before.is_empty() =>
        {
            Ok([before, &[Count::of_len(outputs)]].concat())
        }
        _ => Err(format!(
            "expected a weight of as many rows as the last axis of {} is long, got {:?}",
            pattern(dims),
            weight.dims
        )),
    }
}

/// alpha·A·B + beta·C, where A is the data: as it is, or turned where it was turned before.
pub(super) fn gemm<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (alpha, beta) = (call.float("alpha", 1.0)?, call.float("beta", 1.0)?);
    if call.flag("transA", false)? {
        return Err("expected `transA`, 0, as the samples are the rows, got 1".to_owned());
    }
    let (value, dims) = call.data(0)?;
    let weight = call.constant(1)?;
    let [_, _] = weight.dims[..] else {
        return Err(format!("expected a matrix for a weight, got {:?}", weight.dims));
    };
    let weight = if call.flag("transB", false)? { weight.transposed(&[1, 0]) } else { weight.clone() };
    let scaled = |constant: &Constant<'a>, factor: f64| {
        if factor == 1.0 { Ok(constant.clone()) } else { call.mapped(constant, |number| number * factor) }
    };
    let weight = scaled(&weight, alpha)?;
    let dims = outputs(dims, &weight)?;
    match call.inputs.get(2) {
        Some(Some(Known::Data(added))) if beta == 1.0 && call.values[*added].dims == dims => {
            // A sum of two ways, of which one is the product.
            let product =
                Step { op: Op::Dense { weight, bias: None }, inputs: vec![value], dims: dims.clone() };
            let sum = Step { op: Op::Add, inputs: vec![call.values.len(), *added], dims };
            Ok(Made::Way(vec![product, sum]))
        }
        _ => {
            let bias = call.maybe_constant(2)?.map(|bias| scaled(bias, beta)).transpose()?;
            let width = weight.dims[1];
            let bias = bias.map(|bias| row(&bias, width)).transpose()?;
            Ok(Made::value(Op::Dense { weight, bias }, vec![value], dims))
        }
    }
}

/// A bias as one number for each output.
fn row<'a>(bias: &Constant<'a>, width: usize) -> Verdict<Constant<'a>> {
    let outer = bias.dims.len().saturating_sub(1);
    let is_row = bias.dims[..outer].iter().all(|&dim| dim == 1);
    let last: Vec<(usize, usize)> =
        (outer..bias.dims.len()).map(|axis| (bias.dims[axis], bias.stride(axis))).collect();
    let row = bias.viewed(&last, 0).broadcast(&[width]).filter(|_| is_row);
    row.ok_or_else(|| format!("expected a bias of {width} numbers, got {:?}", bias.dims))
}

/// x·W; W·x, of a matrix of samples that stand side by side, is no layer.
pub(super) fn mat_mul<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    if let (Ok(_), Ok(_)) = (call.data(0), call.data(1)) {
        return Err(
            "expected a constant weight, got a product of two values that depend on the input".to_owned()
        );
    }
    let (value, dims) = call.data(0)?;
    let weight = call.constant(1)?;
    // A stack of one matrix is a matrix.
    let outer = weight.dims.len().saturating_sub(2);
    if weight.dims.len() < 2 || weight.dims[..outer].iter().any(|&dim| dim != 1) {
        return Err(format!("expected a matrix for a weight, got {:?}", weight.dims));
    }
    let axes: Vec<(usize, usize)> =
        (outer..outer + 2).map(|axis| (weight.dims[axis], weight.stride(axis))).collect();
    let weight = weight.viewed(&axes, 0);
    let dims = outputs(dims, &weight)?;
    Ok(Made::value(Op::Dense { weight, bias: None }, vec![value], dims))
}
