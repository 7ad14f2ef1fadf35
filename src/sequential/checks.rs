//! Checks of what layers of one's own claim, when a model is built.

use super::Sequential;
use crate::layers::{Layer, Mode};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape};

/// What a sample can look like, at the input and between layers.
pub(super) const SAMPLE: &str = "of 0 to 5 axes that are not empty (one more is the batch)";

impl<T: Scalar> Sequential<T> {
    /// Whether every layer can take a batch of so many samples.
    pub(super) fn check_steps(&self, batch: usize, mode: Mode) -> Result<()> {
        self.steps().iter().enumerate().try_for_each(|(index, step)| {
            let checked = step.layer.check_batch(&step.input, batch, mode);
            checked.map_err(|error| self.error_in(index, error))
        })
    }

    /// Whether every layer can be used so.
    pub(super) fn check_modes(&self, mode: Mode) -> Result<()> {
        self.steps().iter().enumerate().try_for_each(|(index, step)| {
            step.layer.check_mode(mode).map_err(|error| self.error_in(index, error))
        })
    }
}

/// Whether both visitors go to the same parameters: everything that finds parameters by their place relies on it.
pub(super) fn check_params<T: Scalar>(layer: &mut dyn Layer<T>) -> Result<()> {
    let (mut names, mut names_mut) = (Vec::new(), Vec::new());
    layer.params(&mut |param| names.push(param.name().to_owned()));
    layer.params_mut(&mut |param| names_mut.push(param.name().to_owned()));
    if names == names_mut {
        return Ok(());
    }
    let got = format!("{names_mut:?} instead of {names:?}");
    Err(Error::setting("params_mut", "the parameters of `params` in the same order", got))
}

/// The shape that a layer makes of this one, with what the container relies on: the claims of a layer of one's own
/// are checked here, once.
pub(super) fn checked_output<T: Scalar>(layer: &dyn Layer<T>, input: &Shape) -> Result<Shape> {
    let output = layer.output_shape(input)?;
    if output.is_empty() || output.rank() == Shape::MAX_RANK {
        return Err(Error::shape("output", SAMPLE, output.batch_pattern()));
    }
    if layer.is_reshape() && output.len() != input.len() {
        let expected = format!("of {} elements a sample from a layer that only reshapes", input.len());
        return Err(Error::shape("output", expected, output.batch_pattern()));
    }
    if layer.activation().is_some() && output != *input {
        let expected = format!("{} from an activation", input.batch_pattern());
        return Err(Error::shape("output", expected, output.batch_pattern()));
    }
    Ok(output)
}
