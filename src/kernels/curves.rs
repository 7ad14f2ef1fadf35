//! Activations that are made of exponentials, and their derivatives, in vectors.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::{Backend, Kernel};
use super::column_sums::from_wide;
use super::exponential::{exp, tanh};
use super::{Element, Simd};

/// A function of each element.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Curve {
    Sigmoid,
    Tanh,
    Silu,
    Gelu,
    GeluTanh,
}

impl Curve {
    /// y ← f(y).
    pub(super) fn apply_on<T: NormalTail>(self, backend: Backend, values: &mut [T]) {
        match self {
            Self::Sigmoid => backend.run(Each { values, f: sigmoid }),
            Self::Tanh => backend.run(Each { values, f: tanh }),
            Self::Silu => backend.run(Each { values, f: silu }),
            Self::Gelu => backend.run(Each { values, f: gelu }),
            Self::GeluTanh => backend.run(Each { values, f: gelu_tanh }),
        }
    }

    /// dy ← dy·f′, of x, or, for `Sigmoid` and `Tanh`, of y.
    pub(super) fn chain_on<T: NormalTail>(self, backend: Backend, x_or_y: &[T], dy: &mut [T]) {
        match self {
            Self::Sigmoid => backend.run(Chain { x_or_y, dy, f: |y| y * (T::one() - y) }),
            Self::Tanh => backend.run(Chain { x_or_y, dy, f: |y| T::one() - y * y }),
            Self::Silu => backend.run(Chain { x_or_y, dy, f: silu_slope }),
            Self::Gelu => backend.run(Chain { x_or_y, dy, f: gelu_slope }),
            Self::GeluTanh => backend.run(Chain { x_or_y, dy, f: gelu_tanh_slope }),
        }
    }
}

/// The numbers side by side.
const WIDE: usize = 16;

struct Each<'a, T, F> {
    values: &'a mut [T],
    f: F,
}

impl<T: Element, F: Fn(T) -> T> Kernel<T> for Each<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        each(simd, self.values, self.f);
    }
}

/// Whole vectors, the last one filled up.
#[inline(always)]
pub(super) fn each<T: Element, S: Simd<T>>(simd: S, values: &mut [T], f: impl Fn(T) -> T) {
    let (wide, rest) = values.as_chunks_mut::<WIDE>();
    for values in wide {
        values.iter_mut().for_each(|value| *value = f(*value));
    }
    if !rest.is_empty() {
        let mut last = filled_up(simd, rest);
        last.iter_mut().for_each(|value| *value = f(*value));
        put_back(simd, &last, rest);
    }
}

/// Fewer numbers, and zeros behind them.
#[inline(always)]
fn filled_up<T: Element, S: Simd<T>>(simd: S, rest: &[T]) -> [T; WIDE] {
    let mut last = [T::zero(); WIDE];
    for (to, from) in S::split_mut(&mut last).0.iter_mut().zip(rest.chunks(S::LANES)) {
        simd.store(simd.load_part(from), to);
    }
    last
}

#[inline(always)]
fn put_back<T: Element, S: Simd<T>>(simd: S, last: &[T; WIDE], rest: &mut [T]) {
    for (from, to) in S::split(last).0.iter().zip(rest.chunks_mut(S::LANES)) {
        simd.store_part(simd.load(from), to);
    }
}

struct Chain<'a, T, F> {
    x_or_y: &'a [T],
    dy: &'a mut [T],
    f: F,
}

impl<T: Element, F: Fn(T) -> T> Kernel<T> for Chain<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let f = |x, dy: T| dy * (self.f)(x);
        let ((x, x_rest), (dy, dy_rest)) = (self.x_or_y.as_chunks::<WIDE>(), self.dy.as_chunks_mut::<WIDE>());
        for (dy, x) in dy.iter_mut().zip(x) {
            for lane in 0..WIDE {
                dy[lane] = f(x[lane], dy[lane]);
            }
        }
        if !dy_rest.is_empty() {
            let (x, mut dy) = (filled_up(simd, x_rest), filled_up(simd, dy_rest));
            for lane in 0..WIDE {
                dy[lane] = f(x[lane], dy[lane]);
            }
            put_back(simd, &dy, dy_rest);
        }
    }
}

#[inline(always)]
fn sigmoid<T: Element>(x: T) -> T {
    T::one() / (T::one() + exp(-x))
}

#[inline(always)]
fn silu<T: Element>(x: T) -> T {
    let y = x * sigmoid(x);
    // −∞·0 is NaN where the limit is 0.
    if x == T::neg_infinity() { T::zero() } else { y }
}

/// σ(x) and what it lacks of 1, which a difference would leave few digits of where x is large.
#[inline(always)]
fn open_and_shut<T: Element>(x: T) -> (T, T) {
    let power = exp(-x.abs());
    let more = T::one() / (T::one() + power);
    let less = power * more;
    if x > T::zero() { (more, less) } else { (less, more) }
}

