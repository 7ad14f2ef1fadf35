//! The exponential function and tanh, in operations that the compiler turns into vectors: no branch, no table.
//!
//! eˣ = 2ⁿ·eʳ with n = x/ln 2 to the nearest whole number, and r = x − n·ln 2 from −0.35 to 0.35, whose power is its Taylor series,
//! up to the first term below a tenth of the last digit. Nothing is fused, so the bits are those of every instruction set.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use num_traits::{Float, NumAssign};

/// What the functions need of a number type.
pub trait Exponential: Float + NumAssign + 'static {
    /// Outside of these, eˣ is 0 or ∞.
    const EXP_RANGE: [Self; 2];
    /// 1/ln 2.
    const LOG2_E: Self;
    /// ln 2 in two parts, the first of so few digits that its products with n are exact.
    const LN_2: [Self; 2];
    /// 1/2!, 1/3!, …
    const INVERSE_FACTORIALS: &'static [Self];
    /// Added to a number and taken away again, leaves a whole one.
    const WHOLE: Self;
    /// 1/2.
    const HALF: Self;
    /// From here on tanh is 1.
    const TANH_IS_ONE: Self;

    /// 2ⁿ of a whole number, where that is a normal one.
    fn power_of_two(self) -> Self;
}

/// eˣ, off by at most two units in the last place; 0 and ∞ far out. NaN stays NaN.
#[inline(always)]
pub(super) fn exp<T: Exponential>(x: T) -> T {
    let Power { less_one, halves: [first, second] } = Power::of(x);
    (T::one() + less_one) * first * second
}

/// tanh x, off by at most five units in the last place, however small x is.
#[inline(always)]
pub(super) fn tanh<T: Exponential>(x: T) -> T {
    let (size, most) = (x.abs(), T::TANH_IS_ONE);
    let size = if size > most { most } else { size };
    let Power { less_one, halves: [first, second] } = Power::of(size + size);
    // e²ˣ − 1.
    let whole = first * second;
    let power = less_one * whole + (whole - T::one());
    (power / (power + (T::one() + T::one()))).copysign(x)
}

/// eˣ in parts.
struct Power<T> {
    /// eʳ − 1.
    less_one: T,
    /// 2ⁿ as a product of two normal numbers.
    halves: [T; 2],
}

impl<T: Exponential> Power<T> {
    #[inline(always)]
    fn of(x: T) -> Self {
        let [least, most] = T::EXP_RANGE;
        // A NaN stays one.
        let x = if x < least { least } else { x };
        let x = if x > most { most } else { x };
        let n = (x * T::LOG2_E + T::WHOLE) - T::WHOLE;
        let [high, low] = T::LN_2;
        let r = x - n * high - n * low;
        let (last, others) = T::INVERSE_FACTORIALS.split_last().expect("terms");
        let mut series = *last;
        for &coefficient in others.iter().rev() {
            series = series * r + coefficient;
        }
        let half = (n * T::HALF + T::WHOLE) - T::WHOLE;
        Self { less_one: series * r * r + r, halves: [half.power_of_two(), (n - half).power_of_two()] }
    }
}

/// 1/2!, 1/3!, … to 1/13!.
const INVERSE_FACTORIALS: [f64; 12] = {
    let (mut inverses, mut factorial, mut place) = ([0.0; 12], 1.0, 0);
    while place < 12 {
        factorial *= (place + 2) as f64;
        inverses[place] = 1.0 / factorial;
        place += 1;
    }
    inverses
};

/// The first of them.
const SINGLE_INVERSE_FACTORIALS: [f32; 6] = {
    let (mut single, mut place) = ([0.0; 6], 0);
    while place < 6 {
        single[place] = INVERSE_FACTORIALS[place] as f32;
        place += 1;
    }
    single
};

impl Exponential for f32 {
    const EXP_RANGE: [Self; 2] = [-105.0, 90.0];
    const LOG2_E: Self = core::f32::consts::LOG2_E;
    // And what the first lacks.
    const LN_2: [Self; 2] = [355.0 / 512.0, -2.121_944_4e-4];
    const INVERSE_FACTORIALS: &'static [Self] = &SINGLE_INVERSE_FACTORIALS;
    // 1.5·2²³: there, the last digit is that of whole numbers.
    const WHOLE: Self = 12_582_912.0;
    const HALF: Self = 0.5;
    const TANH_IS_ONE: Self = 10.0;

    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self::from_bits((self + Self::WHOLE).to_bits().wrapping_add(127) << 23)
    }
}

impl Exponential for f64 {
    const EXP_RANGE: [Self; 2] = [-750.0, 712.0];
    const LOG2_E: Self = core::f64::consts::LOG2_E;
    // The first 32 binary digits, and the rest.
    const LN_2: [Self; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    const INVERSE_FACTORIALS: &'static [Self] = &INVERSE_FACTORIALS;
    // 1.5·2⁵².
    const WHOLE: Self = 6_755_399_441_055_744.0;
    const HALF: Self = 0.5;
    const TANH_IS_ONE: Self = 20.0;

    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self::from_bits((self + Self::WHOLE).to_bits().wrapping_add(1023) << 52)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest distance from `expected` in units of the last place.
    fn worst(
        numbers: impl Iterator<Item = f64>,
        got: impl Fn(f32) -> f32,
        expected: impl Fn(f64) -> f64,
    ) -> f64 {
        numbers.fold(0.0, |worst: f64, x| {
            let x = x as f32;
            let expected = expected(x.into());
            let size = (expected as f32).abs();
            let unit = f64::from(f32::from_bits(size.to_bits() + 1)) - f64::from(size);
            worst.max((f64::from(got(x)) - expected).abs() / unit)
        })
    }

    /// As many small numbers as large ones.
    fn numbers(most: f64) -> impl Iterator<Item = f64> {
        (-50_000_i32..=50_000).map(move |place| (f64::from(place) / 50_000.0).powi(3) * most)
    }

    #[test]
    fn single_precision_is_off_by_a_few_units_of_the_last_place() {
        let off = worst(numbers(103.0).filter(|&x| x < 88.7), exp, f64::exp);
        assert!(off <= 2.0, "exp is off by {off}");
        let off = worst(numbers(12.0), tanh, f64::tanh);
        assert!(off <= 5.0, "tanh is off by {off}");
    }

    /// The standard library's are off by a unit themselves.
    #[test]
    fn double_precision_is_off_by_a_few_units_of_the_last_place() {
        let check = |got: f64, expected: f64, units: f64, x: f64| {
            let off = (got - expected).abs();
            assert!(off <= units * (expected.abs() * f64::EPSILON + 5e-324), "{got}, {expected} at {x}");
        };
        for x in numbers(700.0) {
            check(exp(x), x.exp(), 3.0, x);
            check(tanh(x / 30.0), (x / 30.0).tanh(), 6.0, x);
        }
    }

    fn has_ends<T: Exponential + core::fmt::Debug>() {
        let (one, zero) = (T::one(), T::zero());
        let far = [T::infinity(), T::max_value()];
        assert!(far.iter().all(|&x| exp(x).is_infinite() && tanh(x) == one));
        assert!(far.iter().all(|&x| exp(-x) == zero && tanh(-x) == -one));
        assert!(exp(T::nan()).is_nan() && tanh(T::nan()).is_nan());
        assert_eq!((exp(zero), tanh(zero)), (one, zero));
        assert!(tanh(-zero).is_sign_negative());
    }

    #[test]
    fn ends_are_limits() {
        has_ends::<f32>();
        has_ends::<f64>();
    }
}
