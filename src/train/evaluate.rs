//! A model measured on data.

use super::ahead::with_batches;
use super::batch::{Batch, Recipe};
use super::checks::{check_shape, check_targets, numbers};
use super::group::{Group, Own, attempt};
use super::numbers::Numbers;
use super::outputs::Outputs;
use super::parts::Parts;
use super::share::{Batches, Ranks};
use super::tally::Tally;
use super::weighted::{Answers, Weighted};
use super::{Dataset, Evaluation, Trainer};
use crate::kernels;
use crate::layers::Mode;
use crate::losses::{Divisors, Loss};
use crate::{Parallelism, Result, Scalar, Sequential, TensorView, Workspace};

impl<T: Scalar> Sequential<T> {
    /// Measures the model on data: the loss, and for classes the accuracy and the confusion matrix, as one large batch would.
    ///
    /// The samples go through the model in several batches, as in [`Sequential::predict`], so memory does not grow with their
    /// number. Allocates a workspace: for single calls.
    ///
    /// ```
    /// use taper::{Sequential, Tensor, losses::CrossEntropy, train::Dataset};
    ///
    /// let model = Sequential::<f32>::builder([4]).dense(3).build(&mut taper::seeded(7))?;
    /// let (inputs, labels) = (Tensor::from_fn([9, 4], |i| (i % 5) as f32)?, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    /// let evaluation = model.evaluate(Dataset::new(&inputs, &labels)?, &CrossEntropy::new())?;
    /// println!("loss {:.3}, accuracy {:.3}", evaluation.loss, evaluation.accuracy.unwrap());
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// Where data, model and loss do not fit together: all targets are looked at first. [`crate::Error::NotFinite`] where
    /// the loss is not finite because an input is not. Errors name the sample of the data set.
    pub fn evaluate(&self, data: Dataset<'_, T>, loss: &dyn Loss<T>) -> Result<Evaluation> {
        check_shape(self, &data)?;
        check_targets(self, loss, &data)?;
        let (batch, parallelism) = (self.batch_of_copies(data.len()), Parallelism::default());
        let mut workspace = self.workspace(Mode::Infer, batch)?.with_parallelism(parallelism);
        let gathered = &mut Vec::new();
        let (workspace, allow_not_finite) = (&mut workspace, false);
        let places: Vec<usize> = (0..data.len()).collect();
        let measure =
            Measure { model: self, loss, batch, workspace, gathered, parallelism, allow_not_finite };
        Ok(measure.all(&data, &places, None)?.finish())
    }
}

impl<T: Scalar> Trainer<'_, T> {
    /// Measures the model on data, without training it: as one large batch would, in batches of any size.
    ///
    /// # Errors
    /// Where data, model and loss do not fit together: all targets are looked at first. [`crate::Error::NotFinite`] where
    /// the loss is not finite because an input is not, unless that is [allowed](Trainer::allow_not_finite). Errors name
    /// the sample of the data set.
    pub fn evaluate(&mut self, data: Dataset<'_, T>) -> Result<Evaluation> {
        self.or_leave(|trainer| trainer.evaluate_all(&data))
    }

    fn evaluate_all(&mut self, data: &Dataset<'_, T>) -> Result<Evaluation> {
        self.agreed(|trainer| {
            check_shape(&trainer.model, data)?;
            check_targets(&trainer.model, &*trainer.loss, data)
        })?;
        if self.group.is_none() {
            return self.measure(data, None);
        }
        self.with_group(|trainer, group| {
            let owners = trainer.meet_to_evaluate(group, data)?;
            let ranks = Ranks { rank: group.rank(), size: group.size(), owners: owners.as_deref() };
            let places = ranks.places(data);
            trainer.measure_together(group, data, &places, None)
        })
    }

    /// The same for the validation data of a training, which have been looked at; outputs are kept where there is a place for them.
    pub(super) fn measure_validation(
        &mut self,
        data: &Dataset<'_, T>,
        outputs: Option<&mut Outputs<T>>,
    ) -> Result<Evaluation> {
        if self.group.is_none() {
            return self.measure(data, outputs);
        }
        self.with_group(|trainer, group| {
            let owners = group.meeting().validation_owners.as_deref();
            let places = Ranks { rank: group.rank(), size: group.size(), owners }.places(data);
            trainer.measure_together(group, data, &places, outputs)
        })
    }

    /// What is counted on all ranks.
    pub(super) fn whole(&mut self, mut tally: Tally) -> Result<Tally> {
        if self.group.is_some() {
            let sums = self.with_group(|_, group| Ok(group.sum(tally.counts())?))?;
            tally.set_counts(&sums);
        }
        Ok(tally)
    }

    /// Measures the samples at these places, and adds up what all ranks have measured.
    fn measure_together(
        &mut self,
        group: &mut Group,
        data: &Dataset<'_, T>,
        places: &[usize],
        mut outputs: Option<&mut Outputs<T>>,
    ) -> Own<Evaluation> {
        let own = attempt(|| self.measure_places(data, places, outputs.as_deref_mut()));
        let numbers = own.as_ref().map_or_else(|_| Vec::new(), Measured::counts);
        // Of a rank that has failed there are none, and no sums are looked at.
        let (mut measured, _) = group.agree(own, Vec::new())?;
        measured.set_counts(&group.sum(numbers)?);
        if let Some(outputs) = outputs {
            outputs.spread(data, places, &mut |numbers| group.sum(numbers))?;
        }
        Ok(measured.finish())
    }

    fn measure(&mut self, data: &Dataset<'_, T>, outputs: Option<&mut Outputs<T>>) -> Result<Evaluation> {
        let places: Vec<usize> = (0..data.len()).collect();
        Ok(self.measure_places(data, &places, outputs)?.finish())
    }

    fn measure_places(
        &mut self,
        data: &Dataset<'_, T>,
        places: &[usize],
        outputs: Option<&mut Outputs<T>>,
    ) -> Result<Measured> {
        let batch = self.settings.batch.min(places.len()).max(1);
        if !self.has_workspace(batch) {
            self.with_copies(|trainer| trainer.make_workspace(batch))?;
        }
        let (settings, workspace) = (&self.settings, self.workspace.as_mut().expect("made above"));
        Measure {
            model: &self.model,
            loss: &*self.loss,
            batch,
            workspace,
            gathered: &mut self.gathered,
            parallelism: settings.parallelism,
            allow_not_finite: settings.allow_not_finite,
        }
        .all(data, places, outputs)
    }
}

