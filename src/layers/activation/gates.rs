//! Functions that let x through a gate.

use super::curves::sigmoid;
use super::lines::clip;
use crate::Scalar;

/// tanh(ln(1 + eˣ)) and what it lacks of 1. It is w/(w + 2) with w = eˣ·(eˣ + 2), divided by e²ˣ where that is large.
fn mish_gate<T: Scalar>(x: T) -> (T, T) {
    let two = T::of(2.0);
    let power = (-x.abs()).exp();
    let (open, shut) = if x > T::zero() {
        (T::one() + two * power, two * power * power)
    } else {
        (power * (power + two), two)
    };
    (open / (open + shut), shut / (open + shut))
}

pub(super) fn mish<T: Scalar>(x: T) -> T {
    if x == T::neg_infinity() { T::zero() } else { x * mish_gate(x).0 }
}

// f′ = g + x·g′, g′ = (1 − g²)·σ.
pub(super) fn mish_slope<T: Scalar>(x: T) -> T {
    let (gate, rest) = mish_gate(x);
    if gate == T::zero() || rest == T::zero() {
        return gate;
    }
    gate + x * rest * (T::one() + gate) * sigmoid(x)
}

pub(super) fn hard_swish<T: Scalar>(x: T) -> T {
    let (three, six) = (T::of(3.0), T::of(6.0));
    if x <= -three { T::zero() } else { x * (clip(x + three, [T::zero(), six]) / six) }
}

pub(super) fn hard_swish_slope<T: Scalar>(x: T) -> T {
    let three = T::of(3.0);
    if x <= -three {
        T::zero()
    } else if x >= three {
        T::one()
    } else {
        x / three + T::of(0.5)
    }
}
