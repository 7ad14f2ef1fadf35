//! Activations in a builder.

use super::builder::Builder;
use crate::Scalar;
use crate::layers::Activation;

impl<T: Scalar> Builder<T> {
    /// [`Activation::Relu`].
    #[must_use]
    pub fn relu(self) -> Self {
        self.activation(Activation::Relu)
    }

    /// [`Activation::LeakyRelu`].
    #[must_use]
    pub fn leaky_relu(self, slope: f64) -> Self {
        self.activation(Activation::LeakyRelu { slope })
    }

    /// [`Activation::Elu`].
    #[must_use]
    pub fn elu(self, alpha: f64) -> Self {
        self.activation(Activation::Elu { alpha })
    }

    /// [`Activation::Gelu`].
    #[must_use]
    pub fn gelu(self) -> Self {
        self.activation(Activation::Gelu)
    }

    /// [`Activation::Silu`].
    #[must_use]
    pub fn silu(self) -> Self {
        self.activation(Activation::Silu)
    }

    /// [`Activation::Sigmoid`].
    #[must_use]
    pub fn sigmoid(self) -> Self {
        self.activation(Activation::Sigmoid)
    }

    /// [`Activation::Tanh`].
    #[must_use]
    pub fn tanh(self) -> Self {
        self.activation(Activation::Tanh)
    }

    /// [`Activation::Softplus`].
    #[must_use]
    pub fn softplus(self) -> Self {
        self.activation(Activation::Softplus)
    }
}
