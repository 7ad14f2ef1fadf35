//! The layer that applies a function to each element.

use core::ops::Range;

use super::samples::by_samples;
use super::stored::{Entry, Restored, Stored};
use super::{Activation, Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, OutputKind, Settings};
use crate::kernels::Parallelism;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

impl Activation {
    /// Whether its settings are such that it is a function, in the numbers of the model too.
    pub(super) fn check<T: Scalar>(self) -> Result<()> {
        let finite = |it: T| it.is_finite();
        let not_negative = |it: T| it.is_finite() && it >= T::zero();
        let positive = |it: T| it.is_finite() && it > T::zero();
        match self {
            Self::LeakyRelu { slope } => setting("slope", FINITE, slope, finite),
            Self::HardTanh { min, max } => {
                setting("min", "a number", min, |it: T| !it.is_nan())?;
                setting("max", "a number above `min`", max, |it: T| it > T::of(min))
            }
            Self::HardSigmoid { alpha, beta } => {
                let slopes = |it: T| it.is_finite() && it != T::zero();
                setting("alpha", "a finite number other than 0", alpha, slopes)?;
                setting("beta", FINITE, beta, finite)
            }
            Self::HardShrink { lambda } | Self::SoftShrink { lambda } => {
                setting("lambda", NOT_NEGATIVE, lambda, not_negative)
            }
            Self::Threshold { threshold, value } => {
                setting("threshold", FINITE, threshold, finite)?;
                setting("value", FINITE, value, finite)
            }
            Self::Elu { alpha } => setting("alpha", NOT_NEGATIVE, alpha, not_negative),
            Self::Celu { alpha } => setting("alpha", POSITIVE, alpha, positive),
            Self::ScaledSoftplus { beta, threshold } => {
                setting("beta", POSITIVE, beta, positive)?;
                setting("threshold", "a number", threshold, |it: T| !it.is_nan())
            }
            _ => Ok(()),
        }
    }
}

const FINITE: &str = "a finite number";
const NOT_NEGATIVE: &str = "a finite number of at least 0";
const POSITIVE: &str = "a finite number above 0";

/// Checks a setting as it is in the numbers of the model.
fn setting<T: Scalar>(
    name: &'static str,
    expected: &'static str,
    value: f64,
    is_right: impl Fn(T) -> bool,
) -> Result<()> {
    if is_right(T::of(value)) { Ok(()) } else { Err(Error::setting(name, expected, value)) }
}

impl<T: Scalar> Layer<T> for Activation {
    fn kind(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::HardTanh { .. } => "hard_tanh",
            Self::HardSigmoid { .. } => "hard_sigmoid",
            Self::HardSwish => "hard_swish",
            Self::HardShrink { .. } => "hard_shrink",
            Self::SoftShrink { .. } => "soft_shrink",
            Self::TanhShrink => "tanh_shrink",
            Self::Threshold { .. } => "threshold",
            Self::Elu { .. } => "elu",
            Self::Celu { .. } => "celu",
            Self::Selu => "selu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
            Self::Mish => "mish",
            Self::Sigmoid => "sigmoid",
            Self::LogSigmoid => "log_sigmoid",
            Self::Tanh => "tanh",
            Self::Softsign => "softsign",
            Self::Softplus => "softplus",
            Self::ScaledSoftplus { .. } => "scaled_softplus",
        }
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.check::<T>()?;
        Ok(*input)
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        match self {
            Self::Sigmoid | Self::HardSigmoid { .. } => OutputKind::IndependentProbabilities,
            Self::LogSigmoid => OutputKind::Unknown,
            _ => input.of_each(),
        }
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let x = x.as_slice();
        by_blocks(context.parallelism, y.as_mut_slice(), |here, y| {
            y.copy_from_slice(&x[here]);
            self.apply(y);
        });
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            let (x, y, dy) = (pass.x.as_slice(), pass.y.as_slice(), pass.dy.as_slice());
            by_blocks(pass.parallelism, dx.as_mut_slice(), |here, dx| {
                dx.copy_from_slice(&dy[here.clone()]);
                (pass.chain)(*self, &x[here.clone()], &y[here], dx);
            });
        }
        Ok(())
    }

    fn activation(&self) -> Option<Activation> {
        Some(*self)
    }

    fn settings(&self) -> Settings {
        let none = Settings::new();
        match *self {
            Self::LeakyRelu { slope } => none.with("slope", slope),
            Self::HardTanh { min, max } => none.with("min", min).with("max", max),
            Self::HardSigmoid { alpha, beta } => none.with("alpha", alpha).with("beta", beta),
            Self::HardShrink { lambda } | Self::SoftShrink { lambda } => none.with("lambda", lambda),
            Self::Threshold { threshold, value } => none.with("threshold", threshold).with("value", value),
            Self::Elu { alpha } | Self::Celu { alpha } => none.with("alpha", alpha),
            Self::ScaledSoftplus { beta, threshold } => none.with("beta", beta).with("threshold", threshold),
            _ => none,
        }
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        Ok(self.operations(x, graph))
    }
}

