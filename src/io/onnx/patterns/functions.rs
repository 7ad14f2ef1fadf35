//! Functions of each element that were taken apart become one again.

use super::super::op::{Flow, Op};
use super::form::{Form, known};

/// So many values back it is looked for where a function begins.
const MOST_BACK: usize = 24;

pub(super) fn apply(flow: &mut Flow<'_>) {
    let known = known();
    for index in (1..flow.values.len()).rev() {
        let found = starts(flow, index).into_iter().find_map(|start| {
            let form = form(flow, index, start, &mut MOST_BACK.clone())?;
            Some((form.named(&known)?, start))
        });
        let Some((activation, start)) = found else { continue };
        let value = &mut flow.values[index];
        let is_one = matches!(value.op, Op::Function(_)) && value.inputs == [start];
        if !is_one {
            (value.op, value.inputs) = (Op::Function(activation), vec![start]);
        }
    }
}

/// The values at which a function that ends here may begin, the furthest first.
fn starts(flow: &Flow<'_>, end: usize) -> Vec<usize> {
    // From behind: what is not looked at yet, and what all ways have gone through is the only one of it.
    let (mut open, mut starts, mut looked) = (vec![end], Vec::new(), 0);
    while looked < MOST_BACK {
        open.sort_unstable();
        open.dedup();
        let Some(last) = open.pop() else { break };
        if open.is_empty() && last != end {
            starts.push(last);
        }
        if !is_elementwise(&flow.values[last].op) {
            break;
        }
        open.extend(&flow.values[last].inputs);
        looked += 1;
    }
    starts.reverse();
    starts
}

fn is_elementwise(op: &Op<'_>) -> bool {
    match op {
        Op::Part(_) | Op::Function(_) | Op::Multiply | Op::Add | Op::Subtract | Op::Divide | Op::Choice => {
            true
        }
        Op::Affine { scale, shift } => scale.iter().chain(shift).all(|constant| constant.scalar().is_some()),
        _ => false,
    }
}

/// The form of a value as a function of another.
fn form(flow: &Flow<'_>, end: usize, start: usize, left: &mut usize) -> Option<Form> {
    if end == start {
        return Some(Form::x());
    }
    *left = left.checked_sub(1)?;
    let value = &flow.values[end];
    // A value that is repeated along axes is no function of each element.
    if end < start || value.inputs.iter().any(|&input| flow.values[input].dims != value.dims) {
        return None;
    }
    let of = value.inputs.iter().map(|&input| form(flow, input, start, left)).collect::<Option<Vec<_>>>()?;
    match (&value.op, &of[..]) {
        (Op::Part(part), [x]) => x.clone().part(*part),
        (Op::Function(activation), [x]) => x.clone().activation(*activation),
        (Op::Affine { scale, shift }, [x]) => {
            let number =
                |constant: &Option<super::super::constant::Constant<'_>>, default: f64| match constant {
                    Some(constant) => constant.scalar(),
                    None => Some(default),
                };
            x.clone().scaled(number(scale, 1.0)?).plus(Form::number(number(shift, 0.0)?))
        }
        (Op::Multiply, [a, b]) => a.times(b),
        (Op::Divide, [a, b]) => a.times(&b.clone().part(super::super::op::Part::Reciprocal)?),
        (Op::Add, [a, b]) => a.clone().plus(b.clone()),
        (Op::Subtract, [a, b]) => a.clone().plus(b.clone().scaled(-1.0)),
        (Op::Choice, [condition, a, b]) => Form::choice(condition.clone(), a.clone(), b.clone()),
        _ => None,
    }
}