/// open + x·open·shut·slope; where the gate is shut or open, the product is 0, and computed, it could be ∞·0.
#[inline(always)]
fn gated_slope<T: Element>(x: T, (open, shut): (T, T), slope: T) -> T {
    let found = open + x * open * shut * slope;
    if open == T::zero() || shut == T::zero() { open } else { found }
}

// f′ = σ + x·σ·(1 − σ).
#[inline(always)]
fn silu_slope<T: Element>(x: T) -> T {
    gated_slope(x, open_and_shut(x), T::one())
}

/// Φ(x) and exp(−x²/2), for x from −40 to 40, behind which both are at their limits.
///
/// Φ(x) = erfc(−x/√2)/2. With a = |x|/√2, the function (1 + 2a)·exp(a²)·erfc(a) runs smoothly from 1 to 2/√π; it is a Chebyshev
/// series in t = (a − 3)/(a + 3), which maps 0..∞ to −1..1. The coefficients are its projections on cos(i·θ) at 200 nodes,
/// computed with 40 digits. The tail keeps its relative accuracy, which 1 − erf(a) would lose.
#[inline(always)]
fn normal<T: NormalTail>(x: T) -> (T, T) {
    let number = from_wide::<T>;
    let a = x.abs() * number(core::f64::consts::FRAC_1_SQRT_2);
    let twice = (a - number(3.0)) / (a + number(3.0)) * number(2.0);
    // Clenshaw's recurrence: Σ cᵢ·Tᵢ(t).
    let (first, others) = T::COEFFICIENTS.split_first().expect("terms");
    let (mut next, mut after) = (T::zero(), T::zero());
    for &coefficient in others.iter().rev() {
        (next, after) = (twice * next + (coefficient - after), next);
    }
    let series = *first + (twice * T::HALF * next - after);
    let power = exp(-T::HALF * x * x);
    let tail = T::HALF * (series * power / (T::one() + (a + a)));
    (if x < T::zero() { tail } else { T::one() - tail }, power)
}

/// −40 to 40; NaN stays NaN.
#[inline(always)]
fn near<T: Element>(x: T) -> T {
    let most = from_wide::<T>(40.0);
    let x = if x < -most { -most } else { x };
    if x > most { most } else { x }
}

#[inline(always)]
fn gelu<T: NormalTail>(x: T) -> T {
    let least = from_wide::<T>(-40.0);
    (if x < least { least } else { x }) * normal(near(x)).0
}

// f′ = Φ(x) + x·φ(x), φ(x) = exp(−x²/2)/√(2π).
#[inline(always)]
fn gelu_slope<T: NormalTail>(x: T) -> T {
    let x = near(x);
    let (gate, power) = normal(x);
    x * from_wide::<T>(0.398_942_280_401_432_7) * power + gate
}

/// 2u and 2·du/dx, with u = √(2/π)·(x + 0.044715·x³): (1 + tanh(u))/2 = σ(2u), which keeps its accuracy where tanh is near −1.
#[inline(always)]
fn gelu_tanh_gate<T: Element>(x: T) -> (T, T) {
    let (scale, cubic) = (from_wide::<T>(0.797_884_560_802_865_4), from_wide::<T>(0.044_715));
    let u = scale * (x + cubic * x * x * x);
    let slope = scale * (T::one() + from_wide::<T>(3.0) * cubic * x * x);
    (u + u, slope + slope)
}

#[inline(always)]
fn gelu_tanh<T: Element>(x: T) -> T {
    let y = x * sigmoid(gelu_tanh_gate(x).0);
    if x == T::neg_infinity() { T::zero() } else { y }
}

// f′ = g + x·g′, g = σ(2u), g′ = g·(1 − g)·2u′.
#[inline(always)]
fn gelu_tanh_slope<T: Element>(x: T) -> T {
    let (place, slope) = gelu_tanh_gate(x);
    gated_slope(x, open_and_shut(place), slope)
}

/// The coefficients of the series above, as many as the digits of a number type need.
pub(super) trait NormalTail: Element {
    const COEFFICIENTS: &'static [Self];
}

impl NormalTail for f64 {
    const COEFFICIENTS: &'static [Self] = &COEFFICIENTS;
}

impl NormalTail for f32 {
    const COEFFICIENTS: &'static [Self] = &SINGLE_COEFFICIENTS;
}

/// What is left out is below 1e-8.
const SINGLE_COEFFICIENTS: [f32; 12] = {
    let (mut single, mut place) = ([0.0; 12], 0);
    while place < 12 {
        single[place] = COEFFICIENTS[place] as f32;
        place += 1;
    }
    single
};

