//! Activations: y = f(x) for each element, with f and f′ side by side.

use super::special::erfc;
use crate::{Error, Result, Scalar};

/// A function of each element; a layer, and what a dense layer can apply to its own result.
///
/// # Shapes
/// `[batch, …]` → the same.
///
/// | | f(x) | source |
/// |---|---|---|
/// | `Relu` | max(x, 0) | Nair and Hinton, 2010 |
/// | `LeakyRelu` | x, or slope·x below 0 | Maas et al., 2013 |
/// | `Elu` | x, or alpha·(eˣ − 1) below 0 | Clevert et al., 2015 |
/// | `Gelu` | x·Φ(x), Φ the normal distribution | Hendrycks and Gimpel, 2016 |
/// | `GeluTanh` | x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) | the same |
/// | `Silu` | x·σ(x) | Elfwing et al., 2017 |
/// | `Sigmoid` | σ(x) = 1/(1 + e⁻ˣ) | |
/// | `Tanh` | tanh(x) | |
/// | `Softplus` | ln(1 + eˣ) | Dugas et al., 2000 |
///
/// At a kink the derivative is that of the left side: ReLU′(0) = 0, as in PyTorch. NaN stays NaN.
///
/// ```
/// use taper::{Activation, Sequential, Tensor};
///
/// let model = Sequential::<f32>::builder([3]).activation(Activation::Relu).build(&mut taper::seeded(0))?;
/// assert_eq!(model.predict(&Tensor::from([[-1.0, 0.0, 2.0]]))?, Tensor::from([[0.0, 0.0, 2.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// The positive part.
    Relu,
    /// Leaks `slope` of the negative part.
    LeakyRelu {
        /// Any finite number; 0.01 is usual.
        slope: f64,
    },
    /// Bends smoothly to `-alpha`.
    Elu {
        /// Finite and at least 0; 1 is usual.
        alpha: f64,
    },
    /// Exact, by the error function.
    Gelu,
    /// The usual approximation of [`Activation::Gelu`].
    GeluTanh,
    /// Also called swish.
    Silu,
    /// The logistic function.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// A smooth positive part.
    Softplus,
}

impl Activation {
    /// y ← f(y).
    pub fn apply<T: Scalar>(self, y: &mut [T]) {
        match self {
            Self::Relu => each(y, relu),
            Self::LeakyRelu { slope } => {
                let slope = T::of(slope);
                each(y, |x| leaky_relu(x, slope));
            }
            Self::Elu { alpha } => {
                let alpha = T::of(alpha);
                each(y, |x| elu(x, alpha));
            }
            Self::Gelu => each(y, gelu),
            Self::GeluTanh => each(y, gelu_tanh),
            Self::Silu => each(y, silu),
            Self::Sigmoid => each(y, sigmoid),
            Self::Tanh => each(y, T::tanh),
            Self::Softplus => each(y, softplus),
        }
    }

    /// dy ← dy·f′(x), where y = f(x). Where [`Activation::is_known_from_output`], x is not read.
    pub fn chain<T: Scalar>(self, x: &[T], y: &[T], dy: &mut [T]) {
        match self {
            Self::Relu => chain(x, y, dy, |_, y| relu_slope(y)),
            Self::LeakyRelu { slope } if slope >= 0.0 => {
                let slope = T::of(slope);
                chain(x, y, dy, |_, y| leaky_relu_slope(y, slope));
            }
            Self::LeakyRelu { slope } => {
                let slope = T::of(slope);
                chain(x, y, dy, |x, _| leaky_relu_slope(x, slope));
            }
            Self::Elu { alpha } => {
                let alpha = T::of(alpha);
                chain(x, y, dy, |_, y| elu_slope(y, alpha));
            }
            Self::Gelu => chain(x, y, dy, |x, _| gelu_slope(x)),
            Self::GeluTanh => chain(x, y, dy, |x, _| gelu_tanh_slope(x)),
            Self::Silu => chain(x, y, dy, |x, _| silu_slope(x)),
            Self::Sigmoid => chain(x, y, dy, |_, y| sigmoid_slope(y)),
            Self::Tanh => chain(x, y, dy, |_, y| tanh_slope(y)),
            Self::Softplus => chain(x, y, dy, |_, y| softplus_slope(y)),
        }
    }

    /// Whether the derivative follows from y alone, so that x need not be kept.
    #[must_use]
    pub fn is_known_from_output(self) -> bool {
        match self {
            Self::Gelu | Self::GeluTanh | Self::Silu => false,
            Self::LeakyRelu { slope } => slope >= 0.0,
            _ => true,
        }
    }

    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::LeakyRelu { slope } if !slope.is_finite() => {
                Err(Error::setting("slope", "a finite number", slope))
            }
            Self::Elu { alpha } if !(alpha.is_finite() && alpha >= 0.0) => {
                Err(Error::setting("alpha", "a finite number of at least 0", alpha))
            }
            _ => Ok(()),
        }
    }
}

fn each<T: Scalar>(values: &mut [T], f: impl Fn(T) -> T) {
    values.iter_mut().for_each(|value| *value = f(*value));
}

