//! The learning rate over a training.

use crate::optimizers::Optimizer;
use crate::schedules::{OnPlateau, Schedule};
use crate::{Result, Scalar};

/// Who sets the learning rate.
#[derive(Debug)]
pub(crate) enum Pace {
    Constant,
    ByStep(Box<dyn Schedule>),
    ByEpoch(Box<dyn Schedule>),
    OnPlateau(OnPlateau),
}

impl Pace {
    /// Sets the rate of a step, counted over all epochs.
    pub(super) fn before_step<T: Scalar>(&self, step: u64, optimizer: &mut Optimizer<T>) -> Result<()> {
        match self {
            Self::ByStep(schedule) => optimizer.set_learning_rate(schedule.learning_rate(step)),
            _ => Ok(()),
        }
    }

    /// Sets the rate of an epoch.
    pub(super) fn before_epoch<T: Scalar>(&self, epoch: usize, optimizer: &mut Optimizer<T>) -> Result<()> {
        match self {
            Self::ByEpoch(schedule) => optimizer.set_learning_rate(schedule.learning_rate(epoch as u64)),
            _ => Ok(()),
        }
    }

    /// Looks at the loss of an epoch.
    pub(super) fn after_epoch<T: Scalar>(&mut self, loss: f64, optimizer: &mut Optimizer<T>) -> Result<()> {
        match self {
            Self::OnPlateau(plateau) => {
                optimizer.set_learning_rate(plateau.observe(loss, optimizer.learning_rate()))
            }
            _ => Ok(()),
        }
    }

    /// Forgets all epochs.
    pub(super) fn forget(&mut self) {
        if let Self::OnPlateau(plateau) = self {
            plateau.forget();
        }
    }
}
