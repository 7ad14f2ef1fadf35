//! Functions that let x through a gate.

use super::curves::sigmoid;
use super::lines::clip;
use crate::Scalar;
use crate::layers::special::erfc;

/// Φ(x), in double precision for both types: the function is cheap beside the product before it.
fn normal_distribution(x: f64) -> f64 {
    0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

pub(super) fn gelu<T: Scalar>(x: T) -> T {
    // −∞·0 is NaN where the limit is 0.
    if x == T::neg_infinity() { T::zero() } else { x * T::of(normal_distribution(x.as_f64())) }
}

// f′ = Φ(x) + x·φ(x), φ(x) = exp(−x²/2)/√(2π).
pub(super) fn gelu_slope<T: Scalar>(x: T) -> T {
    const FRAC_1_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
    let x = x.as_f64();
    if x.is_infinite() {
        return if x > 0.0 { T::one() } else { T::zero() };
    }
    T::of(normal_distribution(x) + x * FRAC_1_SQRT_2PI * (-0.5 * x * x).exp())
}

/// σ(x) and what it lacks of 1, which a difference would leave few digits of where x is large.
fn open_and_shut<T: Scalar>(x: T) -> (T, T) {
    let power = (-x.abs()).exp();
    let (more, less) = (T::one() / (T::one() + power), power / (T::one() + power));
    if x > T::zero() { (more, less) } else { (less, more) }
}

/// 2u and 2·du/dx, with u = √(2/π)·(x + 0.044715·x³): (1 + tanh(u))/2 = σ(2u), which keeps its accuracy where tanh is near −1.
fn gelu_tanh_gate<T: Scalar>(x: T) -> (T, T) {
    const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
    let (scale, cubic) = (T::of(SQRT_2_OVER_PI), T::of(0.044_715));
    let u = scale * (x + cubic * x * x * x);
    (u + u, T::of(2.0) * (scale * (T::one() + T::of(3.0) * cubic * x * x)))
}

pub(super) fn gelu_tanh<T: Scalar>(x: T) -> T {
    if x == T::neg_infinity() { T::zero() } else { x * sigmoid(gelu_tanh_gate(x).0) }
}

// f′ = g + x·g′, g = σ(2u), g′ = g·(1 − g)·2u′.
pub(super) fn gelu_tanh_slope<T: Scalar>(x: T) -> T {
    let (place, du) = gelu_tanh_gate(x);
    let (open, shut) = open_and_shut(place);
    if open == T::zero() || shut == T::zero() {
        // Where the gate is shut or open, x·g′ is 0; computed, it could be ∞·0.
        return open;
    }
    open + x * open * shut * du
}

pub(super) fn silu<T: Scalar>(x: T) -> T {
    if x == T::neg_infinity() { T::zero() } else { x * sigmoid(x) }
}

// f′ = σ + x·σ·(1 − σ).
pub(super) fn silu_slope<T: Scalar>(x: T) -> T {
    let (open, shut) = open_and_shut(x);
    if open == T::zero() || shut == T::zero() {
        return open;
    }
    open + x * open * shut
}

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
