//! Activations: y = f(x) for each element. The functions stand with their derivatives in the files of the folder; those in use most
//! that are made of exponentials are kernels (`kernels/curves.rs`).

mod curves;
mod gates;
mod lines;
mod onnx;
#[cfg(test)]
mod tests;

pub(super) use curves::sigmoid;
use curves::{
    celu, celu_slope, elu, elu_slope, log_sigmoid, log_sigmoid_slope, scaled_softplus, scaled_softplus_slope,
    selu, selu_slope, softplus, softplus_slope, softsign, softsign_slope, tanh_shrink, tanh_shrink_slope,
};
use gates::{hard_swish, hard_swish_slope, mish, mish_slope};
use lines::{
    clip, clip_slope, hard_shrink, hard_sigmoid, hard_sigmoid_slope, leaky_relu, leaky_relu_slope, relu,
    relu_slope, shrink_slope, soft_shrink, threshold, threshold_slope,
};

use crate::Scalar;
use crate::kernels::Curve;

/// A function of each element; a layer, and what a dense layer or a convolution can apply to its own result.
///
/// # Shapes
/// `[batch, …]` → the same.
///
/// | | f(x) | source |
/// |---|---|---|
/// | `Relu` | max(x, 0) | Nair and Hinton, 2010 |
/// | `Relu6` | min(max(x, 0), 6) | Krizhevsky, 2010 |
/// | `LeakyRelu` | x, or slope·x below 0 | Maas et al., 2013 |
/// | `HardTanh` | min(max(x, min), max) | Collobert, 2004; ONNX's `Clip` |
/// | `HardSigmoid` | min(max(alpha·x + beta, 0), 1) | Courbariaux et al., 2015 |
/// | `HardSwish` | x·min(max(x + 3, 0), 6)/6 | Howard et al., 2019 |
/// | `HardShrink` | x, or 0 from −lambda to lambda | PyTorch's `Hardshrink` |
/// | `SoftShrink` | x − lambda above lambda, x + lambda below −lambda, else 0 | Donoho, 1995 |
/// | `TanhShrink` | x − tanh(x) | PyTorch's `Tanhshrink` |
/// | `Threshold` | x above the threshold, else the value | PyTorch's `Threshold` |
/// | `Elu` | x, or alpha·(eˣ − 1) below 0 | Clevert et al., 2015 |
/// | `Celu` | x, or alpha·(e^(x/alpha) − 1) below 0 | Barron, 2017 |
/// | `Selu` | 1.0507·x, or 1.0507·1.6733·(eˣ − 1) below 0 | Klambauer et al., 2017 |
/// | `Gelu` | x·Φ(x), Φ the normal distribution | Hendrycks and Gimpel, 2016 |
/// | `GeluTanh` | x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) | the same |
/// | `Silu` | x·σ(x) | Elfwing et al., 2017 |
/// | `Mish` | x·tanh(ln(1 + eˣ)) | Misra, 2019 |
/// | `Sigmoid` | σ(x) = 1/(1 + e⁻ˣ) | |
/// | `LogSigmoid` | ln σ(x) = −ln(1 + e⁻ˣ) | |
/// | `Tanh` | tanh(x) | |
/// | `Softsign` | x/(1 + \|x\|) | Turian et al., 2009 |
/// | `Softplus` | ln(1 + eˣ) | Dugas et al., 2000 |
/// | `ScaledSoftplus` | ln(1 + e^(beta·x))/beta, or x where beta·x is above the threshold | |
///
/// Settings are looked at when a model is built: [`Error::Setting`](crate::Error::Setting) where one is out of its range, in the numbers
/// of the model too.
///
/// At a kink the derivative is that of PyTorch: ReLU′(0) = 0, and 0 at both ends of `HardTanh`, `HardSigmoid` and the shrinking
/// ones. NaN stays NaN, and ±∞ give the limits.
///
/// `Sigmoid`, `Tanh`, `Silu`, `Gelu` and `GeluTanh` run in vectors: in `f32` they are off by at most 4e-7·max(1, |x|), in `f64` by a few
/// units in the last place, `Gelu` by 1e-13 of itself. Their bits are the same on every processor. The others ask the
/// system's library for exponentials and logarithms, whose last digits are its own.
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
    /// The positive part, and no more than 6.
    Relu6,
    /// Leaks `slope` of the negative part.
    LeakyRelu {
        /// Any finite number; 0.01 is usual.
        slope: f64,
    },
    /// Kept between two numbers: PyTorch's `Hardtanh`, with −1 and 1 unless set, and ONNX's `Clip`.
    HardTanh {
        /// The least; −∞ for none.
        min: f64,
        /// The most, above `min`; ∞ for none.
        max: f64,
    },
    /// A straight line from 0 to 1. PyTorch's and Keras's has alpha 1/6 and beta 0.5, ONNX's 0.2 and 0.5.
    HardSigmoid {
        /// The slope: finite and not 0.
        alpha: f64,
        /// What comes out of 0: any finite number.
        beta: f64,
    },
    /// Nearly [`Activation::Silu`], of straight lines. Also called hard SiLU.
    HardSwish,
    /// Leaves out what is near 0.
    HardShrink {
        /// Finite and at least 0; 0.5 is usual.
        lambda: f64,
    },
    /// Brings everything nearer to 0.
    SoftShrink {
        /// Finite and at least 0; 0.5 is usual.
        lambda: f64,
    },
    /// What the hyperbolic tangent leaves of x.
    TanhShrink,
    /// A value of its own for all that is not above a threshold.
    Threshold {
        /// Any finite number.
        threshold: f64,
        /// Any finite number.
        value: f64,
    },
    /// Bends smoothly to `-alpha`.
    Elu {
        /// Finite and at least 0; 1 is usual.
        alpha: f64,
    },
    /// As [`Activation::Elu`], with the slope 1 at 0 for every `alpha`.
    Celu {
        /// Finite and above 0; 1 is usual.
        alpha: f64,
    },
    /// Keeps mean 0 and variance 1 from layer to layer.
    Selu,
    /// Exact, by the error function.
    Gelu,
    /// The usual approximation of [`Activation::Gelu`].
    GeluTanh,
    /// Also called swish.
    Silu,
    /// As [`Activation::Silu`], with a steeper gate.
    Mish,
    /// The logistic function.
    Sigmoid,
    /// The logarithm of [`Activation::Sigmoid`], finite where that is too small for a number.
    LogSigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// From −1 to 1 as [`Activation::Tanh`], with long tails.
    Softsign,
    /// A smooth positive part.
    Softplus,
    /// [`Activation::Softplus`] that bends in less room, and is straight above a threshold.
    ScaledSoftplus {
        /// Finite and above 0; PyTorch's is 1 unless set.
        beta: f64,
        /// Any number; PyTorch's is 20 unless set, where x itself is off by 2e-9/beta. ∞ for none.
        threshold: f64,
    },
}

