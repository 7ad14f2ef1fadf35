use super::*;
use crate::{Layer, Shape};

const ALL: [Activation; 25] = [
    Activation::Relu,
    Activation::Relu6,
    Activation::LeakyRelu { slope: 0.01 },
    Activation::HardTanh { min: -1.5, max: 2.5 },
    Activation::HardSigmoid { alpha: 0.2, beta: 0.5 },
    Activation::HardSwish,
    Activation::HardShrink { lambda: 0.5 },
    Activation::SoftShrink { lambda: 0.5 },
    Activation::TanhShrink,
    Activation::Threshold { threshold: 0.25, value: -3.0 },
    Activation::Threshold { threshold: 0.25, value: 3.0 },
    Activation::Elu { alpha: 1.0 },
    Activation::Celu { alpha: 0.7 },
    Activation::Selu,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Mish,
    Activation::Sigmoid,
    Activation::LogSigmoid,
    Activation::Tanh,
    Activation::Softsign,
    Activation::Softplus,
    Activation::ScaledSoftplus { beta: 2.0, threshold: 20.0 },
    Activation::ScaledSoftplus { beta: 0.5, threshold: f64::INFINITY },
];

fn value_and_slope(activation: Activation, x: f64) -> (f64, f64) {
    let (mut y, mut slope) = ([x], [1.0]);
    activation.apply(&mut y);
    activation.chain(&[x], &y, &mut slope);
    (y[0], slope[0])
}

/// Far out every one of them is a straight line: its limits, and no NaN where exp overflows.
#[test]
fn limits() {
    for (activation, low, high) in [
        (Activation::Relu, (0.0, 0.0), (1e4, 1.0)),
        (Activation::LeakyRelu { slope: 0.01 }, (-100.0, 0.01), (1e4, 1.0)),
        // −∞·0 would be NaN.
        (Activation::LeakyRelu { slope: 0.0 }, (0.0, 0.0), (1e4, 1.0)),
        (Activation::Elu { alpha: 1.0 }, (-1.0, 0.0), (1e4, 1.0)),
        (Activation::Elu { alpha: 0.0 }, (0.0, 0.0), (1e4, 1.0)),
        (Activation::Relu6, (0.0, 0.0), (6.0, 0.0)),
        (Activation::HardTanh { min: -1.0, max: 2.0 }, (-1.0, 0.0), (2.0, 0.0)),
        (Activation::HardTanh { min: f64::NEG_INFINITY, max: 2.0 }, (-1e4, 1.0), (2.0, 0.0)),
        (Activation::HardSigmoid { alpha: 0.2, beta: 0.5 }, (0.0, 0.0), (1.0, 0.0)),
        (Activation::HardSigmoid { alpha: -0.2, beta: 0.5 }, (1.0, 0.0), (0.0, 0.0)),
        (Activation::HardSwish, (0.0, 0.0), (1e4, 1.0)),
        (Activation::HardShrink { lambda: 0.5 }, (-1e4, 1.0), (1e4, 1.0)),
        (Activation::SoftShrink { lambda: 0.5 }, (-9999.5, 1.0), (9999.5, 1.0)),
        (Activation::TanhShrink, (-9999.0, 1.0), (9999.0, 1.0)),
        (Activation::Threshold { threshold: 0.25, value: 3.0 }, (3.0, 0.0), (1e4, 1.0)),
        (Activation::Celu { alpha: 0.5 }, (-0.5, 0.0), (1e4, 1.0)),
        (
            Activation::Selu,
            (-1.758_099_340_847_376_6, 0.0),
            (1e4 * 1.050_700_987_355_480_5, 1.050_700_987_355_480_5),
        ),
        (Activation::Mish, (0.0, 0.0), (1e4, 1.0)),
        (Activation::LogSigmoid, (-1e4, 1.0), (0.0, 0.0)),
        (Activation::Softsign, (-1e4 / 10001.0, 10001.0_f64.powi(-2)), (1e4 / 10001.0, 10001.0_f64.powi(-2))),
        (Activation::ScaledSoftplus { beta: 2.0, threshold: 20.0 }, (0.0, 0.0), (1e4, 1.0)),
        (Activation::ScaledSoftplus { beta: 2.0, threshold: f64::INFINITY }, (0.0, 0.0), (1e4, 1.0)),
        (Activation::Gelu, (0.0, 0.0), (1e4, 1.0)),
        (Activation::GeluTanh, (0.0, 0.0), (1e4, 1.0)),
        (Activation::Silu, (0.0, 0.0), (1e4, 1.0)),
        (Activation::Sigmoid, (0.0, 0.0), (1.0, 0.0)),
        (Activation::Tanh, (-1.0, 0.0), (1.0, 0.0)),
        (Activation::Softplus, (0.0, 0.0), (1e4, 1.0)),
    ] {
        assert_eq!(value_and_slope(activation, -1e4), low, "{activation:?}");
        assert_eq!(value_and_slope(activation, 1e4), high, "{activation:?}");
        for x in [f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY] {
            let (y, slope) = value_and_slope(activation, x);
            assert!(!y.is_nan() && !slope.is_nan(), "{activation:?} at {x}: {y}, {slope}");
        }
    }
}

