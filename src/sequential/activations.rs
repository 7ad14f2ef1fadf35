//! Activations in a builder.

use super::builder::Builder;
use crate::layers::{Activation, Glu, Prelu, Softmin};
use crate::prelude::*;
use crate::{Error, Scalar};

impl<T: Scalar> Builder<T> {
    /// max(x, 0): [`Activation::Relu`].
    #[must_use]
    pub fn relu(self) -> Self {
        self.activation(Activation::Relu)
    }

    /// min(max(x, 0), 6): [`Activation::Relu6`].
    #[must_use]
    pub fn relu6(self) -> Self {
        self.activation(Activation::Relu6)
    }

    /// x, or slope·x below 0: [`Activation::LeakyRelu`]. PyTorch's slope is 0.01 unless set, Keras's 0.3.
    #[must_use]
    pub fn leaky_relu(self, slope: f64) -> Self {
        self.activation(Activation::LeakyRelu { slope })
    }

    /// min(max(x, `min`), `max`): [`Activation::HardTanh`]. PyTorch's are −1 and 1 unless set.
    #[must_use]
    pub fn hard_tanh(self, min: f64, max: f64) -> Self {
        self.activation(Activation::HardTanh { min, max })
    }

    /// min(max(x/6 + 0.5, 0), 1): [`Activation::HardSigmoid`] with PyTorch's and Keras's slope.
    #[must_use]
    pub fn hard_sigmoid(self) -> Self {
        self.activation(Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 })
    }

    /// x·min(max(x + 3, 0), 6)/6: [`Activation::HardSwish`].
    #[must_use]
    pub fn hard_swish(self) -> Self {
        self.activation(Activation::HardSwish)
    }

    /// x, or 0 from −lambda to lambda: [`Activation::HardShrink`]. PyTorch's lambda is 0.5 unless set.
    #[must_use]
    pub fn hard_shrink(self, lambda: f64) -> Self {
        self.activation(Activation::HardShrink { lambda })
    }

    /// x nearer to 0 by lambda, and 0 from −lambda to lambda: [`Activation::SoftShrink`]. PyTorch's lambda is 0.5 unless set.
    #[must_use]
    pub fn soft_shrink(self, lambda: f64) -> Self {
        self.activation(Activation::SoftShrink { lambda })
    }

    /// x − tanh(x): [`Activation::TanhShrink`].
    #[must_use]
    pub fn tanh_shrink(self) -> Self {
        self.activation(Activation::TanhShrink)
    }

    /// x, or `value` where it is not above `threshold`: [`Activation::Threshold`].
    #[must_use]
    pub fn threshold(self, threshold: f64, value: f64) -> Self {
        self.activation(Activation::Threshold { threshold, value })
    }

    /// x, or alpha·(eˣ − 1) below 0: [`Activation::Elu`]. Both libraries' alpha is 1 unless set.
    #[must_use]
    pub fn elu(self, alpha: f64) -> Self {
        self.activation(Activation::Elu { alpha })
    }

    /// x, or alpha·(e^(x/alpha) − 1) below 0: [`Activation::Celu`]. Both libraries' alpha is 1 unless set.
    #[must_use]
    pub fn celu(self, alpha: f64) -> Self {
        self.activation(Activation::Celu { alpha })
    }

    /// 1.0507·x, or 1.7581·(eˣ − 1) below 0: [`Activation::Selu`].
    #[must_use]
    pub fn selu(self) -> Self {
        self.activation(Activation::Selu)
    }

    /// x·Φ(x), exact: [`Activation::Gelu`].
    #[must_use]
    pub fn gelu(self) -> Self {
        self.activation(Activation::Gelu)
    }

    /// The usual approximation of x·Φ(x): [`Activation::GeluTanh`].
    #[must_use]
    pub fn gelu_tanh(self) -> Self {
        self.activation(Activation::GeluTanh)
    }

    /// x·σ(x), also called swish: [`Activation::Silu`].
    #[must_use]
    pub fn silu(self) -> Self {
        self.activation(Activation::Silu)
    }

    /// x·tanh(ln(1 + eˣ)): [`Activation::Mish`].
    #[must_use]
    pub fn mish(self) -> Self {
        self.activation(Activation::Mish)
    }

    /// σ(x) = 1/(1 + e⁻ˣ): [`Activation::Sigmoid`].
    #[must_use]
    pub fn sigmoid(self) -> Self {
        self.activation(Activation::Sigmoid)
    }

    /// ln σ(x): [`Activation::LogSigmoid`].
    #[must_use]
    pub fn log_sigmoid(self) -> Self {
        self.activation(Activation::LogSigmoid)
    }

    /// tanh(x): [`Activation::Tanh`].
    #[must_use]
    pub fn tanh(self) -> Self {
        self.activation(Activation::Tanh)
    }

    /// x/(1 + |x|): [`Activation::Softsign`].
    #[must_use]
    pub fn softsign(self) -> Self {
        self.activation(Activation::Softsign)
    }

    /// ln(1 + eˣ): [`Activation::Softplus`].
    #[must_use]
    pub fn softplus(self) -> Self {
        self.activation(Activation::Softplus)
    }

    /// ln(1 + e^(beta·x))/beta, or x where beta·x is above the threshold: [`Activation::ScaledSoftplus`]. PyTorch's are 1 and 20 unless set.
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