impl Activation {
    /// y ← f(y), for settings in their ranges.
    ///
    /// ```
    /// # use taper::Activation;
    /// let mut y = [-1.0_f32, 2.0];
    /// Activation::LeakyRelu { slope: 0.5 }.apply(&mut y);
    /// assert_eq!(y, [-0.5, 2.0]);
    /// ```
    pub fn apply<T: Scalar>(self, y: &mut [T]) {
        match self {
            // A product with the slope 0 would make NaN of −∞.
            Self::Relu | Self::LeakyRelu { slope: 0.0 } => each(y, relu),
            Self::Relu6 => each_with(y, [0.0, 6.0], clip),
            Self::LeakyRelu { slope } => each_with(y, [slope], leaky_relu),
            Self::HardTanh { min, max } => each_with(y, [min, max], clip),
            Self::HardSigmoid { alpha, beta } => each_with(y, [alpha, beta], hard_sigmoid),
            Self::HardSwish => each(y, hard_swish),
            Self::HardShrink { lambda } => each_with(y, [lambda], hard_shrink),
            Self::SoftShrink { lambda } => each_with(y, [lambda], soft_shrink),
            Self::TanhShrink => each(y, tanh_shrink),
            Self::Threshold { threshold: limit, value } => each_with(y, [limit, value], threshold),
            Self::Elu { alpha } => each_with(y, [alpha], elu),
            Self::Celu { alpha } => each_with(y, [alpha], celu),
            Self::Selu => each(y, selu),
            Self::Gelu => T::curve(Curve::Gelu, y),
            Self::GeluTanh => T::curve(Curve::GeluTanh, y),
            Self::Silu => T::curve(Curve::Silu, y),
            Self::Mish => each(y, mish),
            Self::Sigmoid => T::curve(Curve::Sigmoid, y),
            Self::LogSigmoid => each(y, log_sigmoid),
            Self::Tanh => T::curve(Curve::Tanh, y),
            Self::Softsign => each(y, softsign),
            Self::Softplus => each(y, softplus),
            Self::ScaledSoftplus { beta, threshold } => each_with(y, [beta, threshold], scaled_softplus),
        }
    }