/// At ±∞ and at the largest numbers there is the limit, of the value and of the slope.
fn ends_are_limits<T: Scalar>() {
    for activation in ALL {
        for [far, end] in [[-1e30, f64::NEG_INFINITY], [1e30, f64::INFINITY]] {
            let ends = [T::of(far), T::of(end), T::max_value().copysign(T::of(far))];
            let [far, end, last] = ends.map(|x| {
                let (mut y, mut slope) = ([x], [T::one()]);
                activation.apply(&mut y);
                activation.chain(&[x], &y, &mut slope);
                (y[0], slope[0])
            });
            // Either it levels off, or it is a line to infinity.
            let is_level = far.0 == end.0;
            assert!(is_level || end.0.is_infinite(), "{activation:?}: {end:?} after {far:?}");
            assert!(!last.0.is_nan() && !last.1.is_nan(), "{activation:?}: {last:?}");
            let near = (far.1 - end.1).abs() < T::of(1e-30);
            assert!(near && !end.1.is_nan(), "{activation:?}: {end:?} after {far:?}");
        }
    }
}

#[test]
fn infinities_have_the_limits() {
    ends_are_limits::<f32>();
    ends_are_limits::<f64>();
}

/// In single precision each value and each slope is as near as its own digits allow, however small it is; those that follow
/// from a y near a limit that is not 0 are as near as the digits of that limit allow.
#[test]
fn single_precision_keeps_its_digits() {
    for activation in ALL {
        for place in -160_i32..=160 {
            let x = (f64::from(place) / 16.0).powi(3) / 8.0;
            let x = f64::from(x as f32);
            let (y, slope) = value_and_slope(activation, x);
            let (mut single, mut single_slope) = ([x as f32], [1.0_f32]);
            activation.apply(&mut single);
            activation.chain(&[x as f32], &single, &mut single_slope);
            let is_near = |got: f32, expected: f64, at_least: f64| {
                (f64::from(got) - expected).abs() <= 4e-7 * (expected.abs() + at_least) + 1e-36
            };
            // A gate at x has the digits that exp(x) leaves it, and x + 3 those of 3.
            let digits = 2e-7 * x.abs().powi(3);
            let is_gelu = matches!(activation, Activation::Gelu | Activation::GeluTanh);
            let lost = match activation {
                Activation::HardSwish | Activation::HardSigmoid { .. } => 1.0,
                _ if is_gelu => 1.0,
                _ => digits.min(1.0) * y.abs() / 4e-7,
            };
            assert!(is_near(single[0], y, lost), "{activation:?} at {x}: {}, expected {y}", single[0]);
            let lost = if activation.is_known_from_output() { 2.0 } else { digits / 4e-7 };
            let lost = if is_gelu { 1.0 } else { lost.min(2.0) };
            let found = single_slope[0];
            assert!(is_near(found, slope, lost), "{activation:?} at {x}: slope {found}, expected {slope}");
        }
    }
}

/// Near 0 a difference of x and tanh(x) would have lost all digits.
#[test]
fn small_numbers_keep_their_digits() {
    for x in [1e-8, -1e-5, 1e-3, 0.03, -0.3, 0.9999] {
        // x³/3 − 2x⁵/15 + 17x⁷/315 − …, or the difference where that is exact enough.
        let x: f64 = x;
        let square = x * x;
        let series = x
            * square
            * (1.0 / 3.0 - square * (2.0 / 15.0 - square * (17.0 / 315.0 - square * 62.0 / 2835.0)));
        let (expected, off) = if x.abs() < 0.02 { (series, 1e-14) } else { (x - x.tanh(), 1e-11) };
        let (y, _) = value_and_slope(Activation::TanhShrink, x);
        assert!((y / expected - 1.0).abs() < off, "{x}: {y}, expected {expected}");
    }
}

