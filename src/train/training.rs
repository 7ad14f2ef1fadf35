//! A training, for a callback to look at and to change.

use super::outputs::Outputs;
use super::{History, run::Progress};
use crate::layers::{Layer, Param};
use crate::losses::Target;
use crate::optimizers::Optimizer;
use crate::{Result, Scalar, Sequential, TensorView};

/// The training between two steps, as a [`Callback`](super::Callback) gets it.
#[derive(Debug)]
pub struct Training<'a, T: Scalar> {
    pub(super) model: &'a mut Sequential<T>,
    pub(super) optimizer: &'a mut Optimizer<T>,
    pub(super) progress: &'a Progress<T>,
    pub(super) outputs: Option<&'a Outputs<T>>,
    pub(super) rank: usize,
}

impl<T: Scalar> Training<'_, T> {
    /// The model as it is.
    #[must_use]
    pub fn model(&self) -> &Sequential<T> {
        self.model
    }

    /// The parameter of this name, to be set, frozen or given a learning rate of its own.
    ///
    /// The next step starts from what is set; what the optimizer remembers stays. A moving average has taken in the
    /// parameter as the step left it, and takes in what is set with the next step. After an epoch, early stopping has
    /// kept the weights that were measured, before the callbacks. Another parameter put in its place ends the training with an
    /// error.
    ///
    /// # Errors
    /// [`Error::UnknownName`](crate::Error::UnknownName) where there is none.
    pub fn param_mut(&mut self, name: &str) -> Result<&mut Param<T>> {
        self.model.param_mut(name)
    }

    /// Calls `visit` with each parameter.
    pub fn params_mut(&mut self, mut visit: impl FnMut(&mut Param<T>)) {
        self.model.params_mut(&mut |param| visit(param));
    }

    /// The learning rate of the next step, unless a schedule sets another one before it.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.optimizer.learning_rate()
    }

    /// Sets the learning rate. A schedule by steps sets its own before the next step, one by epochs before the next epoch;
    /// without them it stays.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) unless finite and at least 0.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        self.optimizer.set_learning_rate(learning_rate)
    }

    /// The steps that the trainer has made.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.progress.steps
    }

    /// The number of this rank where several [train together](crate::Trainer::with_communicator), else 0: for what is shown or written
    /// once.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// All epochs that are done.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.progress.history
    }

    /// After an epoch: the outputs for the validation data, in their order, where a callback
    /// [asks for them](super::Callback::needs_outputs) or there is a [metric](super::Fit::with_metric).
    #[must_use]
    pub fn outputs(&self) -> Option<TensorView<'_, T>> {
        self.outputs.map(Outputs::outputs)
    }

    /// The targets of [`Training::outputs`].
    #[must_use]
    pub fn target(&self) -> Option<Target<'_, T>> {
        self.outputs.map(Outputs::target)
    }
}
