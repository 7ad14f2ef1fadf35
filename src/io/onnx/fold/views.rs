//! Constants under other axes, or parts of them: none is copied where it need not be.

use super::super::call::{Call, front, front_or_end};
use super::super::constant::{Constant, common, elements};
use super::super::count::Count;
use super::super::element::Element;
use super::super::ops::shapes;
use crate::io::Verdict;

pub(super) fn shape<'a>(call: &Call<'_, 'a>, is_size: bool) -> Verdict<Vec<Constant<'a>>> {
    let shape = shapes::shape(call)?;
    if !is_size {
        return Ok(vec![shape]);
    }
    let size = shape.counts().into_iter().try_fold(Count::of(1), Count::times);
    let size = size.ok_or("expected a number of elements that fits into memory, got a larger one")?;
    Ok(vec![Constant::of_counts(Vec::new(), vec![size])])
}

pub(super) fn view<'a>(call: &Call<'_, 'a>) -> Verdict<Vec<Constant<'a>>> {
    let constant = call.constant(0)?;
    let rank = constant.dims.len();
    let lengths: Vec<Count> = constant.dims.iter().map(|&dim| Count::of_len(dim)).collect();
    let view = match call.node.operation {
        "Identity" | "Dropout" => constant.clone(),
        "Cast" => {
            let to = call.integer("to", 0)?;
            let element = Element::of(to);
            let no_numbers = || format!("expected a type of numbers, got {}", Element::name(to));
            cast(call, constant, element.ok_or_else(no_numbers)?)?
        }
        "Reshape" => {
            let wanted = call.list("shape", 1)?.ok_or("expected a shape, got none")?;
            reshaped(call, constant, &shapes::reshaped(&lengths, &wanted, call.flag("allowzero", false)?)?)?
        }
        "Flatten" => {
            let axis = front_or_end(call.integer("axis", 1)?, rank)?;
            let (outer, inner) = constant.dims.split_at(axis);
            let lengths = elements(outer).zip(elements(inner));
            let (outer, inner) = lengths
                .ok_or_else(|| format!("expected axes that fit into memory, got {:?}", constant.dims))?;
            reshaped(call, constant, &[Count::of_len(outer), Count::of_len(inner)])?
        }
        "Squeeze" => {
            let axes = call.axes("axes", 1, rank)?;
            let stays =
                |axis: usize| axes.as_ref().map_or(constant.dims[axis] != 1, |axes| !axes.contains(&axis));
            let lengths: Vec<Count> =
                (0..rank).filter(|&axis| stays(axis)).map(|axis| lengths[axis]).collect();
            reshaped(call, constant, &lengths)?
        }
        "Unsqueeze" => {
            let axes: Vec<(usize, usize)> =
                (0..rank).map(|axis| (constant.dims[axis], constant.stride(axis))).collect();
            constant.viewed(&shapes::unsqueezed(call, &axes, (1, 0))?, 0)
        }
        "Transpose" => constant.transposed(&shapes::order(call, rank)?),
        "Slice" => slice(call, constant)?,
        "Gather" => gather(call, constant)?,
        "Split" => return split(call, constant),
        _ => {
            let wanted = call.list("shape", 1)?.ok_or("expected a shape, got none")?;
            let wanted = wanted.iter().map(|count| count.len()).collect::<Option<Vec<_>>>();
            expanded(
                constant,
                &wanted.ok_or(
                    "expected a shape that does not depend on the number of samples, got one that does",
                )?,
            )?
        }
    };
    Ok(vec![view])
}

/// Repeated along axes of length 1, where others are wanted.
fn expanded<'a>(constant: &Constant<'a>, wanted: &[usize]) -> Verdict<Constant<'a>> {
    common(&constant.dims, wanted, 1)
        .and_then(|dims| constant.broadcast(&dims))
        .ok_or_else(|| format!("expected axes that {:?} is repeated along, got {wanted:?}", constant.dims))
}

/// A constant in the type of another input.
pub(super) fn cast_like<'a>(call: &Call<'_, 'a>) -> Verdict<Vec<Constant<'a>>> {
    Ok(vec![cast(call, call.constant(0)?, shapes::like(call)?)?])
}

fn cast<'a>(call: &Call<'_, 'a>, constant: &Constant<'a>, element: Element) -> Verdict<Constant<'a>> {
    if let Some(numbers) = constant.of_fractions().filter(|_| !element.is_whole()) {
        return Ok(numbers);
    }
    let counts_anyway = constant.is_whole() == element.is_whole() && element != Element::Bool;
    if counts_anyway {
        return Ok(constant.clone());
    }
    call.spend(&constant.dims)?;
    let (dims, counts) = (constant.dims.clone(), constant.counts());
    if element == Element::Bool {
        let numbers = call.numbers(constant)?;
        return Ok(Constant::of_counts(
            dims,
            numbers.iter().map(|&number| Count::of(i64::from(number != 0.0))).collect(),
        ));
    }
    if element.is_whole() {
        return Ok(Constant::of_counts(dims, counts));
    }
    // Numbers of samples go on as they are: exporters take a shape through floats.
    let depends = counts.iter().any(|count| count.known().is_none());
    if depends { Ok(constant.clone()) } else { Ok(Constant::of_floats(dims, call.numbers(constant)?)) }
}

