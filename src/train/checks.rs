//! Checks of a training before its first step, so that an error does not wait for the end of an epoch.

use super::run::Plan;
use super::trainer::workspace;
use super::{Dataset, Fit, Trainer, numbers::Numbers};
use crate::layers::{Layer, Mode};
use crate::losses::Target;
use crate::{Error, Result, Scalar, TensorView};

impl<T: Scalar> Trainer<'_, T> {
    /// Whether model, data and settings fit together: shapes, sizes of batches, all inputs and all targets. The workspace
    /// for all of that is made too.
    pub(super) fn check_fit(
        &mut self,
        data: &Dataset<'_, T>,
        options: &Fit<'_, T>,
        plan: Plan,
    ) -> Result<()> {
        options.check(&self.model)?;
        self.check_shape(data)?;
        self.check_batches(plan)?;
        self.check_inputs(data)?;
        self.check_targets(data)?;
        let mut batch = plan.batch.min(plan.used());
        if let Some(validation) = &options.validation {
            batch = batch.max(plan.batch.min(validation.len()));
            self.check_sizes(validation.len(), Mode::Infer)
                .and_then(|()| self.check_inputs(validation))
                .and_then(|()| self.check_targets(validation))
                .map_err(|error| error.in_data("validation data"))?;
        }
        workspace(&mut self.workspace, &self.model, batch, self.settings.parallelism).map(|_| ())
    }

    /// Whether a single step's target is one for the model. Where the input is none, that is told first.
    pub(super) fn check_step(&self, x: TensorView<'_, T>, target: Target<'_, T>) -> Result<()> {
        match x.shape().split_batch() {
            Some((batch, sample)) if batch > 0 && sample == self.model.input() => {
                self.loss.check_target(self.model.output().with_batch(batch)?, target)
            }
            _ => Ok(()),
        }
    }

    /// Whether the samples are the model's.
    pub(super) fn check_shape(&self, data: &Dataset<'_, T>) -> Result<()> {
        if data.sample() == self.model.input() {
            return Ok(());
        }
        Err(Error::shape("input", self.model.input().batch_pattern(), data.shape()))
    }

    pub(super) fn check_targets(&self, data: &Dataset<'_, T>) -> Result<()> {
        data.check_targets(&*self.loss, self.model.output())?;
        data.check_divisor(&*self.loss)
    }

    /// Whether the inputs are numbers that the model takes, so far as they are in memory.
    fn check_inputs(&self, data: &Dataset<'_, T>) -> Result<()> {
        self.numbers().check(data)
    }

    /// What numbers inputs have to be: finite, and whole where the model takes such.
    pub(super) fn numbers(&self) -> Numbers {
        match self.model.vocabulary() {
            Some(vocabulary) => Numbers::Below(vocabulary),
            None if self.settings.allow_not_finite => Numbers::Any,
            None => Numbers::Finite,
        }
    }

    /// Whether every batch of an epoch can be trained with.
    fn check_batches(&self, plan: Plan) -> Result<()> {
        if plan.used() == 0 {
            let expected = "no more than the samples of the data set where the last batch is dropped";
            return Err(Error::setting("batch", expected, format!("{} of {}", plan.batch, plan.samples)));
        }
        self.check_sizes(plan.used(), Mode::Train)
    }

    /// Whether the layers can take so many samples, a batch after the other.
    fn check_sizes(&self, samples: usize, mode: Mode) -> Result<()> {
        let (whole, last) = (self.settings.batch.min(samples), samples % self.settings.batch);
        let check = |batch| self.model.check_batch(&self.model.input(), batch, mode);
        check(whole)?;
        if last == 0 || last == whole {
            return Ok(());
        }
        let leave_out = if mode == Mode::Train { " (`with_drop_last` leaves it out)" } else { "" };
        let part = || format!("last batch of an epoch, {last} of {samples} samples{leave_out}");
        check(last).map_err(|error| error.in_data(part()))
    }
}
