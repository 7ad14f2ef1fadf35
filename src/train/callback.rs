//! Callbacks of `fit`.

use super::Epoch;
use crate::{Result, Scalar, Sequential};

/// What [`crate::Trainer::fit`] calls after each step and each epoch, on the thread that called it.
pub trait Callback<T: Scalar>: Send {
    /// After a step.
    ///
    /// # Errors
    /// An error ends the training and is returned from it.
    fn after_step(&mut self, report: &StepReport) -> Result<Control> {
        let _ = report;
        Ok(Control::Continue)
    }

    /// After an epoch and its validation.
    ///
    /// # Errors
    /// An error ends the training and is returned from it.
    fn after_epoch(&mut self, epoch: &Epoch, model: &Sequential<T>) -> Result<Control> {
        let _ = (epoch, model);
        Ok(Control::Continue)
    }
}

/// Whether training goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// It goes on.
    Continue,
    /// It ends after this epoch or step, without an error.
    Stop,
}

/// One step of [`crate::Trainer::fit`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// The epoch, from 0, counted over all that the trainer was asked for.
    pub epoch: usize,
    /// How many there will have been at the end of this call.
    pub epochs: usize,
    /// The step in the epoch, from 0.
    pub step: usize,
    /// The steps of an epoch.
    pub steps: usize,
    /// The loss of the step's batch.
    pub loss: f64,
}
