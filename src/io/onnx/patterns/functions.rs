//! Functions of each element that were taken apart become one again.

use super::super::op::{Flow, Op};
use super::form::{Form, known};
use crate::io::Verdict;

/// So many values back it is looked for where a function begins.
const MOST_BACK: usize = 24;

/// So many values are looked at, for all functions together. A network of a thousand functions that are taken apart needs an eighth.
const MOST_LOOKED: usize = 1 << 18;

/// An error where it takes longer than a network does.
pub(super) fn apply(flow: &mut Flow<'_>) -> Verdict<()> {
    let known = known();
    let mut uses = flow.uses();
    let mut left = MOST_LOOKED;
    for index in (1..flow.values.len()).rev() {
        // What a function behind has taken in is a function of nothing else.
        if uses[index] == 0 {
            continue;
        }
        let mut found = None;
        for start in starts(flow, index) {
            let mut own = MOST_BACK.min(left);
            let before = own;
            let form = form(flow, index, start, &mut own);
            left -= before - own;
            // One that begins further back is larger still.
            let Some(form) = form else { break };
            found = form.named(&known).map(|activation| (activation, start)).or(found);
        }
        if left == 0 {
            let label = &flow.values[index].label;
            return Err(format!(
                "{label}: expected functions whose parts are found in {MOST_LOOKED} steps, got more parts in a row"
            ));
        }
        let Some((activation, start)) = found else { continue };
        let value = &mut flow.values[index];
        let is_one = matches!(value.op, Op::Function(_)) && value.inputs == [start];
        if !is_one {
            let before = std::mem::replace(&mut value.inputs, vec![start]);
            value.op = Op::Function(activation);
            uses[start] += 1;
            release(flow, &mut uses, before);
        }
    }
    Ok(())
}

/// Takes back uses of values, and those of what is used no more.
fn release(flow: &Flow<'_>, uses: &mut [usize], mut values: Vec<usize>) {
    while let Some(value) = values.pop() {
        uses[value] -= 1;
        if uses[value] == 0 {
            values.extend(&flow.values[value].inputs);
        }
    }
}

/// The values at which a function that ends here may begin, the nearest first.
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
