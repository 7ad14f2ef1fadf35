//! One step of a trainer.
//!
//! A step on a single batch moves each parameter as soon as its gradient is known ([`crate::optimizers::Apply`]), so
//! no gradient of a weight is in memory as a whole. Two things need gradients in memory, in a [`GradientStore`]: those of
//! several batches are added up, and a limit for the norm has to know all of them before the first parameter moves.
//! For the latter there is a third way: a first backward pass that only measures, if that costs less.

use super::Trainer;
use super::precision::Precision;
use super::weighted::{Answers, Weighted};
use crate::kernels;
use crate::layers::{GradientStore, Mode, Others, Param};
use crate::losses::{Divisors, Target};
use crate::optimizers::Clip;
use crate::{Error, Result, Scalar, Sequential, TensorView};

impl<T: Scalar> Trainer<'_, T> {
    /// One step on one batch: forward, loss, backward, update. Gives the loss before the update.
    ///
    /// A schedule by steps goes on with it; accumulation, callbacks and schedules by epochs are of [`Trainer::fit`] alone.
    ///
    /// # Errors
    /// Where the batch does not fit the model or the loss, which says what its targets may be; [`Error::NotFinite`] for a loss that is not
    /// finite. The model is unchanged then. Those of a layer of one's own, whose `backward` may fail after the layers above it have
    /// moved.
    pub fn step<'a>(
        &mut self,
        x: impl Into<TensorView<'a, T>>,
        target: impl Into<Target<'a, T>>,
    ) -> Result<T> {
        let (step, x, target) = (self.progress.steps, x.into(), target.into());
        let what = || format!("loss of step {step}");
        if self.group.is_some() {
            return self.or_leave(|trainer| {
                trainer.meet(None)?;
                let threads = trainer.threads(1, x.batch());
                kernels::together(threads, || {
                    trainer.with_copies(|trainer| trainer.step_of_part(x, target, what))
                })
            });
        }
        self.check_step(x, target)?;
        self.with_copies(|trainer| trainer.or_undo(|trainer| trainer.step_on(x, target.into(), what)))
    }

    /// Forward, loss, backward and update on one batch; the loss before the update.
    pub(super) fn step_on(
        &mut self,
        x: TensorView<'_, T>,
        answers: Answers<'_, T>,
        what: impl FnOnce() -> String,
    ) -> Result<T> {
        kernels::together(self.threads(1, x.batch()), || self.whole_step(x, answers, what))
    }

    /// How many threads share so many steps in a row. A step has at least two products of each layer.
    pub(super) fn threads(&self, steps: usize, batch: usize) -> usize {
        self.model.threads(2 * steps, batch, self.settings.parallelism)
    }

    fn whole_step(
        &mut self,
        x: TensorView<'_, T>,
        answers: Answers<'_, T>,
        what: impl FnOnce() -> String,
    ) -> Result<T> {
        if !self.can_apply(x.batch()) {
            self.clear_gradients();
            let loss = self.accumulate(x, answers, None, what)?;
            self.step_by_gradients()?;
            return Ok(loss);
        }
        let loss = self.forward(x, answers, None, (0, None), what)?;
        self.pace.before_step(self.progress.steps, &mut self.optimizer)?;
        let workspace = self.workspace.as_mut().expect("the forward pass made it");
        let mut scale = 1.0;
        if !self.optimizer.has_stepped() || self.optimizer.clip().is_some_and(Clip::is_by_norm) {
            let mut survey = self.optimizer.survey(&*self.model)?;
            self.model.backward_pass(x, workspace, &mut survey)?;
            scale = survey.finish(&*self.model)?;
            // The pass may have overwritten the gradient that it started from.
            workspace.reopen();
            workspace.loss(&Weighted { loss: &*self.loss, weights: answers.weights }, answers.target)?;
        }
        let mut apply =
            self.optimizer.apply_scaled(&*self.model, scale)?.with_parallelism(self.settings.parallelism);
        if let Some(average) = &mut self.average {
            apply = apply.with_average(average, &*self.model)?;
        }
        self.model.backward_pass(x, workspace, &mut apply)?;
        apply.finish(&*self.model)?;
        self.count_step();
        Ok(loss)
    }

    /// Forward, loss and backward of one of several batches, with the divisors of them all, or of the only one. Its gradient is
    /// added to the others.
    pub(super) fn accumulate(
        &mut self,
        x: TensorView<'_, T>,
        answers: Answers<'_, T>,
        divisors: Option<&Divisors>,
        what: impl FnOnce() -> String,
    ) -> Result<T> {
        let loss = self.forward(x, answers, divisors, (0, None), what)?;
        let workspace = self.workspace.as_mut().expect("the forward pass made it");
        let gradients = self.gradients.get_or_insert_with(|| {
            GradientStore::new(&mut *self.model).with_parallelism(self.settings.parallelism)
        });
        self.model.backward_pass(x, workspace, gradients)?;
        Ok(loss)
    }

    pub(super) fn clear_gradients(&mut self) {
        self.gradients.iter_mut().for_each(GradientStore::clear);
    }

    /// Moves the parameters by what was accumulated.
    pub(super) fn step_by_gradients(&mut self) -> Result<()> {
        self.pace.before_step(self.progress.steps, &mut self.optimizer)?;
        let gradients = self.gradients.as_mut().expect("gradients were accumulated");
        self.optimizer.step(&mut *self.model, gradients)?;
        if let Some(average) = &mut self.average {
            average.update(&*self.model)?;
        }
        self.count_step();
        Ok(())
    }

    /// The model has other weights than those that early stopping may have restored.
    pub(super) fn count_step(&mut self) {
        self.progress.steps += 1;
        self.progress.history.restored = None;
    }

    /// Does this while the model has the copies of its weights, where products are of bf16.
    pub(super) fn with_copies<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        if self.settings.precision == Precision::Full {
            return work(self);
        }
        self.copies.lend(&mut self.model, self.settings.parallelism);
        let result = work(self);
        self.copies.take_back(&mut self.model);
        result
    }

    /// Whether there is a workspace for so many samples.
    pub(super) fn has_workspace(&self, batch: usize) -> bool {
        self.workspace.as_ref().is_some_and(|workspace| workspace.capacity() >= batch)
    }

    /// Makes the workspace, or a larger one, where the batch needs it; while the model has its copies, for it has room for what they need.
    pub(super) fn make_workspace(&mut self, batch: usize) -> Result<()> {
        if !self.has_workspace(batch) {
            let made = self.model.workspace(Mode::Train, batch.max(1))?;
            self.workspace = Some(made.with_parallelism(self.settings.parallelism));
        }
        Ok(())
    }

    /// The loss of a batch, or of a part of one that comes behind so many samples of it, which others may share.
    pub(super) fn forward(
        &mut self,
        x: TensorView<'_, T>,
        answers: Answers<'_, T>,
        divisors: Option<&Divisors>,
        (before, others): (usize, Option<&dyn Others>),
        what: impl FnOnce() -> String,
    ) -> Result<T> {
        self.make_workspace(x.batch())?;
        let workspace = self.workspace.as_mut().expect("made above");
        workspace.set_random_behind(self.settings.seed, self.progress.passes, before);
        self.progress.passes += 1;
        self.model.forward_among(x, workspace, others)?;
        let loss = Weighted { loss: &*self.loss, weights: answers.weights };
        let loss = match divisors {
            None => workspace.loss(&loss, answers.target)?,
            Some(divisors) => workspace.loss_of_part(&loss, answers.target, divisors)?,
        };
        if loss.is_finite() || self.settings.allow_not_finite {
            return Ok(loss);
        }
        Err(Error::NotFinite { what: what(), got: loss.as_f64() })
    }

    /// Whether a step on a single batch can do without gradients in memory.
    fn can_apply(&self, batch: usize) -> bool {
        match self.optimizer.clip() {
            None | Some(Clip::Value(_)) => true,
            // Norms of gradients that come of rounded numbers are those of the gradients alone.
            Some(Clip::GlobalNorm(_)) => {
                self.settings.precision == Precision::Full && survey_pays(&self.model, batch)
            }
            Some(Clip::Norm(_)) => false,
        }
    }
}

