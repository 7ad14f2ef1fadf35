//! A model is put together of layers that are there.

use super::Sequential;
use super::checks::{SAMPLE, check_params, checked_output};
use super::names::check_name;
use super::step::Step;
use crate::layers::Layer;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape};

/// Layers one after another, each checked as it comes.
pub(super) struct Assembly<T: Scalar> {
    input: Shape,
    output: Shape,
    steps: Vec<Step<T>>,
}

impl<T: Scalar> Assembly<T> {
    /// Of no layers yet.
    pub(super) fn new(input: Shape) -> Result<Self> {
        if input.is_empty() || input.rank() == Shape::MAX_RANK {
            return Err(Error::shape("input", SAMPLE, input.batch_pattern()));
        }
        Ok(Self { input, output: input, steps: Vec::new() })
    }

    /// The number of layers.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// What the last layer makes of a sample.
    pub(super) fn output(&self) -> Shape {
        self.output
    }

    /// The next layer, which has to take what the one before it gives.
    pub(super) fn push(&mut self, name: String, mut layer: Box<dyn Layer<T>>) -> Result<()> {
        let input = self.output;
        let output = check_params(&mut *layer).and_then(|()| checked_output(&*layer, &input));
        self.output = output.map_err(|error| error.in_layer(label(self.len(), &name, &layer.describe())))?;
        self.steps.push(Step::new(layer, name, input, self.output));
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Sequential<T>> {
        Sequential::from_steps(self.input, self.output, self.steps)
    }
}

impl<T: Scalar> Sequential<T> {
    /// The model of these layers under these names.
    pub(crate) fn of_layers(
        input: Shape,
        layers: impl IntoIterator<Item = (String, Box<dyn Layer<T>>)>,
    ) -> Result<Self> {
        let mut assembly = Assembly::new(input)?;
        for (name, layer) in layers {
            let position = assembly.len();
            check_name("layer name", &name)
                .map_err(|error| error.in_layer(format_args!("layer {position} ({})", layer.describe())))?;
            assembly.push(name, layer)?;
        }
        assembly.finish()
    }
}

/// What a layer is called in an error.
pub(super) fn label(position: usize, name: &str, kind: &str) -> String {
    format!("layer {position} `{name}` ({kind})")
}
