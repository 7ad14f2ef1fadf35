//! Writing down where a training is.

use std::path::Path;

use super::run::{Plan, Run};
use super::{Monitor, Trainer};
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
    /// By what it tells the best epoch, where it writes that alone.
    fn monitor(&self) -> Option<Monitor> {
        None
    }

    /// The file that it writes to.
    fn path(&self) -> &Path;

    /// Whether it would write now.
    fn is_due(&self, moment: Moment, trainer: &Trainer<'_, T>, run: &Run<T>) -> bool;

    /// Writes if it is due.
    fn keep(&mut self, moment: Moment, trainer: &Trainer<'_, T>, plan: Plan, run: &Run<T>) -> Result<()>;
}
