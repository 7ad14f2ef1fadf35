//! Several scales and shifts by constants, one behind the other, are one.

use super::super::constant::{Constant, common, elements};
use super::super::op::{Flow, Op};

/// Longer constants are left as they are.
const MOST: usize = 1 << 14;

pub(super) fn apply(flow: &mut Flow<'_>) {
    let uses = flow.uses();
    for index in 1..flow.values.len() {
        let value = &flow.values[index];
        let (Op::Affine { scale, shift }, &[before]) = (&value.op, &value.inputs[..]) else { continue };
        let Op::Affine { scale: inner_scale, shift: inner_shift } = &flow.values[before].op else { continue };
        if uses[before] != 1 {
            continue;
        }
        let joined = match (scale, inner_shift) {
            // (x·a) + b needs no arithmetic.
            (None, None) => Some((inner_scale.clone(), shift.clone())),
            _ => both(inner_scale.as_ref(), scale.as_ref(), |a, b| a * b).and_then(|scales| {
                let moved =
                    both(inner_shift.as_ref(), scale.as_ref().filter(|_| inner_shift.is_some()), |a, b| {
                        a * b
                    })?;
                Some((scales, both(moved.as_ref(), shift.as_ref(), |a, b| a + b)?))
            }),
        };
        let Some((scale, shift)) = joined else { continue };
        let inputs = flow.values[before].inputs.clone();
        let value = &mut flow.values[index];
        (value.op, value.inputs) = (Op::Affine { scale, shift }, inputs);
    }
}

/// A function of both, of one alone that one; none where they are too long.
#[expect(clippy::option_option, reason = "there may be no constant, and there may be no answer")]
fn both<'a>(
    a: Option<&Constant<'a>>,
    b: Option<&Constant<'a>>,
    f: fn(f64, f64) -> f64,
) -> Option<Option<Constant<'a>>> {
    let (Some(a), Some(b)) = (a, b) else { return Some(a.or(b).cloned()) };
    let dims = common(&a.dims, &b.dims, 1)?;
    elements(&dims).filter(|&len| len <= MOST)?;
    let numbers = a.broadcast(&dims)?.floats()?.into_iter().zip(b.broadcast(&dims)?.floats()?);
    Some(Some(Constant::of_floats(dims, numbers.map(|(a, b)| f(a, b)).collect())))
}
