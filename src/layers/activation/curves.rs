//! Functions that bend: of exponentials, and of a fraction.

use super::lines::relu;
use crate::Scalar;

pub(super) fn elu<T: Scalar>(x: T, [alpha]: [T; 1]) -> T {
    if x < T::zero() { alpha * x.exp_m1() } else { x }
}

// For x <= 0, f′ = alpha·eˣ = y + alpha.
pub(super) fn elu_slope<T: Scalar>(y: T, [alpha]: [T; 1]) -> T {
    if y > T::zero() { T::one() } else { y + alpha }
}

pub(super) fn celu<T: Scalar>(x: T, [alpha]: [T; 1]) -> T {
    if x < T::zero() { alpha * (x / alpha).exp_m1() } else { x }
}

// For x <= 0, f′ = e^(x/alpha) = y/alpha + 1.
pub(super) fn celu_slope<T: Scalar>(y: T, [alpha]: [T; 1]) -> T {
    if y > T::zero() { T::one() } else { y / alpha + T::one() }
}

/// The slope above 0, and what it bends to below.
const SELU: [f64; 2] = [1.050_700_987_355_480_5, 1.758_099_340_847_376_6];

pub(super) fn selu<T: Scalar>(x: T) -> T {
    let [scale, bend] = SELU.map(T::of);
    if x < T::zero() { bend * x.exp_m1() } else { scale * x }
}

pub(super) fn selu_slope<T: Scalar>(y: T) -> T {
    let [scale, bend] = SELU.map(T::of);
    if y > T::zero() { scale } else { y + bend }
}

pub(in crate::layers) fn sigmoid<T: Scalar>(x: T) -> T {
    T::one() / (T::one() + (-x).exp())
}

pub(super) fn log_sigmoid<T: Scalar>(x: T) -> T {
    -softplus(-x)
}

// f′ = σ(−x) = 1 − eʸ.
pub(super) fn log_sigmoid_slope<T: Scalar>(y: T) -> T {
    -y.exp_m1()
}

// Near 0, where a difference would lose digits, by tanh x = x/(1 + x²/(3 + x²/(5 + …))): with c = x²/(3 + …) it is x·c/(1 + c).
pub(super) fn tanh_shrink<T: Scalar>(x: T) -> T {
    if x.abs() < T::one() {
        let square = x * x;
        let tail = [15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0];
        let c = tail.into_iter().fold(T::zero(), |rest, odd| square / (T::of(odd) + rest));
        return x * (c / (T::one() + c));
    }
    x - x.tanh()
}

// f′ = tanh²(x).
pub(super) fn tanh_shrink_slope<T: Scalar>(x: T) -> T {
    let tanh = x.tanh();
    tanh * tanh
}

pub(super) fn softsign<T: Scalar>(x: T) -> T {
    if x.is_infinite() { x.signum() } else { x / (T::one() + x.abs()) }
}

// f′ = 1/(1 + |x|)².
pub(super) fn softsign_slope<T: Scalar>(x: T) -> T {
    let share = T::one() / (T::one() + x.abs());
    share * share
}

// ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), which does not overflow.
pub(super) fn softplus<T: Scalar>(x: T) -> T {
    relu(x) + (-x.abs()).exp().ln_1p()
}

// f′ = σ(x) = 1 − e^−y.
pub(super) fn softplus_slope<T: Scalar>(y: T) -> T {
    -(-y).exp_m1()
}

pub(super) fn scaled_softplus<T: Scalar>(x: T, [beta, threshold]: [T; 2]) -> T {
    let scaled = beta * x;
    if scaled > threshold { x } else { relu(x) + (-scaled.abs()).exp().ln_1p() / beta }
}

pub(super) fn scaled_softplus_slope<T: Scalar>(x: T, [beta, threshold]: [T; 2]) -> T {
    let scaled = beta * x;
    if scaled > threshold { T::one() } else { sigmoid(scaled) }
}
