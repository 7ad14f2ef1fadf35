//! Checks of a training before its first step, so that an error does not wait for the end of an epoch.

use super::run::Plan;
use super::share::Ranks;
use super::{Dataset, Fit, Inputs, Trainer, numbers::Numbers};
use crate::layers::{Layer, Mode};
use crate::losses::{Loss, Target};
use crate::{Error, Result, Scalar, Sequential, TensorView};

impl<T: Scalar> Trainer<'_, T> {
    /// Whether model, data and settings fit together: shapes, sizes of batches, all inputs and all targets. The workspace
    /// for all of that is made too.
    pub(super) fn check_fit(
        &mut self,
        data: &Dataset<'_, T>,
        options: &Fit<'_, T>,
        plan: Plan,
    ) -> Result<()> {
        self.model.check_mode(Mode::Train)?;
        options.check(&self.model)?;
        check_shape(&self.model, data)?;
        self.check_batches(plan)?;
        self.check_inputs(data)?;
        check_targets(&self.model, &*self.loss, data)?;
        let mut batch = plan.batch.min(plan.used()).div_ceil(self.ranks);
        if let Some(validation) = &options.validation {
            batch = batch.max(plan.batch.min(validation.len().div_ceil(self.ranks)));
            self.check_sizes(validation.len(), Mode::Infer)
                .and_then(|()| self.check_inputs(validation))
                .and_then(|()| check_targets(&self.model, &*self.loss, validation))
                .map_err(|error| error.in_data("validation data"))?;
        }
        self.with_copies(|trainer| trainer.make_workspace(batch))
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

    /// Whether the inputs are numbers that the model takes, so far as they are in memory.
    fn check_inputs(&self, data: &Dataset<'_, T>) -> Result<()> {
        self.numbers().check(data)
    }

    /// What numbers inputs have to be: finite, and whole where the model takes such.
    pub(super) fn numbers(&self) -> Numbers {
        numbers(&self.model, self.settings.allow_not_finite)
    }

    /// Whether every batch of an epoch can be trained with.
    fn check_batches(&self, plan: Plan) -> Result<()> {
        if plan.used() == 0 {
            let expected = "no more than the samples of the data set where the last batch is dropped";
            return Err(Error::setting("batch", expected, format!("{} of {}", plan.batch, plan.samples)));
        }
        self.check_sizes(plan.used(), Mode::Train)
    }

    /// Whether the layers can take a batch, or this rank's part of it in training.
    fn check_batch(&self, batch: usize, mode: Mode) -> Result<()> {
        let check = |batch| self.model.check_batch(&self.model.input(), batch, mode);
        if self.ranks == 1 || mode == Mode::Infer || self.settings.synchronized_batch_norm {
            return check(batch);
        }
        let (start, end) = Ranks { rank: self.rank, size: self.ranks, owners: None }.bounds(batch);
        if start == end {
            return Ok(());
        }
        let part = || format!("part of a rank, {} of a batch of {batch} samples", end - start);
        check(end - start).map_err(|error| error.in_data(part()))
    }

    /// Whether the layers can take so many samples, a batch after the other.
    fn check_sizes(&self, samples: usize, mode: Mode) -> Result<()> {
        let (whole, last) = (self.settings.batch.min(samples), samples % self.settings.batch);
        let check = |batch| self.check_batch(batch, mode);
        check(whole)?;
        if last == 0 || last == whole {
            return Ok(());
        }
        let leave_out = if mode == Mode::Train { " (`with_drop_last` leaves it out)" } else { "" };
        let part = || format!("last batch of an epoch, {last} of {samples} samples{leave_out}");
        check(last).map_err(|error| error.in_data(part()))
    }
}

/// What numbers a model's inputs have to be.
pub(super) fn numbers<T: Scalar>(model: &Sequential<T>, allow_not_finite: bool) -> Numbers {
    match model.vocabulary() {
        Some(vocabulary) => Numbers::Below(vocabulary),
        None if allow_not_finite => Numbers::Any,
        None => Numbers::Finite,
    }
}

/// Whether the samples are the model's.
pub(super) fn check_shape<T: Scalar>(model: &Sequential<T>, data: &Dataset<'_, T>) -> Result<()> {
    if data.sample() == model.input() {
        return Ok(());
    }
    Err(Error::shape("input", model.input().batch_pattern(), data.shape()))
}

/// Whether the targets are ones for the loss of this model's outputs.
pub(super) fn check_targets<T: Scalar>(
    model: &Sequential<T>,
    loss: &dyn Loss<T>,
    data: &Dataset<'_, T>,
) -> Result<()> {
    data.check_targets(loss, model.output())?;
    data.check_divisor(loss)
}

impl Numbers {
    /// Whether all inputs of the data set are such numbers. Of what is not in memory nothing is known yet.
    ///
    /// # Errors
    /// [`Error::NotFinite`] or [`Error::Index`] with the sample in which the first is that is not.
    pub(super) fn check<T: Scalar>(self, data: &Dataset<'_, T>) -> Result<()> {
        let sample_len = data.sample().len();
        match data.inputs() {
            Inputs::Values(values) => self
                .check_rows(data, |sample, len| self.first(&values.as_slice()[sample * sample_len..][..len])),
            Inputs::Pixels(pixels) => {
                let numbers: [T; 256] = pixels.numbers();
                let is_wrong = numbers.map(|number| !self.includes(number));
                if !is_wrong.contains(&true) {
                    return Ok(());
                }
                self.check_rows(data, |sample, len| {
                    let bytes = &pixels.as_bytes()[sample * sample_len..][..len];
                    let place = bytes.iter().position(|&byte| is_wrong[usize::from(byte)])?;
                    Some((place, numbers[usize::from(bytes[place])]))
                })
            }
            Inputs::Source(..) => Ok(()),
        }
    }

    /// Looks at all samples as one run, or at each of a subset.
    fn check_rows<T: Scalar>(
        self,
        data: &Dataset<'_, T>,
        first: impl Fn(usize, usize) -> Option<(usize, T)>,
    ) -> Result<()> {
        let sample_len = data.sample().len();
        let found = match data.indices() {
            None => first(0, data.len() * sample_len).map(|(place, number)| (0, place, number)),
            Some(samples) => samples
                .iter()
                .find_map(|&sample| first(sample, sample_len).map(|(place, number)| (sample, place, number))),
        };
        let Some((sample, place, number)) = found else { return Ok(()) };
        Err(self.error(data.shape().place(sample * sample_len + place), number))
    }
}