/// What is applied by the layer before has no x any more when the derivative is asked for.
#[test]
fn what_follows_from_y_does_not_read_x() {
    for activation in ALL.into_iter().filter(|activation| activation.is_known_from_output()) {
        for x in [-7.5, -2.0, -0.5, -0.1, 0.0, 0.1, 0.5, 2.0, 7.5] {
            let (mut y, mut slope) = ([x], [1.0]);
            activation.apply(&mut y);
            activation.chain(&[f64::NAN], &y, &mut slope);
            assert_eq!(slope[0], value_and_slope(activation, x).1, "{activation:?} at {x}");
            assert!(!slope[0].is_nan(), "{activation:?} at {x}");
        }
    }
}

/// PyTorch's, on the kinks themselves.
#[test]
fn kinks_are_pytorch_s() {
    for (activation, kinks) in [
        (Activation::Relu6, &[(0.0, 0.0, 0.0), (6.0, 6.0, 0.0)][..]),
        (Activation::HardTanh { min: -1.0, max: 1.0 }, &[(-1.0, -1.0, 0.0), (1.0, 1.0, 0.0)]),
        (Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 }, &[(-3.0, 0.0, 0.0), (3.0, 1.0, 0.0)]),
        (Activation::HardSwish, &[(-3.0, 0.0, 0.0), (3.0, 3.0, 1.0)]),
        (Activation::HardShrink { lambda: 0.5 }, &[(-0.5, 0.0, 0.0), (0.5, 0.0, 0.0)]),
        (Activation::SoftShrink { lambda: 0.5 }, &[(-0.5, 0.0, 0.0), (0.5, 0.0, 0.0)]),
        (Activation::Threshold { threshold: 0.5, value: 2.0 }, &[(0.5, 2.0, 0.0), (0.6, 0.6, 1.0)]),
        (Activation::Celu { alpha: 2.0 }, &[(0.0, 0.0, 1.0)]),
        (Activation::Selu, &[(0.0, 0.0, 1.758_099_340_847_376_6)]),
    ] {
        for &(x, y, slope) in kinks {
            assert_eq!(value_and_slope(activation, x), (y, slope), "{activation:?} at {x}");
        }
    }
}

#[test]
fn nan_stays_nan() {
    for activation in ALL {
        assert!(value_and_slope(activation, f64::NAN).0.is_nan(), "{activation:?}");
    }
}

#[test]
fn settings_are_checked() {
    let shape = Shape::from([1]);
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    for (activation, text) in [
        (Activation::LeakyRelu { slope: nan }, "slope: expected a finite number, got NaN"),
        (Activation::Elu { alpha: -1.0 }, "alpha: expected a finite number of at least 0, got -1"),
        (Activation::Celu { alpha: 0.0 }, "alpha: expected a finite number above 0, got 0"),
        (Activation::HardTanh { min: nan, max: 1.0 }, "min: expected a number, got NaN"),
        (Activation::HardTanh { min: 0.0, max: nan }, "max: expected a number above `min`, got NaN"),
        (Activation::HardTanh { min: 2.0, max: 1.0 }, "max: expected a number above `min`, got 1"),
        (Activation::HardTanh { min: 1.0, max: 1.0 }, "max: expected a number above `min`, got 1"),
        (
            Activation::HardSigmoid { alpha: 0.0, beta: 0.5 },
            "alpha: expected a finite number other than 0, got 0",
        ),
        (Activation::HardSigmoid { alpha: 0.2, beta: nan }, "beta: expected a finite number, got NaN"),
        (Activation::HardShrink { lambda: -0.5 }, "lambda: expected a finite number of at least 0, got -0.5"),
        (
            Activation::SoftShrink { lambda: infinity },
            "lambda: expected a finite number of at least 0, got inf",
        ),
        (
            Activation::Threshold { threshold: nan, value: 0.0 },
            "threshold: expected a finite number, got NaN",
        ),
        (
            Activation::Threshold { threshold: 0.0, value: infinity },
            "value: expected a finite number, got inf",
        ),
        (
            Activation::ScaledSoftplus { beta: -1.0, threshold: 20.0 },
            "beta: expected a finite number above 0, got -1",
        ),
        (Activation::ScaledSoftplus { beta: 1.0, threshold: nan }, "threshold: expected a number, got NaN"),
    ] {
        assert_eq!(Layer::<f64>::output_shape(&activation, &shape).unwrap_err().to_string(), text);
    }
    // What is right in double precision may be 0 or infinite in single.
    for activation in [
        Activation::Celu { alpha: 1e-60 },
        Activation::LeakyRelu { slope: 1e60 },
        Activation::HardTanh { min: 0.0, max: 1e-60 },
    ] {
        Layer::<f64>::output_shape(&activation, &shape).unwrap();
        Layer::<f32>::output_shape(&activation, &shape).unwrap_err();
    }
}
