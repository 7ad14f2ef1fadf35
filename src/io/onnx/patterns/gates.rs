//! Half of an axis, multiplied by the gates of the other half.

use super::super::op::{Flow, Op};
use crate::Activation;

pub(super) fn apply(flow: &mut Flow<'_>) {
    for index in 1..flow.values.len() {
        let found = {
            let value = &flow.values[index];
            let (Op::Multiply, &[a, b]) = (&value.op, &value.inputs[..]) else { continue };
            halves(flow, a, b).or_else(|| halves(flow, b, a))
        };
        if let Some((axis, x)) = found {
            let value = &mut flow.values[index];
            (value.op, value.inputs) = (Op::Glu { axis }, vec![x]);
        }
    }
}

/// The axis and the value of which these are the first half and the gates of the second.
fn halves(flow: &Flow<'_>, values: usize, gates: usize) -> Option<(usize, usize)> {
    let slice = |index: usize| match (&flow.values[index].op, &flow.values[index].inputs[..]) {
        (&Op::Slice { axis, start }, &[x]) => Some((axis, start, x)),
        _ => None,
    };
    let (Op::Function(Activation::Sigmoid), &[second]) =
        (&flow.values[gates].op, &flow.values[gates].inputs[..])
    else {
        return None;
    };
    let ((axis, start, x), (other, middle, same)) = (slice(values)?, slice(second)?);
    let [half, rest] = [values, second].map(|index| flow.values[index].dims[axis].len());
    let whole = flow.values[x].dims[axis].len()?;
    let fits = other == axis
        && same == x
        && start == 0
        && half == Some(middle)
        && rest == half
        && whole == 2 * middle;
    fits.then_some((axis, x))
}
