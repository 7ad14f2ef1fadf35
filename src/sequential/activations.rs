//! Activations in a builder.

use super::builder::Builder;
use crate::layers::{Activation, Glu, Prelu, Softmin};
use crate::prelude::*;
use crate::{Error, Scalar};

impl<T: Scalar> Builder<T> {
    /// [`Activation::Relu`].
    #[must_use]
    pub fn relu(self) -> Self {
        self.activation(Activation::Relu)
    }

    /// [`Activation::Relu6`].
    #[must_use]
    pub fn relu6(self) -> Self {
        self.activation(Activation::Relu6)
    }

    /// [`Activation::LeakyRelu`].
    #[must_use]
    pub fn leaky_relu(self, slope: f64) -> Self {
        self.activation(Activation::LeakyRelu { slope })
    }

    /// [`Activation::HardTanh`]: kept between `min` and `max`, −1 and 1 in PyTorch unless set.
    #[must_use]
    pub fn hard_tanh(self, min: f64, max: f64) -> Self {
        self.activation(Activation::HardTanh { min, max })
    }

    /// [`Activation::HardSigmoid`] with PyTorch's and Keras's slope of 1/6.
    #[must_use]
    pub fn hard_sigmoid(self) -> Self {
        self.activation(Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 })
    }

    /// [`Activation::HardSwish`].
    #[must_use]
    pub fn hard_swish(self) -> Self {
        self.activation(Activation::HardSwish)
    }

    /// [`Activation::HardShrink`].
    #[must_use]
    pub fn hard_shrink(self, lambda: f64) -> Self {
        self.activation(Activation::HardShrink { lambda })
    }

    /// [`Activation::SoftShrink`].
    #[must_use]
    pub fn soft_shrink(self, lambda: f64) -> Self {
        self.activation(Activation::SoftShrink { lambda })
    }

    /// [`Activation::TanhShrink`].
    #[must_use]
    pub fn tanh_shrink(self) -> Self {
        self.activation(Activation::TanhShrink)
    }

    /// [`Activation::Threshold`]: `value` for all that is not above `threshold`.
    #[must_use]
    pub fn threshold(self, threshold: f64, value: f64) -> Self {
        self.activation(Activation::Threshold { threshold, value })
    }

    /// [`Activation::Elu`].
    #[must_use]
    pub fn elu(self, alpha: f64) -> Self {
        self.activation(Activation::Elu { alpha })
    }

    /// [`Activation::Celu`].
    #[must_use]
    pub fn celu(self, alpha: f64) -> Self {
        self.activation(Activation::Celu { alpha })
    }

    /// [`Activation::Selu`].
    #[must_use]
    pub fn selu(self) -> Self {
        self.activation(Activation::Selu)
    }

    /// [`Activation::Gelu`].
    #[must_use]
    pub fn gelu(self) -> Self {
        self.activation(Activation::Gelu)
    }

    /// [`Activation::GeluTanh`].
    #[must_use]
    pub fn gelu_tanh(self) -> Self {
        self.activation(Activation::GeluTanh)
    }

    /// [`Activation::Silu`].
    #[must_use]
    pub fn silu(self) -> Self {
        self.activation(Activation::Silu)
    }

    /// [`Activation::Mish`].
    #[must_use]
    pub fn mish(self) -> Self {
        self.activation(Activation::Mish)
    }

    /// [`Activation::Sigmoid`].
    #[must_use]
    pub fn sigmoid(self) -> Self {
        self.activation(Activation::Sigmoid)
    }

    /// [`Activation::LogSigmoid`].
    #[must_use]
    pub fn log_sigmoid(self) -> Self {
        self.activation(Activation::LogSigmoid)
    }

    /// [`Activation::Tanh`].
    #[must_use]
    pub fn tanh(self) -> Self {
        self.activation(Activation::Tanh)
    }

    /// [`Activation::Softsign`].
    #[must_use]
    pub fn softsign(self) -> Self {
        self.activation(Activation::Softsign)
    }

    /// [`Activation::Softplus`].
    #[must_use]
    pub fn softplus(self) -> Self {
        self.activation(Activation::Softplus)
    }

    /// [`Activation::ScaledSoftplus`], 1 and 20 in PyTorch unless set.
    #[must_use]
    pub fn scaled_softplus(self, beta: f64, threshold: f64) -> Self {
        self.activation(Activation::ScaledSoftplus { beta, threshold })
    }

    /// [`Prelu`] with one slope for everything, as PyTorch's unless told otherwise.
    #[must_use]
    pub fn prelu(self) -> Self {
        self.made_later("prelu", |_, _| Ok(Box::new(Prelu::new([1])?)))
    }

    /// [`Prelu`] with a slope for each index of the last axis.
    #[must_use]
    pub fn prelu_per_channel(self) -> Self {
        self.made_later("prelu", |input, _| match input.axes().last() {
            Some(&channels) => Ok(Box::new(Prelu::new([channels])?)),
            None => Err(Error::shape("input", "[batch, …, channels]", input.batch_pattern())),
        })
    }

    /// [`Glu`]: half of the features of the last axis, each through the gate of one of the other half.
    #[must_use]
    pub fn glu(self) -> Self {
        self.layer(Glu)
    }

    /// Probabilities, the more likely the less the value is: [`Softmin`].
    #[must_use]
    pub fn softmin(self) -> Self {
        self.layer(Softmin)
    }
}
