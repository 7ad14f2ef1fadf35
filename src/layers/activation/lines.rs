//! Functions of straight lines, with their derivatives at a kink as PyTorch has them.

use crate::Scalar;

// Not `max`, which would turn NaN into 0.
pub(super) fn relu<T: Scalar>(x: T) -> T {
    if x < T::zero() { T::zero() } else { x }
}

pub(super) fn relu_slope<T: Scalar>(y: T) -> T {
    if y > T::zero() { T::one() } else { T::zero() }
}

pub(super) fn leaky_relu<T: Scalar>(x: T, [slope]: [T; 1]) -> T {
    if x < T::zero() { slope * x } else { x }
}

pub(super) fn leaky_relu_slope<T: Scalar>(x_or_y: T, [slope]: [T; 1]) -> T {
    if x_or_y > T::zero() { T::one() } else { slope }
}

pub(super) fn clip<T: Scalar>(x: T, [min, max]: [T; 2]) -> T {
    if x < min {
        min
    } else if x > max {
        max
    } else {
        x
    }
}

pub(super) fn clip_slope<T: Scalar>(y: T, [min, max]: [T; 2]) -> T {
    if y <= min || y >= max { T::zero() } else { T::one() }
}

pub(super) fn hard_sigmoid<T: Scalar>(x: T, [alpha, beta]: [T; 2]) -> T {
    clip(alpha * x + beta, [T::zero(), T::one()])
}

pub(super) fn hard_sigmoid_slope<T: Scalar>(y: T, [alpha]: [T; 1]) -> T {
    alpha * clip_slope(y, [T::zero(), T::one()])
}

pub(super) fn hard_shrink<T: Scalar>(x: T, [lambda]: [T; 1]) -> T {
    if x >= -lambda && x <= lambda { T::zero() } else { x }
}

pub(super) fn soft_shrink<T: Scalar>(x: T, [lambda]: [T; 1]) -> T {
    if x > lambda {
        x - lambda
    } else if x < -lambda {
        x + lambda
    } else if x.is_nan() {
        x
    } else {
        T::zero()
    }
}

// What is left of x is never 0: numbers that differ have a difference that is none.
pub(super) fn shrink_slope<T: Scalar>(y: T) -> T {
    if y == T::zero() { T::zero() } else { T::one() }
}

pub(super) fn threshold<T: Scalar>(x: T, [threshold, value]: [T; 2]) -> T {
    if x <= threshold { value } else { x }
}

pub(super) fn threshold_slope<T: Scalar>(x_or_y: T, [threshold]: [T; 1]) -> T {
    if x_or_y <= threshold { T::zero() } else { T::one() }
}