/// What there is of some samples of a data set.
struct Measured {
    /// The sum of their losses, divided as the loss of all samples is.
    loss: f64,
    divisor: Option<f64>,
    tally: Tally,
    parts: Parts,
}

impl Measured {
    /// All of it as numbers, which add up over ranks.
    fn counts(&self) -> Vec<f64> {
        let mut counts = vec![self.loss];
        counts.extend(self.tally.counts());
        counts.extend(self.parts.counts());
        counts
    }

    fn set_counts(&mut self, counts: &[f64]) {
        let (loss, counts) = counts.split_at(1);
        let (tally, parts) = counts.split_at(self.tally.counts().len());
        self.loss = loss[0];
        self.tally.set_counts(tally);
        self.parts.set_counts(parts);
    }

    fn finish(mut self) -> Evaluation {
        self.tally.add_loss(self.loss, self.divisor);
        Evaluation { parts: self.parts.finish(), ..self.tally.finish() }
    }
}

/// Who measures what, batch by batch, in which memory.
struct Measure<'a, T: Scalar> {
    model: &'a Sequential<T>,
    loss: &'a dyn Loss<T>,
    batch: usize,
    workspace: &'a mut Workspace<T>,
    gathered: &'a mut Vec<Batch<T>>,
    parallelism: Parallelism,
    allow_not_finite: bool,
}

impl<T: Scalar> Measure<'_, T> {
    fn all(
        mut self,
        data: &Dataset<'_, T>,
        places: &[usize],
        outputs: Option<&mut Outputs<T>>,
    ) -> Result<Measured> {
        let threads = self.model.threads(places.len() / self.batch, self.batch, self.parallelism);
        kernels::together(threads, || self.batches(data, places, outputs))
    }

    fn batches(
        &mut self,
        data: &Dataset<'_, T>,
        places: &[usize],
        mut outputs: Option<&mut Outputs<T>>,
    ) -> Result<Measured> {
        let mut tally = Tally::new(data, self.model);
        let (divisors, mut loss) = (data.divisors(self.loss), 0.0);
        let mut parts = Parts::new(self.loss).named(self.model.class_names());
        let numbers = numbers(self.model, self.allow_not_finite);
        outputs.iter_mut().for_each(|outputs| outputs.clear());
        let samples: Vec<usize> = places.iter().map(|&place| data.number(place)).collect();
        let recipe = Recipe { data, numbers, random: None, parallelism: self.parallelism };
        let batches = Batches::Whole { samples: &samples, size: self.batch };
        with_batches(recipe, batches, &mut *self.gathered, |ahead| {
            for (number, batch) in samples.chunks(self.batch).enumerate() {
                let gathered = ahead.take(number)?;
                let (x, answers) = gathered.view(data)?;
                let part = one_batch(self.model, self.loss, self.workspace, (x, answers), &divisors);
                if part.as_ref().is_ok_and(|part| !part.is_finite()) && !self.allow_not_finite {
                    Numbers::Finite.check_batch(x, batch)?;
                }
                loss += part.map_err(|error| error.of_samples(batch))?;
                tally.add_outputs(self.workspace.outputs(), answers, self.loss);
                parts.add(self.workspace.outputs(), answers, self.loss, &divisors)?;
                if let Some(outputs) = &mut outputs {
                    outputs.add(self.workspace.outputs(), answers.target);
                }
                ahead.give_back(gathered);
            }
            Ok(())
        })?;
        Ok(Measured { loss, divisor: divisors.whole(), tally, parts })
    }
}

/// The part of the loss that a batch has.
fn one_batch<T: Scalar>(
    model: &Sequential<T>,
    loss: &dyn Loss<T>,
    workspace: &mut Workspace<T>,
    (x, answers): (TensorView<'_, T>, Answers<'_, T>),
    divisors: &Divisors,
) -> Result<f64> {
    let outputs = model.infer(x, workspace)?;
    let loss = Weighted { loss, weights: answers.weights };
    Ok(loss.part_of(outputs, answers.target, divisors, None)?.as_f64())
}
