//! Layers with weights, which are made when the shape of their input is known.

use rand::Rng;

use crate::init::{Init, Initializer};
use crate::layers::{
    Channels, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dense, Layer, OutputSize, Sides, Window,
};
use crate::prelude::*;
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
    Conv2d(Conv),
    ConvTranspose2d(Conv, OutputSize),
    Conv1d(Conv),
    ConvTranspose1d(Conv, OutputSize),
}

/// What is known of a convolution.
pub(super) struct Conv {
    pub(super) outputs: usize,
    pub(super) window: Window,
    pub(super) groups: usize,
}

impl Conv {
    pub(super) fn new(outputs: usize, window: Window) -> Self {
        Self { outputs, window, groups: 1 }
    }

    fn channels(&self, inputs: usize) -> Channels {
        Channels::new(inputs, self.outputs).with_groups(self.groups)
    }
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
            Weighted::Conv2d(conv)
            | Weighted::ConvTranspose2d(conv, _)
            | Weighted::Conv1d(conv)
            | Weighted::ConvTranspose1d(conv, _) => {
                conv.groups = new;
                true
            }
        }
    }

    /// Whether it is a transposed convolution, whose output padding or size this is. That of sequences has one number.
    pub(super) fn set_output_size(&mut self, sides: Sides, size: fn(Sides) -> OutputSize) -> bool {
        match &mut self.kind {
            Weighted::ConvTranspose2d(_, output_size) => {
                *output_size = size(sides);
                true
            }
            Weighted::ConvTranspose1d(_, output_size) if sides.height == sides.width => {
                *output_size = size(sides);
                true
            }
            _ => false,
        }
    }

    pub(super) fn describe(&self) -> String {
        match &self.kind {
            Weighted::Dense { outputs } => format!("dense -> {outputs}"),
            Weighted::Conv2d(Conv { outputs, window, .. }) => format!("conv2d -> {outputs}, {window}"),
            Weighted::ConvTranspose2d(Conv { outputs, window, .. }, _) => {
                format!("conv_transpose2d -> {outputs}, {window}")
            }
            // The window can be wrong yet.
            Weighted::Conv1d(Conv { outputs, .. }) => format!("conv1d -> {outputs}"),
            Weighted::ConvTranspose1d(Conv { outputs, .. }, _) => format!("conv_transpose1d -> {outputs}"),
        }
    }

    pub(super) fn build(&self, input: &Shape, rng: &mut dyn Rng) -> Result<Box<dyn Layer<T>>> {
        let (weight, bias) = (&*self.weight, self.bias.as_deref());
        match &self.kind {
            &Weighted::Dense { outputs } => {
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
            Weighted::Conv2d(conv) => {
                // The window is checked again when the layer is made, with its stride.
                let inputs = conv.window.checked(1.into())?.over(input)?.channels;
                Ok(Box::new(Conv2d::with_init(conv.channels(inputs), conv.window, weight, bias, rng)?))
            }
            Weighted::ConvTranspose2d(conv, output_size) => {
                let channels = conv.channels(image_channels(input)?);
                let layer = ConvTranspose2d::with_init(channels, conv.window, weight, bias, rng)?;
                Ok(Box::new(layer.with_size(*output_size)?))
            }
            Weighted::Conv1d(conv) => {
                let channels = conv.channels(sequence_channels(input)?);
                Ok(Box::new(Conv1d::with_init(channels, conv.window, weight, bias, rng)?))
            }
            Weighted::ConvTranspose1d(conv, output_size) => {
                let channels = conv.channels(sequence_channels(input)?);
                let layer = ConvTranspose1d::with_init(channels, conv.window, weight, bias, rng)?;
                Ok(Box::new(match *output_size {
                    OutputSize::Padding(more) => layer.with_output_padding(more.width)?,
                    OutputSize::Sides(sides) => layer.with_output_size(sides.width)?,
                }))
            }
        }
    }
}

fn image_channels(input: &Shape) -> Result<usize> {
    match *input.axes() {
        [_, _, channels] => Ok(channels),
        _ => Err(Error::shape("input", "[batch, height, width, channels]", input.batch_pattern())),
    }
}

fn sequence_channels(input: &Shape) -> Result<usize> {
    match *input.axes() {
        [_, channels] => Ok(channels),
        _ => Err(Error::shape("input", "[batch, length, channels]", input.batch_pattern())),
    }
}