fn chain<T: Scalar>(x: &[T], y: &[T], dy: &mut [T], slope: impl Fn(T, T) -> T) {
    for ((dy, &x), &y) in dy.iter_mut().zip(x).zip(y) {
        *dy *= slope(x, y);
    }
}

// Not `max`, which would turn NaN into 0.
fn relu<T: Scalar>(x: T) -> T {
    if x < T::zero() { T::zero() } else { x }
}

fn relu_slope<T: Scalar>(y: T) -> T {
    if y > T::zero() { T::one() } else { T::zero() }
}

fn leaky_relu<T: Scalar>(x: T, slope: T) -> T {
    if x < T::zero() { slope * x } else { x }
}

fn leaky_relu_slope<T: Scalar>(x_or_y: T, slope: T) -> T {
    if x_or_y > T::zero() { T::one() } else { slope }
}

fn elu<T: Scalar>(x: T, alpha: T) -> T {
    if x < T::zero() { alpha * x.exp_m1() } else { x }
}

// For x <= 0, f′ = alpha·eˣ = y + alpha.
fn elu_slope<T: Scalar>(y: T, alpha: T) -> T {
    if y > T::zero() { T::one() } else { y + alpha }
}

/// Φ(x), in double precision for both types: the function is cheap beside the product before it.
fn normal_distribution(x: f64) -> f64 {
    0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

fn gelu<T: Scalar>(x: T) -> T {
    // −∞·0 is NaN where the limit is 0.
    if x == T::neg_infinity() { T::zero() } else { x * T::of(normal_distribution(x.as_f64())) }
}

// f′ = Φ(x) + x·φ(x), φ(x) = exp(−x²/2)/√(2π).
fn gelu_slope<T: Scalar>(x: T) -> T {
    const FRAC_1_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
    let x = x.as_f64();
    if x.is_infinite() {
        return if x > 0.0 { T::one() } else { T::zero() };
    }
    T::of(normal_distribution(x) + x * FRAC_1_SQRT_2PI * (-0.5 * x * x).exp())
}

/// (1 + tanh(u))/2 and du/dx, with u = √(2/π)·(x + 0.044715·x³).
fn gelu_tanh_gate<T: Scalar>(x: T) -> (T, T) {
    const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
    let (scale, cubic) = (T::of(SQRT_2_OVER_PI), T::of(0.044_715));
    let u = scale * (x + cubic * x * x * x);
    // (1 + tanh(u))/2 = σ(2u), which keeps its accuracy where tanh is near −1.
    (sigmoid(u + u), scale * (T::one() + T::of(3.0) * cubic * x * x))
}

fn gelu_tanh<T: Scalar>(x: T) -> T {
    if x == T::neg_infinity() { T::zero() } else { x * gelu_tanh_gate(x).0 }
}

// f′ = g + x·g′, g = σ(2u), g′ = 2·g·(1 − g)·u′.
fn gelu_tanh_slope<T: Scalar>(x: T) -> T {
    let (gate, du) = gelu_tanh_gate(x);
    if gate == T::zero() || gate == T::one() {
        // Where the gate is shut or open, x·g′ is 0; computed, it could be ∞·0.
        return gate;
    }
    gate + x * T::of(2.0) * gate * (T::one() - gate) * du
}

fn silu<T: Scalar>(x: T) -> T {
    if x == T::neg_infinity() { T::zero() } else { x * sigmoid(x) }
}

// f′ = σ + x·σ·(1 − σ).
fn silu_slope<T: Scalar>(x: T) -> T {
    let gate = sigmoid(x);
    if gate == T::zero() || gate == T::one() {
        return gate;
    }
    gate + x * gate * (T::one() - gate)
}

fn sigmoid<T: Scalar>(x: T) -> T {
    T::one() / (T::one() + (-x).exp())
}

fn sigmoid_slope<T: Scalar>(y: T) -> T {
    y * (T::one() - y)
}

fn tanh_slope<T: Scalar>(y: T) -> T {
    T::one() - y * y
}

// ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), which does not overflow.
fn softplus<T: Scalar>(x: T) -> T {
    relu(x) + (-x.abs()).exp().ln_1p()
}

// f′ = σ(x) = 1 − e^−y.
fn softplus_slope<T: Scalar>(y: T) -> T {
    -(-y).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layer, Shape};

    const ALL: [Activation; 9] = [
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.01 },
        Activation::Elu { alpha: 1.0 },
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Softplus,
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
            (Activation::Elu { alpha: 1.0 }, (-1.0, 0.0), (1e4, 1.0)),
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

    #[test]
    fn nan_stays_nan() {
        for activation in ALL {
            assert!(value_and_slope(activation, f64::NAN).0.is_nan(), "{activation:?}");
        }
    }

    #[test]
    fn settings_are_checked() {
        let shape = Shape::from([1]);
        for (activation, text) in [
            (Activation::LeakyRelu { slope: f64::NAN }, "slope: expected a finite number, got NaN"),
            (Activation::Elu { alpha: -1.0 }, "alpha: expected a finite number of at least 0, got -1"),
        ] {
            assert_eq!(Layer::<f64>::output_shape(&activation, &shape).unwrap_err().to_string(), text);
        }
    }
}