/// Calls `work` with blocks that stay in the first cache, and where they lie, on several threads where that pays.
fn by_blocks<T: Scalar>(
    parallelism: Parallelism,
    values: &mut [T],
    work: impl Fn(Range<usize>, &mut [T]) + Sync,
) {
    const BLOCK: usize = 2048;
    by_samples(parallelism, 2 * values.len(), values, BLOCK, |first, values| {
        for (start, values) in (first * BLOCK..).step_by(BLOCK).zip(values.chunks_mut(BLOCK)) {
            work(start..start + values.len(), values);
        }
    });
}

impl<T: Scalar> Stored<T> for Activation {
    const KINDS: &'static [&'static str] = &[
        "relu",
        "relu6",
        "leaky_relu",
        "hard_tanh",
        "hard_sigmoid",
        "hard_swish",
        "hard_shrink",
        "soft_shrink",
        "tanh_shrink",
        "threshold",
        "elu",
        "celu",
        "selu",
        "gelu",
        "gelu_tanh",
        "silu",
        "mish",
        "sigmoid",
        "log_sigmoid",
        "tanh",
        "softsign",
        "softplus",
        "scaled_softplus",
    ];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let number = |key: &str| entry.number(key);
        Ok(match entry.kind() {
            "relu" => Self::Relu,
            "relu6" => Self::Relu6,
            "leaky_relu" => Self::LeakyRelu { slope: number("slope")? },
            "hard_tanh" => Self::HardTanh { min: number("min")?, max: number("max")? },
            "hard_sigmoid" => Self::HardSigmoid { alpha: number("alpha")?, beta: number("beta")? },
            "hard_swish" => Self::HardSwish,
            "hard_shrink" => Self::HardShrink { lambda: number("lambda")? },
            "soft_shrink" => Self::SoftShrink { lambda: number("lambda")? },
            "tanh_shrink" => Self::TanhShrink,
            "threshold" => Self::Threshold { threshold: number("threshold")?, value: number("value")? },
            "elu" => Self::Elu { alpha: number("alpha")? },
            "celu" => Self::Celu { alpha: number("alpha")? },
            "selu" => Self::Selu,
            "gelu" => Self::Gelu,
            "gelu_tanh" => Self::GeluTanh,
            "silu" => Self::Silu,
            "mish" => Self::Mish,
            "sigmoid" => Self::Sigmoid,
            "log_sigmoid" => Self::LogSigmoid,
            "tanh" => Self::Tanh,
            "softsign" => Self::Softsign,
            "softplus" => Self::Softplus,
            "scaled_softplus" => {
                Self::ScaledSoftplus { beta: number("beta")?, threshold: number("threshold")? }
            }
            other => unreachable!("`{other}` is none of the kinds"),
        })
    }
}