    /// dy ← dy·f′(x), where y = f(x), and all three are of one length. Where [`Activation::is_known_from_output`], x is not read.
    pub fn chain<T: Scalar>(self, x: &[T], y: &[T], dy: &mut [T]) {
        let x_or_y = if self.is_known_from_output() { y } else { x };
        match self {
            Self::Relu => chain(y, dy, relu_slope),
            Self::Relu6 => chain_with(y, dy, [0.0, 6.0], clip_slope),
            Self::LeakyRelu { slope } => chain_with(x_or_y, dy, [slope], leaky_relu_slope),
            Self::HardTanh { min, max } => chain_with(y, dy, [min, max], clip_slope),
            Self::HardSigmoid { alpha, .. } => chain_with(y, dy, [alpha], hard_sigmoid_slope),
            Self::HardSwish => chain(x, dy, hard_swish_slope),
            Self::HardShrink { .. } | Self::SoftShrink { .. } => chain(y, dy, shrink_slope),
            Self::TanhShrink => chain(x, dy, tanh_shrink_slope),
            Self::Threshold { threshold, .. } => chain_with(x_or_y, dy, [threshold], threshold_slope),
            Self::Elu { alpha } => chain_with(y, dy, [alpha], elu_slope),
            Self::Celu { alpha } => chain_with(y, dy, [alpha], celu_slope),
            Self::Selu => chain(y, dy, selu_slope),
            Self::Gelu => T::curve_chain(Curve::Gelu, x, dy),
            Self::GeluTanh => T::curve_chain(Curve::GeluTanh, x, dy),
            Self::Silu => T::curve_chain(Curve::Silu, x, dy),
            Self::Mish => chain(x, dy, mish_slope),
            Self::Sigmoid => T::curve_chain(Curve::Sigmoid, y, dy),
            Self::LogSigmoid => chain(y, dy, log_sigmoid_slope),
            Self::Tanh => T::curve_chain(Curve::Tanh, y, dy),
            Self::Softsign => chain(x, dy, softsign_slope),
            Self::Softplus => chain(y, dy, softplus_slope),
            Self::ScaledSoftplus { beta, threshold } => {
                chain_with(x, dy, [beta, threshold], scaled_softplus_slope);
            }
        }
    }

    /// Whether the derivative follows from y alone, so that x need not be kept.
    #[must_use]
    pub fn is_known_from_output(self) -> bool {
        match self {
            Self::Gelu
            | Self::GeluTanh
            | Self::Silu
            | Self::Mish
            | Self::HardSwish
            | Self::TanhShrink
            | Self::ScaledSoftplus { .. }
            // It would follow, but far from 0 the digits of y do not tell x.
            | Self::Softsign => false,
            // A y above the threshold can be the value, or x just below the threshold.
            Self::Threshold { threshold, value } => value <= threshold,
            Self::LeakyRelu { slope } => slope >= 0.0,
            _ => true,
        }
    }
}

fn each<T: Scalar>(values: &mut [T], f: impl Fn(T) -> T) {
    values.iter_mut().for_each(|value| *value = f(*value));
}

/// A function with settings.
fn each_with<T: Scalar, const N: usize>(values: &mut [T], settings: [f64; N], f: impl Fn(T, [T; N]) -> T) {
    let settings = settings.map(T::of);
    each(values, |x| f(x, settings));
}

fn chain<T: Scalar>(x_or_y: &[T], dy: &mut [T], slope: impl Fn(T) -> T) {
    dy.iter_mut().zip(x_or_y).for_each(|(dy, &x_or_y)| *dy *= slope(x_or_y));
}

/// A derivative with settings.
fn chain_with<T: Scalar, const N: usize>(
    x_or_y: &[T],
    dy: &mut [T],
    settings: [f64; N],
    slope: impl Fn(T, [T; N]) -> T,
) {
    let settings = settings.map(T::of);
    chain(x_or_y, dy, |x_or_y| slope(x_or_y, settings));
}
