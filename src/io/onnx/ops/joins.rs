//! Several values that become one, and rows of a table.

use super::super::call::{Call, Known, Made, Step, front};
use super::super::count::{Count, pattern};
use super::super::op::Op;
use crate::io::Verdict;

/// The values that all inputs are.
fn all_data(call: &Call<'_, '_>) -> Verdict<Vec<usize>> {
    (0..call.inputs.len()).map(|input| call.data(input).map(|data| data.0)).collect()
}

pub(super) fn concat<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let values = all_data(call)?;
    let Some(&first) = values.first() else { return Err("expected inputs, got none".to_owned()) };
    let mut dims = call.values[first].dims.clone();
    let axis = front(call.integer("axis", if call.opset < 4 { 1 } else { i64::MAX })?, dims.len())?;
    if axis == 0 {
        return Err("expected an axis behind the samples, got that of the samples".to_owned());
    }
    for &value in &values[1..] {
        let other = &call.values[value].dims;
        let fits = other.len() == dims.len()
            && (0..dims.len()).all(|place| place == axis || dims[place] == other[place]);
        let sum = fits.then(|| dims[axis].plus(other[axis])).flatten();
        dims[axis] = sum.ok_or_else(|| {
            format!(
                "expected inputs of the same axes but for axis {axis}, got {} and {}",
                pattern(&dims),
                pattern(other)
            )
        })?;
    }
    if values.len() == 1 {
        return Ok(Made::Same(first));
    }
    Ok(Made::value(Op::Concat { axis }, values, dims))
}

pub(super) fn sum<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let values = all_data(call)?;
    let Some(&first) = values.first() else { return Err("expected inputs, got none".to_owned()) };
    let dims = call.values[first].dims.clone();
    if let Some(&other) = values.iter().find(|&&value| call.values[value].dims != dims) {
        return Err(format!(
            "expected inputs of the same axes, got {} and {}",
            pattern(&dims),
            pattern(&call.values[other].dims)
        ));
    }
    if values.len() == 1 {
        Ok(Made::Same(first))
    } else {
        Ok(Made::Way(vec![Step { op: Op::Add, inputs: values, dims }]))
    }
}

/// Of two values that which a third says.
pub(super) fn choose<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let values = all_data(call)?;
    let dims = call.data(0)?.1.to_vec();
    if values.len() != 3 || values.iter().any(|&value| call.values[value].dims != dims) {
        return Err("expected three inputs of the same axes, got others".to_owned());
    }
    Ok(Made::value(Op::Choice, values, dims))
}

/// The rows of a table, of whole numbers that are the input of the model.
pub(super) fn gather<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    let (Some(Some(Known::Constant(rows))), Ok((value, dims))) = (call.inputs.first(), call.data(1)) else {
        return Err("expected the rows of a constant table, by whole numbers that are the input of the model, got another".to_owned());
    };
    match (call.integer("axis", 0)?, &rows.dims[..]) {
        (0, &[_, dimension]) => {
            let dims = [dims, &[Count::of_len(dimension)]].concat();
            Ok(Made::value(Op::Embedding(rows.clone()), vec![value], dims))
        }
        (axis, dims) => Err(format!("expected the rows of a matrix, got axis {axis} of {dims:?}")),
    }
}
