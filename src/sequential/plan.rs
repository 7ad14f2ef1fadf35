//! Layers with weights, which are made when the shape of their input is known.
//!
//! Each kind of plan is a type, and a builder has it behind a pointer: so a program has the layers in it that it asks a builder for, and
//! no others.

use rand::Rng;

use crate::init::{Init, Initializer};
use crate::layers::{
    Channels, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dense, Layer, OutputSize, Sides, Window,
};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape};

/// What to make, and how its parameters start.
pub(super) struct WeightedPlan<T> {
    pub(super) layer: Box<dyn Weighted<T>>,
    pub(super) weight: Box<dyn Initializer<T>>,
    pub(super) bias: Option<Box<dyn Initializer<T>>>,
}

impl<T: Scalar> WeightedPlan<T> {
    /// With a bias, and initialised as PyTorch does.
    pub(super) fn new(layer: impl Weighted<T> + 'static) -> Self {
        Self { layer: Box::new(layer), weight: Box::new(Init::Linear), bias: Some(Box::new(Init::Linear)) }
    }

    pub(super) fn build(&self, input: &Shape, rng: &mut dyn Rng) -> Result<Box<dyn Layer<T>>> {
        self.layer.build(input, (&*self.weight, self.bias.as_deref()), rng)
    }
}

/// How the weight and the bias start.
type Start<'a, T> = (&'a dyn Initializer<T>, Option<&'a dyn Initializer<T>>);

/// A layer with all that is known of it.
pub(super) trait Weighted<T> {
    fn describe(&self) -> String;

    fn build(&self, input: &Shape, start: Start<'_, T>, rng: &mut dyn Rng) -> Result<Box<dyn Layer<T>>>;

    /// The groups of a convolution.
    fn groups(&mut self) -> Option<&mut usize> {
        None
    }

    /// The output padding or size of a transposed convolution, where it can have this one. That of sequences has one number.
    fn output_size(&mut self, sides: Sides) -> Option<&mut OutputSize> {
        let _ = sides;
        None
    }
}

/// A dense layer.
pub(super) struct DensePlan {
    pub(super) outputs: usize,
}

impl<T: Scalar> Weighted<T> for DensePlan {
    fn describe(&self) -> String {
        format!("dense -> {}", self.outputs)
    }

    fn build(
        &self,
        input: &Shape,
        (weight, bias): Start<'_, T>,
        rng: &mut dyn Rng,
    ) -> Result<Box<dyn Layer<T>>> {
        let Some(&inputs) = input.axes().last() else {
            return Err(Error::Shape {
                what: "input",
                expected: "[batch, …, inputs]".into(),
                got: input.batch_pattern(),
                hint: "put a flatten before it",
            });
        };
        Ok(Box::new(match bias {
            Some(bias) => Dense::with_init(inputs, self.outputs, weight, bias, rng)?,
            None => Dense::without_bias(inputs, self.outputs, weight, rng)?,
        }))
    }
}

/// What is known of a convolution.
pub(super) struct Conv {
    outputs: usize,
    window: Window,
    groups: usize,
}

impl Conv {
    pub(super) fn new(outputs: usize, window: Window) -> Self {
        Self { outputs, window, groups: 1 }
    }

    fn channels(&self, inputs: usize) -> Channels {
        Channels::new(inputs, self.outputs).with_groups(self.groups)
    }
}

/// A convolution of images.
pub(super) struct Conv2dPlan(pub(super) Conv);

impl<T: Scalar> Weighted<T> for Conv2dPlan {
    fn describe(&self) -> String {
        format!("conv2d -> {}, {}", self.0.outputs, self.0.window)
    }

    fn build(
        &self,
        input: &Shape,
        (weight, bias): Start<'_, T>,
        rng: &mut dyn Rng,
    ) -> Result<Box<dyn Layer<T>>> {
        // The window is checked again when the layer is made, with its stride.
        let inputs = self.0.window.checked(1.into())?.over(input)?.channels;
        Ok(Box::new(Conv2d::with_init(self.0.channels(inputs), self.0.window, weight, bias, rng)?))
    }

    fn groups(&mut self) -> Option<&mut usize> {
        Some(&mut self.0.groups)
    }
}

/// A transposed convolution of images.
pub(super) struct ConvTranspose2dPlan(pub(super) Conv, pub(super) OutputSize);

impl<T: Scalar> Weighted<T> for ConvTranspose2dPlan {
    fn describe(&self) -> String {
        format!("conv_transpose2d -> {}, {}", self.0.outputs, self.0.window)
    }

    fn build(
        &self,
        input: &Shape,
        (weight, bias): Start<'_, T>,
        rng: &mut dyn Rng,
    ) -> Result<Box<dyn Layer<T>>> {
        let &[_, _, inputs] = input.axes() else {
            return Err(Error::shape("input", "[batch, height, width, channels]", input.batch_pattern()));
        };
        let layer = ConvTranspose2d::with_init(self.0.channels(inputs), self.0.window, weight, bias, rng)?;
        Ok(Box::new(layer.with_size(self.1)?))
    }

    fn groups(&mut self) -> Option<&mut usize> {
        Some(&mut self.0.groups)
    }

    fn output_size(&mut self, _: Sides) -> Option<&mut OutputSize> {
        Some(&mut self.1)
    }
}

/// A convolution of sequences.
pub(super) struct Conv1dPlan(pub(super) Conv);

impl<T: Scalar> Weighted<T> for Conv1dPlan {
    // The window can be wrong yet.
    fn describe(&self) -> String {
        format!("conv1d -> {}", self.0.outputs)
    }

    fn build(
        &self,
        input: &Shape,
        (weight, bias): Start<'_, T>,
        rng: &mut dyn Rng,
    ) -> Result<Box<dyn Layer<T>>> {
        let channels = self.0.channels(sequence_channels(input)?);
        Ok(Box::new(Conv1d::with_init(channels, self.0.window, weight, bias, rng)?))
    }

    fn groups(&mut self) -> Option<&mut usize> {
        Some(&mut self.0.groups)
    }
}

/// A transposed convolution of sequences.
pub(super) struct ConvTranspose1dPlan(pub(super) Conv, pub(super) OutputSize);

impl<T: Scalar> Weighted<T> for ConvTranspose1dPlan {
    fn describe(&self) -> String {
        format!("conv_transpose1d -> {}", self.0.outputs)
    }

    fn build(
        &self,
        input: &Shape,
        (weight, bias): Start<'_, T>,
        rng: &mut dyn Rng,
    ) -> Result<Box<dyn Layer<T>>> {
        let channels = self.0.channels(sequence_channels(input)?);
        let layer = ConvTranspose1d::with_init(channels, self.0.window, weight, bias, rng)?;
        Ok(Box::new(match self.1 {
            OutputSize::Padding(more) => layer.with_output_padding(more.width)?,
            OutputSize::Sides(sides) => layer.with_output_size(sides.width)?,
        }))
    }

    fn groups(&mut self) -> Option<&mut usize> {
        Some(&mut self.0.groups)
    }

    fn output_size(&mut self, sides: Sides) -> Option<&mut OutputSize> {
        (sides.height == sides.width).then_some(&mut self.1)
    }
}

fn sequence_channels(input: &Shape) -> Result<usize> {
    match *input.axes() {
        [_, channels] => Ok(channels),
        _ => Err(Error::shape("input", "[batch, length, channels]", input.batch_pattern())),
    }
}
