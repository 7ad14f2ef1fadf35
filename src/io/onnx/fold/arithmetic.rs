//! Functions of constants, element by element, and sums and products of them.

use super::super::call::Call;
use super::super::constant::{Constant, common};
use super::super::count::Count;
use crate::io::Verdict;

pub(super) fn computed<'a>(call: &Call<'_, 'a>) -> Verdict<Vec<Constant<'a>>> {
    let operation = call.node.operation;
    if let Some(f) = of_one(operation) {
        let constant = call.constant(0)?;
        if constant.is_whole() && matches!(operation, "Neg" | "Abs" | "Not" | "Floor" | "Ceil") {
            call.spend(&constant.dims)?;
            let counts = constant.counts().into_iter().map(|count| match operation {
                "Neg" => count.times(Count::of(-1)),
                "Not" => count.known().map(|flag| Count::of(i64::from(flag == 0))),
                "Abs" => count.known().and_then(i64::checked_abs).map(Count::of),
                _ => Some(count),
            });
            let counts = counts
                .collect::<Option<Vec<_>>>()
                .ok_or("expected numbers, got some that depend on the samples")?;
            return Ok(vec![Constant::of_counts(constant.dims.clone(), counts)]);
        }
        return Ok(vec![call.mapped(constant, f)?]);
    }
    match operation {
        "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" => reduced(call),
        "Where" => chosen(call),
        _ => of_two(call),
    }
}

fn of_one(operation: &str) -> Option<fn(f64) -> f64> {
    Some(match operation {
        "Abs" => f64::abs,
        "Ceil" => f64::ceil,
        "Exp" => f64::exp,
        "Floor" => f64::floor,
        "Log" => f64::ln,
        "Neg" => |number| -number,
        "Not" => |flag| f64::from(u8::from(flag == 0.0)),
        "Reciprocal" => f64::recip,
        "Relu" => |number| number.max(0.0),
        "Round" => f64::round_ties_even,
        "Sigmoid" => |number| 1.0 / (1.0 + (-number).exp()),
        "Sqrt" => f64::sqrt,
        "Tanh" => f64::tanh,
        _ => return None,
    })
}

/// Both repeated along the axes that they have in common.
fn broadcast<'a>(
    call: &Call<'_, 'a>,
    a: usize,
    b: usize,
) -> Verdict<(Vec<usize>, Constant<'a>, Constant<'a>)> {
    let (a, b) = (call.constant(a)?, call.constant(b)?);
    let wide =
        common(&a.dims, &b.dims, 1).and_then(|dims| Some((a.broadcast(&dims)?, b.broadcast(&dims)?, dims)));
    let (wide_a, wide_b, dims) = wide.ok_or_else(|| {
        format!("expected constants that fit each other, got {:?} and {:?}", a.dims, b.dims)
    })?;
    call.spend(&dims)?;
    Ok((dims, wide_a, wide_b))
}

/// Whole numbers of a weight times the scales of its outputs, which stay what they are.
fn scaled<'a>(call: &Call<'_, 'a>) -> Verdict<Option<Constant<'a>>> {
    let (a, b) = (call.constant(0)?, call.constant(1)?);
    for (whole, scales) in [(a, b), (b, a)] {
        let varies: Vec<usize> = (0..scales.dims.len()).filter(|&axis| scales.dims[axis] != 1).collect();
        if whole.steps.is_none()
            || varies.len() > 1
            || common(&whole.dims, &scales.dims, 1).as_ref() != Some(&whole.dims)
        {
            continue;
        }
        let axis = varies.first().map(|axis| axis + whole.dims.len() - scales.dims.len());
        let numbers = call.numbers(scales)?;
        if numbers.iter().all(|number| number.is_finite())
            && let Some(product) = whole.times(numbers, axis)
        {
            return Ok(Some(product));
        }
    }
    Ok(None)
}