const COEFFICIENTS: [f64; 25] = [
    1.177_562_574_196_56,
    0.005_353_904_539_615_676,
    -0.093_775_503_422_842_09,
    0.054_366_525_557_443_22,
    -0.018_976_596_707_845_208,
    0.004_453_426_061_462_712,
    -0.000_633_553_171_055_314_7,
    1.766_171_952_317_159_3e-05,
    1.284_153_286_405_667_1e-05,
    -2.007_228_565_905_991_3e-06,
    -1.807_522_790_414_837e-07,
    7.549_828_343_825_093e-08,
    1.885_668_523_838_603e-09,
    -2.699_519_049_798_364e-09,
    -1.460_079_119_939_105e-11,
    1.036_160_744_596_948_9e-10,
    1.475_715_976_623_473e-12,
    -4.277_340_064_396_911e-12,
    -2.079_224_928_597_99e-13,
    1.813_450_200_317_696_3e-13,
    1.973_425_574_544_739e-14,
    -7.287_943_737_592_673e-15,
    -1.516_987_869_022_811_6e-15,
    2.351_411_225_878_140_3e-16,
    1.000_611_169_182_166_7e-16,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_agrees_with_known_values() {
        // erfc, computed with 40 digits.
        for (x, erfc) in [
            (-3.0, 1.999_977_909_503_001_5),
            (-0.5, 1.520_499_877_813_046_5),
            (0.0, 1.0),
            (0.1, 0.887_537_083_981_715),
            (1.0, 0.157_299_207_050_285_13),
            (2.5, 0.000_406_952_017_444_958_9),
            (5.0, 1.537_459_794_428_035e-12),
            (10.0, 2.088_487_583_762_545e-45),
        ] {
            let x = -x * core::f64::consts::SQRT_2;
            let error = (2.0 * normal(x).0 / erfc - 1.0).abs();
            assert!(error < 1e-13, "at {x} off by {error:e}");
            let single = f64::from(normal(x as f32).0);
            // The square of x has lost the digits that make a small power.
            let error = (2.0 * single / erfc - 1.0).abs();
            assert!(x < -10.0 || error < 3e-7 * (1.0 + x * x), "at {x} off by {error:e} in f32");
        }
    }

    #[test]
    fn every_instruction_set_has_the_same_bits() {
        let x: Vec<f32> = (-1003..1004).map(|i| i as f32 * 0.017).chain([f32::INFINITY, -120.0]).collect();
        for curve in [Curve::Sigmoid, Curve::Tanh, Curve::Silu, Curve::Gelu, Curve::GeluTanh] {
            let of = |backend: Backend| {
                let (mut y, mut slope) = (x.clone(), vec![1.0_f32; x.len()]);
                curve.apply_on(backend, &mut y);
                curve.chain_on(backend, &x, &mut slope);
                y.into_iter().chain(slope).map(f32::to_bits).collect::<Vec<_>>()
            };
            let mut backends = super::super::backend::available().into_iter();
            let (_, first) = backends.next().expect("portable is always there");
            let expected = of(first);
            for (name, backend) in backends {
                assert!(of(backend) == expected, "{name}, {curve:?}");
            }
        }
    }

    /// Every curve in f32 beside the same in f64, at any place of a vector.
    #[test]
    fn single_precision_has_the_digits_that_it_states() {
        let x: Vec<f64> = (-1003..1003).map(|i| f64::from((f64::from(i) / 100.0) as f32)).collect();
        let curves = [Curve::Sigmoid, Curve::Tanh, Curve::Silu, Curve::Gelu, Curve::GeluTanh];
        for ((name, backend), curve) in
            super::super::backend::available().into_iter().flat_map(|b| curves.map(|curve| (b, curve)))
        {
            let mut y = x.clone();
            curve.apply_on(backend, &mut y);
            let mut single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            curve.apply_on(backend, &mut single);
            for ((&x, &y), &got) in x.iter().zip(&y).zip(&single) {
                let off = (f64::from(got) - y).abs();
                assert!(off <= 4e-7 * x.abs().max(1.0), "{name}, {curve:?} at {x}: {got}, expected {y}");
            }
            let of_y = matches!(curve, Curve::Sigmoid | Curve::Tanh);
            let from = if of_y { &y } else { &x };
            let (mut slope, mut single) = (vec![1.0; x.len()], vec![1.0_f32; x.len()]);
            curve.chain_on(backend, from, &mut slope);
            let from: Vec<f32> = from.iter().map(|&x| x as f32).collect();
            curve.chain_on(backend, &from, &mut single);
            for ((&x, &slope), &got) in x.iter().zip(&slope).zip(&single) {
                let off = (f64::from(got) - slope).abs();
                assert!(off <= 4e-7, "{name}, slope of {curve:?} at {x}: {got}, expected {slope}");
            }
        }
    }
}
