//! The layer that applies a function to each element.

use super::stored::{Entry, Restored, Stored};
use super::{Activation, Backward, Forward, GradientSink, Layer, OutputKind, Settings};
use crate::{Result, Scalar, Shape, TensorView, TensorViewMut};

impl<T: Scalar> Layer<T> for Activation {
    fn kind(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Elu { .. } => "elu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Softplus => "softplus",
        }
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.check()?;
        Ok(*input)
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        if *self == Activation::Sigmoid { OutputKind::IndependentProbabilities } else { input.of_each() }
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        _: &mut Forward<'_, T>,
    ) -> Result<()> {
        y.as_mut_slice().copy_from_slice(x.as_slice());
        self.apply(y.as_mut_slice());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
            self.chain(pass.x.as_slice(), pass.y.as_slice(), dx.as_mut_slice());
        }
        Ok(())
    }

    fn activation(&self) -> Option<Activation> {
        Some(*self)
    }

    fn settings(&self) -> Settings {
        match *self {
            Self::LeakyRelu { slope } => Settings::new().with("slope", slope),
            Self::Elu { alpha } => Settings::new().with("alpha", alpha),
            _ => Settings::new(),
        }
    }
}

impl<T: Scalar> Stored<T> for Activation {
    const KINDS: &'static [&'static str] =
        &["relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "softplus"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        Ok(match entry.kind() {
            "relu" => Self::Relu,
            "leaky_relu" => Self::LeakyRelu { slope: entry.number("slope")? },
            "elu" => Self::Elu { alpha: entry.number("alpha")? },
            "gelu" => Self::Gelu,
            "gelu_tanh" => Self::GeluTanh,
            "silu" => Self::Silu,
            "sigmoid" => Self::Sigmoid,
            "tanh" => Self::Tanh,
            "softplus" => Self::Softplus,
            other => unreachable!("`{other}` is none of the kinds"),
        })
    }
}