fn of_two<'a>(call: &Call<'_, 'a>) -> Verdict<Vec<Constant<'a>>> {
    let operation = call.node.operation;
    if operation == "Mul"
        && let Some(product) = scaled(call)?
    {
        return Ok(vec![product]);
    }
    let flag = |is: bool| Some(Count::of(is.into()));
    let is_fmod = operation == "Mod" && call.flag("fmod", false)?;
    let whole = |a: Count, b: Count| match operation {
        "Add" => a.plus(b),
        "Sub" => a.minus(b),
        "Mul" => a.times(b),
        "Div" => a.over(b),
        // What depends on the samples is no number that a shape is compared with.
        "Equal" => flag(a == b),
        "Less" => flag(a.known()? < b.known()?),
        "LessOrEqual" => flag(a.known()? <= b.known()?),
        "Greater" => flag(a.known()? > b.known()?),
        "GreaterOrEqual" => flag(a.known()? >= b.known()?),
        "And" => flag(a.known()? != 0 && b.known()? != 0),
        "Or" => flag(a.known()? != 0 || b.known()? != 0),
        "Min" => Some(Count::of(a.known()?.min(b.known()?))),
        "Max" => Some(Count::of(a.known()?.max(b.known()?))),
        // The sign is that of the divisor, or with `fmod` that of the number.
        "Mod" => {
            let (a, b) = (a.known()?, b.known().filter(|&b| b > 0)?);
            Some(Count::of(if is_fmod { a % b } else { a.rem_euclid(b) }))
        }
        "Pow" => Some(Count::of(a.known()?.checked_pow(u32::try_from(b.known()?).ok()?)?)),
        _ => None,
    };
    let real: fn(f64, f64) -> f64 = match operation {
        "Add" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        "Div" => |a, b| a / b,
        "Pow" => f64::powf,
        "Min" => f64::min,
        "Max" => f64::max,
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or" | "Mod" => {
            |_, _| f64::NAN
        }
        _ => return Err("expected an operation that constants are computed by, got another".to_owned()),
    };
    let (dims, a, b) = broadcast(call, 0, 1)?;
    let depends = |constant: &Constant<'_>| {
        constant.is_whole() && constant.counts().iter().any(|count| count.known().is_none())
    };
    let are_whole = a.is_whole() && b.is_whole();
    if are_whole || depends(&a) || depends(&b) {
        // Where one of them has a type with fractions, so has what comes out; as whole numbers it is right where there are none.
        let has_fractions = |constant: &Constant<'_>| {
            let floats = if constant.is_whole() { None } else { constant.floats() };
            floats.is_some_and(|floats| floats.iter().any(|number| number.fract() != 0.0))
        };
        if has_fractions(&a) || has_fractions(&b) {
            return Err("expected whole numbers beside those of samples, got fractions".to_owned());
        }
        let whole = |a: Count, b: Count| {
            let is_exact = |c: &Count| are_whole || operation != "Div" || c.times(b) == Some(a);
            whole(a, b).filter(is_exact)
        };
        let counts = a.counts().into_iter().zip(b.counts()).map(|(a, b)| whole(a, b));
        let counts = counts.collect::<Option<Vec<_>>>();
        let counts =
            counts.ok_or("expected whole numbers that the operation has a result for, got others")?;
        return Ok(vec![Constant::of_counts(dims, counts)]);
    }
    let numbers: Vec<f64> =
        call.numbers(&a)?.into_iter().zip(call.numbers(&b)?).map(|(a, b)| real(a, b)).collect();
    if numbers.iter().any(|number| number.is_nan()) {
        return Err("expected numbers that the operation has a result for, got others".to_owned());
    }
    Ok(vec![Constant::of_floats(dims, numbers)])
}

/// Of two constants that which a flag says.
fn chosen<'a>(call: &Call<'_, 'a>) -> Verdict<Vec<Constant<'a>>> {
    let (dims, a, b) = broadcast(call, 1, 2)?;
    let condition = call.constant(0)?;
    let (flags, a, b) = match (condition.broadcast(&dims), a.is_whole() && b.is_whole()) {
        (Some(flags), true) => (flags, a, b),
        _ => return Err("expected whole numbers of the same axes as their flags, got others".to_owned()),
    };
    let both = a.counts().into_iter().zip(b.counts());
    let counts =
        flags.counts().into_iter().zip(both).map(|(flag, (a, b))| if flag == Count::of(0) { b } else { a });
    Ok(vec![Constant::of_counts(dims, counts.collect())])
}

/// All elements as one.
fn reduced<'a>(call: &Call<'_, 'a>) -> Verdict<Vec<Constant<'a>>> {
    let constant = call.constant(0)?;
    let axes = call.axes("axes", 1, constant.dims.len())?;
    if axes.is_some_and(|axes| axes.len() != constant.dims.len()) || !constant.is_whole() {
        return Err("expected all elements of a shape, got others".to_owned());
    }
    call.spend(&constant.dims)?;
    let one = match call.node.operation {
        "ReduceProd" => constant.counts().into_iter().try_fold(Count::of(1), Count::times),
        "ReduceSum" => constant.counts().into_iter().try_fold(Count::of(0), Count::plus),
        "ReduceMax" => constant
            .counts()
            .into_iter()
            .map(Count::known)
            .collect::<Option<Vec<_>>>()
            .and_then(|all| all.into_iter().max())
            .map(Count::of),
        _ => constant
            .counts()
            .into_iter()
            .map(Count::known)
            .collect::<Option<Vec<_>>>()
            .and_then(|all| all.into_iter().min())
            .map(Count::of),
    };
    let one = one.ok_or("expected numbers that fit, got others")?;
    let dims = if call.flag("keepdims", true)? { vec![1; constant.dims.len()] } else { Vec::new() };
    Ok(vec![Constant::of_counts(dims, vec![one])])
}
