//! A model measured on data.

use super::ahead::with_batches;
use super::batch::{Batch, Recipe};
use super::checks::{check_shape, check_targets, numbers};
use super::numbers::Numbers;
use super::outputs::Outputs;
use super::parts::Parts;
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
        Measure { model: self, loss, batch, workspace, gathered, parallelism, allow_not_finite }
            .all(&data, None)
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
        check_shape(&self.model, &data)?;
        check_targets(&self.model, &*self.loss, &data)?;
        self.measure(&data, None)
    }

    /// The same for data that has been looked at; its outputs are kept where there is a place for them.
    pub(super) fn measure(
        &mut self,
        data: &Dataset<'_, T>,
        outputs: Option<&mut Outputs<T>>,
    ) -> Result<Evaluation> {
        let batch = self.settings.batch.min(data.len());
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
        .all(data, outputs)
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
    fn all(mut self, data: &Dataset<'_, T>, outputs: Option<&mut Outputs<T>>) -> Result<Evaluation> {
        let threads = self.model.threads(data.len() / self.batch, self.batch, self.parallelism);
        kernels::together(threads, || self.batches(data, outputs))
    }

    fn batches(&mut self, data: &Dataset<'_, T>, mut outputs: Option<&mut Outputs<T>>) -> Result<Evaluation> {
        let mut tally = Tally::new(data, self.model);
        let (divisors, mut loss) = (data.divisors(self.loss), 0.0);
        let mut parts = Parts::new(self.loss).named(self.model.class_names());
        let numbers = numbers(self.model, self.allow_not_finite);
        outputs.iter_mut().for_each(|outputs| outputs.clear());
        let samples: Vec<usize> = (0..data.len()).map(|place| data.number(place)).collect();
        let recipe = Recipe { data, numbers, random: None, parallelism: self.parallelism };
        with_batches(recipe, &samples, self.batch, &mut *self.gathered, |ahead| {
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
        tally.add_loss(loss, divisors.whole());
        Ok(Evaluation { parts: parts.finish(), ..tally.finish() })
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
