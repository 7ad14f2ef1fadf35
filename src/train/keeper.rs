//! Writing down where a training is.

use super::Trainer;
use super::run::{Plan, Run};
use crate::{Result, Scalar};

/// When a keeper is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// After a step.
    Step,
    /// After an epoch.
    Epoch,
    /// A callback has ended the training.
    Stop,
    /// After the last epoch.
    End,
}

/// Writes down where a training is, if the moment is right.
pub(crate) trait Keeper<T: Scalar>: Send {
    fn keep(&mut self, moment: Moment, trainer: &Trainer<'_, T>, plan: Plan, run: &Run<T>) -> Result<()>;
}