/// What it costs to write a gradient, to read it for its norm and to read it again, in multiply-adds for each element:
/// where the two ways take the same time (12544→1024→512→3 on one thread, at a batch of 64), a survey takes seven.
const STORED_ELEMENT: u64 = 8;

/// Whether to measure gradients without computing them costs less than to keep them. The gradient of a convolution is
/// computed for its norm, and takes far longer than to keep it.
fn survey_pays<T: Scalar>(model: &Sequential<T>, batch: usize) -> bool {
    let (mut survey, mut store, mut is_first) = (0_u64, 0_u64, true);
    for (layer, input) in model.layers_with_inputs() {
        let mut weights = 0;
        layer.params(&mut |param| {
            weights += matrix(param).map_or(0, |[inputs, outputs]| inputs * outputs);
        });
        // A sample may have several rows, each of which goes through the weight; of a model inside, it is their mean.
        let rows = batch as u64 * (layer.multiply_adds(input) / weights.max(1)).max(1);
        layer.params(&mut |param| {
            if param.is_kernels() && !param.is_frozen() {
                survey = u64::MAX;
            }
            if let (Some([inputs, outputs]), false) = (matrix(param), param.is_frozen()) {
                let gradient = rows * inputs * outputs;
                survey = survey.saturating_add(gradient.min(rows * rows * (inputs + outputs)));
                // The gradients between layers are computed twice.
                survey = survey.saturating_add(if is_first { 0 } else { gradient });
                store += STORED_ELEMENT * inputs * outputs;
                is_first = false;
            }
        });
    }
    survey <= store
}

/// Inputs and outputs of a weight that is a matrix.
fn matrix<T: Scalar>(param: &Param<T>) -> Option<[u64; 2]> {
    let sides: [usize; 2] = param.shape().axes().try_into().ok()?;
    Some(sides.map(|side| side as u64))
}
