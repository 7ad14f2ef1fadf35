//! Weights of a sample's outputs: one for all of them, one for each, or none.

use crate::prelude::*;
use crate::{Error, Result, Scalar};

#[derive(Debug, Clone, Default)]
pub(super) struct OutputWeights(Vec<f64>);

impl OutputWeights {
    pub(super) fn new(name: &'static str, weights: &[f64]) -> Result<Self> {
        if weights.is_empty() || !weights.iter().all(|weight| weight.is_finite()) {
            return Err(Error::setting(name, "finite numbers", format!("{weights:?}")));
        }
        Ok(Self(weights.to_vec()))
    }

    pub(super) fn as_slice(&self) -> &[f64] {
        &self.0
    }

    /// One for all outputs.
    pub(super) fn of_all(weight: f64) -> Self {
        Self(vec![weight])
    }

    /// Whether they are as many as the outputs of a sample. `what` names them and the loss.
    pub(super) fn check(&self, what: &'static str, outputs: usize) -> Result<()> {
        if self.0.len() > 1 && self.0.len() != outputs {
            return Err(Error::Length { what: what.into(), expected: outputs, got: self.0.len() });
        }
        Ok(())
    }

    /// A number times the weight of this output.
    pub(super) fn times<T: Scalar>(&self, index: usize, number: T) -> T {
        match *self.0 {
            [] => number,
            [weight] => T::of(weight) * number,
            ref weights => T::of(weights[index]) * number,
        }
    }
}