fn reshaped<'a>(call: &Call<'_, 'a>, constant: &Constant<'a>, dims: &[Count]) -> Verdict<Constant<'a>> {
    let lengths = dims.iter().map(|dim| dim.len()).collect::<Option<Vec<_>>>();
    let fits = |lengths: &Vec<usize>| elements(lengths) == Some(constant.len());
    let wrong = || format!("expected axes of {} elements, got others", constant.len());
    let lengths = lengths.filter(fits).ok_or_else(wrong)?;
    if let Some(view) = constant.reshaped(lengths.clone()) {
        return Ok(view);
    }
    if constant.is_whole() {
        call.spend(&lengths)?;
        return Ok(Constant::of_counts(lengths, constant.counts()));
    }
    Ok(Constant::of_floats(lengths, call.numbers(constant)?).named(constant.name))
}

fn slice<'a>(call: &Call<'_, 'a>, constant: &Constant<'a>) -> Verdict<Constant<'a>> {
    let rank = constant.dims.len();
    let known = |name: &str, input: usize| -> Verdict<Option<Vec<i64>>> {
        let Some(list) = call.list(name, input)? else { return Ok(None) };
        let known = list.iter().map(|count| count.known()).collect::<Option<Vec<_>>>();
        known.map(Some).ok_or_else(|| {
            format!("expected `{name}` that do not depend on the number of samples, got others")
        })
    };
    let starts = known("starts", 1)?.unwrap_or_default();
    let ends = known("ends", 2)?.unwrap_or_default();
    let axes = call.axes("axes", 3, rank)?.unwrap_or_else(|| (0..starts.len().min(rank)).collect());
    let steps = known("steps", 4)?.unwrap_or_else(|| vec![1; axes.len()]);
    if [starts.len(), ends.len(), steps.len()] != [axes.len(); 3] || steps.iter().any(|&step| step != 1) {
        return Err("expected a start, an end and a step of 1 for each axis, got others".to_owned());
    }
    let mut view: Vec<(usize, usize)> =
        (0..rank).map(|axis| (constant.dims[axis], constant.stride(axis))).collect();
    let mut skip = 0;
    for (place, &axis) in axes.iter().enumerate() {
        let (start, end) = shapes::bounds(starts[place], ends[place], constant.dims[axis]);
        view[axis].0 = end - start;
        skip += if end > start { start * constant.stride(axis) } else { 0 };
    }
    Ok(constant.viewed(&view, skip))
}

/// One index, or several that are copied.
fn gather<'a>(call: &Call<'_, 'a>, constant: &Constant<'a>) -> Verdict<Constant<'a>> {
    let rank = constant.dims.len();
    let axis = front(call.integer("axis", 0)?, rank)?;
    let indices = call.constant(1)?;
    call.spend(&indices.dims)?;
    let len = constant.dims[axis];
    let places = indices.counts().into_iter().map(|count| front(count.known()?, len).ok());
    let places = places
        .collect::<Option<Vec<usize>>>()
        .ok_or_else(|| format!("expected indices below {len}, got others"))?;
    let view: Vec<(usize, usize)> =
        (0..rank).map(|axis| (constant.dims[axis], constant.stride(axis))).collect();
    let (before, behind) = (&view[..axis], &view[axis + 1..]);
    if let ([place], []) = (&places[..], &indices.dims[..]) {
        return Ok(constant.viewed(&[before, behind].concat(), place * constant.stride(axis)));
    }
    if rank != 1 || !constant.is_whole() {
        return Err("expected one row of a constant, or elements of a shape, got others".to_owned());
    }
    call.spend(&constant.dims)?;
    let counts = constant.counts();
    Ok(Constant::of_counts(indices.dims.clone(), places.iter().map(|&place| counts[place]).collect()))
}

fn split<'a>(call: &Call<'_, 'a>, constant: &Constant<'a>) -> Verdict<Vec<Constant<'a>>> {
    let axis = front(call.integer("axis", 0)?, constant.dims.len())?;
    let parts = shapes::parts(call, constant.dims[axis])?;
    let mut start = 0;
    let views = parts.into_iter().map(|part| {
        let view: Vec<(usize, usize)> = (0..constant.dims.len())
            .map(|other| (if other == axis { part } else { constant.dims[other] }, constant.stride(other)))
            .collect();
        let skip = if part > 0 { start * constant.stride(axis) } else { 0 };
        start += part;
        constant.viewed(&view, skip)
    });
    Ok(views.collect())
}
