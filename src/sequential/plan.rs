//! Layers with weights, which are made when the shape of their input is known.

use rand::Rng;

use crate::init::{Init, Initializer};
use crate::layers::{Channels, Conv2d, Dense, Layer, Window};
use crate::{Error, Result, Scalar, Shape};

/// What to make, and how its parameters start.
pub(super) struct WeightedPlan<T> {
    kind: Weighted,
    pub(super) weight: Box<dyn Initializer<T>>,
    pub(super) bias: Option<Box<dyn Initializer<T>>>,
}

/// A kind of layer with all that is known of it.
pub(super) enum Weighted {
    Dense { outputs: usize },
    Conv2d { outputs: usize, window: Window, groups: usize },
}

impl<T: Scalar> WeightedPlan<T> {
    /// With a bias, and initialised as PyTorch does.
    pub(super) fn new(kind: Weighted) -> Self {
        Self { kind, weight: Box::new(Init::Linear), bias: Some(Box::new(Init::Linear)) }
    }

    /// Whether it is a convolution, which has groups.
    pub(super) fn set_groups(&mut self, new: usize) -> bool {
        match &mut self.kind {
            Weighted::Dense { .. } => false,
            Weighted::Conv2d { groups, .. } => {
                *groups = new;
                true
            }
        }
    }

    pub(super) fn describe(&self) -> String {
        match &self.kind {
            Weighted::Dense { outputs } => format!("dense -> {outputs}"),
            Weighted::Conv2d { outputs, window, .. } => format!("conv2d -> {outputs}, {window}"),
        }
    }

    pub(super) fn build(&self, input: &Shape, rng: &mut dyn Rng) -> Result<Box<dyn Layer<T>>> {
        let (weight, bias) = (&*self.weight, self.bias.as_deref());
        match self.kind {
            Weighted::Dense { outputs } => {
                let Some(&inputs) = input.axes().last() else {
                    return Err(Error::Shape {
                        what: "input",
                        expected: "[batch, …, inputs]".into(),
                        got: input.batch_pattern(),
                        hint: "put a flatten before it",
                    });
                };
                Ok(Box::new(match bias {
                    Some(bias) => Dense::with_init(inputs, outputs, weight, bias, rng)?,
                    None => Dense::without_bias(inputs, outputs, weight, rng)?,
                }))
            }
            Weighted::Conv2d { outputs, window, groups } => {
                // The window is checked again when the layer is made, with its stride.
                let inputs = window.checked(1.into())?.over(input)?.channels;
                let channels = Channels::new(inputs, outputs).with_groups(groups);
                Ok(Box::new(Conv2d::with_init(channels, window, weight, bias, rng)?))
            }
        }
    }
}
