//! Constants that are made: of attributes, of a shape, of others.

use super::super::call::{Call, front};
use super::super::constant::Constant;
use super::super::count::Count;
use super::super::message::Attribute;
use crate::io::Verdict;

pub(super) fn made<'a>(call: &Call<'_, 'a>) -> Verdict<Vec<Constant<'a>>> {
    let constant = match call.node.operation {
        "Constant" => constant(call)?,
        "ConstantOfShape" => of_shape(call)?,
        _ => range(call)?,
    };
    Ok(vec![constant])
}

fn constant<'a>(call: &Call<'_, 'a>) -> Verdict<Constant<'a>> {
    if let Some(tensor) = call.tensor("value")? {
        return Ok(tensor);
    }
    let list = |floats: Vec<f64>| Constant::of_floats(vec![floats.len()], floats);
    match call
        .node
        .attributes
        .iter()
        .find(|attribute| attribute.0.starts_with("value_"))
        .map(|attribute| &attribute.1)
    {
        Some(Attribute::Float(float)) => Ok(Constant::of_floats(Vec::new(), vec![f64::from(*float)])),
        Some(Attribute::Integer(integer)) => Ok(Constant::of_counts(Vec::new(), vec![Count::of(*integer)])),
        Some(Attribute::Floats(floats)) => Ok(list(floats.iter().copied().map(f64::from).collect())),
        Some(Attribute::Integers(integers)) => {
            Ok(Constant::of_list(integers.iter().copied().map(Count::of).collect()))
        }
        _ => Err("expected a constant of numbers, got another".to_owned()),
    }
}

/// One number for each element: a number that is repeated, of which there is one.
fn of_shape<'a>(call: &Call<'_, 'a>) -> Verdict<Constant<'a>> {
    let value = call.tensor("value")?.unwrap_or_else(|| Constant::of_floats(vec![1], vec![0.0]));
    let dims = call.list("", 0)?.ok_or("expected a shape, got none")?;
    let axes = dims.iter().map(|dim| Some((dim.len()?, 0))).collect::<Option<Vec<_>>>();
    if value.len() != 1 {
        return Err(format!("expected one number, got {:?}", value.dims));
    }
    Ok(value.viewed(
        &axes.ok_or("expected a shape that does not depend on the number of samples, got one that does")?,
        0,
    ))
}

fn range<'a>(call: &Call<'_, 'a>) -> Verdict<Constant<'a>> {
    let number = |input: usize| {
        call.constant(input)?.scalar().ok_or_else(|| "expected numbers, got others".to_owned())
    };
    let (start, end, step) = (number(0)?, number(1)?, number(2)?);
    let count = ((end - start) / step).ceil().max(0.0);
    // What is no number is 0 here.
    let count = if count.is_finite() { count as usize } else { usize::MAX };
    call.spend(&[count])?;
    if call.constant(0)?.is_whole() {
        return Ok(Constant::of_list(
            (0..count).map(|index| Count::of((start + index as f64 * step) as i64)).collect(),
        ));
    }
    Ok(Constant::of_floats(vec![count], (0..count).map(|index| start + index as f64 * step).collect()))
}

/// Constants one behind the other along an axis.
pub(super) fn joined<'a>(call: &Call<'_, 'a>) -> Verdict<Vec<Constant<'a>>> {
    let first = call.constant(0)?;
    if call.node.operation == "Tile" {
        let repeats = call.list("repeats", 1)?.unwrap_or_default();
        if repeats.iter().all(|&repeat| repeat == Count::of(1)) {
            return Ok(vec![first.clone()]);
        }
        return Err("expected a constant as often as it is, got it repeated".to_owned());
    }
    let axis = front(call.integer("axis", i64::MAX)?, first.dims.len())?;
    let parts = (0..call.inputs.len()).map(|input| call.constant(input)).collect::<Verdict<Vec<_>>>()?;
    let mut dims = first.dims.clone();
    dims[axis] = 0;
    for part in &parts {
        let fits = part.dims.len() == dims.len()
            && (0..dims.len()).all(|place| place == axis || part.dims[place] == dims[place]);
        if !fits {
            return Err(format!(
                "expected constants of the same axes but for axis {axis}, got {:?} and {:?}",
                first.dims, part.dims
            ));
        }
        dims[axis] = dims[axis].saturating_add(part.dims[axis]);
    }
    call.spend(&dims)?;
    // Where there is no element, axes may be longer than anything that is looped over.
    let outer = if dims.contains(&0) { 0 } else { dims[..axis].iter().product() };
    if parts.iter().all(|part| part.is_whole()) {
        let parts: Vec<Vec<Count>> = parts.iter().map(|part| part.counts()).collect();
        return Ok(vec![Constant::of_counts(dims, interleaved(&parts, outer))]);
    }
    let parts = parts.iter().map(|part| call.numbers(part)).collect::<Verdict<Vec<_>>>()?;
    Ok(vec![Constant::of_floats(dims, interleaved(&parts, outer))])
}

fn interleaved<N: Copy>(parts: &[Vec<N>], outer: usize) -> Vec<N> {
    let mut joined = Vec::new();
    for index in 0..outer {
        for part in parts {
            let len = part.len() / outer;
            joined.extend_from_slice(&part[index * len..(index + 1) * len]);
        }
    }
    joined
}
