//! Checks of a training before its first step, so that an error does not wait for the end of an epoch.

use super::run::Plan;
use super::trainer::workspace;
use super::{Dataset, Fit, Inputs, Trainer};
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
        let shape = data.inputs().shape();
        match shape.split_batch() {
            Some((_, sample)) if sample == self.model.input() => Ok(()),
            _ => Err(Error::shape("input", self.model.input().batch_pattern(), shape)),
        }
    }

    pub(super) fn check_targets(&self, data: &Dataset<'_, T>) -> Result<()> {
        self.loss.check_target(self.model.output().with_batch(data.len())?, data.target())
    }

    /// Whether the inputs are finite, and whole numbers where the model takes such.
    fn check_inputs(&self, data: &Dataset<'_, T>) -> Result<()> {
        if let Some(vocabulary) = self.model.vocabulary() {
            data.inputs().check_whole(vocabulary)
        } else if self.settings.allow_not_finite {
            Ok(())
        } else {
            data.inputs().check_finite()
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

/// So many numbers at a time are looked at before it is asked whether one was wrong.
const CHUNK: usize = 4096;

impl<T: Scalar> Inputs<'_, T> {
    /// Whether all numbers are finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with the first sample in which one is not.
    pub(super) fn check_finite(&self) -> Result<()> {
        let is_finite = |got: f64, place: Vec<usize>| {
            let what = format!("input of sample {} at {:?}", place[0], &place[1..]);
            Error::NotFinite { what, got }
        };
        self.check(T::is_finite, is_finite)
    }

    /// Whether all numbers are whole, from 0 to one less than this.
    fn check_whole(&self, below: usize) -> Result<()> {
        let limit = T::of(below as f64);
        // A NaN is in no range.
        let is_right = |number: T| (T::zero()..limit).contains(&number) && number == number.trunc();
        self.check(is_right, |got, place| Error::Index { what: "input", place, below, got })
    }

    /// The first number that is wrong, as an error of its value and its place, the sample first.
    fn check(&self, is_right: impl Fn(T) -> bool, error: impl Fn(f64, Vec<usize>) -> Error) -> Result<()> {
        let (place, number) = match self {
            Self::Values(values) => {
                let numbers = values.as_slice();
                let all_right =
                    |chunk: &[T]| chunk.iter().fold(true, |right, &number| right & is_right(number));
                let Some(chunk) = numbers.chunks(CHUNK).position(|chunk| !all_right(chunk)) else {
                    return Ok(());
                };
                let wrong = numbers[chunk * CHUNK..].iter().position(|&number| !is_right(number));
                let place = chunk * CHUNK + wrong.expect("one of this chunk is wrong");
                (place, numbers[place])
            }
            Self::Pixels(pixels) => {
                let numbers = pixels.numbers();
                let is_wrong = numbers.map(|number| !is_right(number));
                if !is_wrong.contains(&true) {
                    return Ok(());
                }
                let Some(place) = pixels.as_bytes().iter().position(|&byte| is_wrong[usize::from(byte)])
                else {
                    return Ok(());
                };
                (place, numbers[usize::from(pixels.as_bytes()[place])])
            }
        };
        Err(error(number.as_f64(), self.shape().place(place)))
    }
}
