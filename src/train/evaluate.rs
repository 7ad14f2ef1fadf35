//! A model measured on data.

use super::tally::Tally;
use super::trainer::workspace;
use super::weighted::{Answers, Weighted};
use super::{Dataset, Evaluation, Trainer, numbers::Numbers};
use crate::losses::Loss;
use crate::{Result, Scalar, TensorView, kernels};

impl<T: Scalar> Trainer<'_, T> {
    /// Measures the model on data, without training it: as one large batch would, in batches of any size.
    ///
    /// # Errors
    /// Where data, model and loss do not fit together: all targets are looked at first. [`crate::Error::NotFinite`] where
    /// the loss is not finite because an input is not, unless that is [allowed](Trainer::allow_not_finite). Errors name
    /// the sample of the data set.
    pub fn evaluate(&mut self, data: Dataset<'_, T>) -> Result<Evaluation> {
        self.check_shape(&data)?;
        self.check_targets(&data)?;
        self.measure(data)
    }

    /// The same for data that has been looked at.
    pub(super) fn measure(&mut self, data: Dataset<'_, T>) -> Result<Evaluation> {
        let batch = self.settings.batch.min(data.len());
        let threads = self.model.threads(data.len() / batch, batch, self.settings.parallelism);
        kernels::together(threads, || self.measure_all(data))
    }

    fn measure_all(&mut self, data: Dataset<'_, T>) -> Result<Evaluation> {
        let mut tally = Tally::new(&data, &self.model);
        let (divisor, mut loss) = (data.divisor(&*self.loss), 0.0);
        let size = self.settings.batch.min(data.len());
        let mut batch = Vec::with_capacity(size);
        for start in (0..data.len()).step_by(size) {
            batch.clear();
            batch.extend((start..(start + size).min(data.len())).map(|place| data.number(place)));
            let mut gathered = std::mem::take(&mut self.gathered);
            gathered.fill(&data, &batch, self.numbers(), self.settings.parallelism)?;
            let (x, answers) = gathered.view(&data)?;
            let part = self.measure_batch(x, answers, divisor, &mut tally);
            if part.as_ref().is_ok_and(|part| !part.is_finite()) && !self.settings.allow_not_finite {
                Numbers::Finite.check_batch(x, &batch)?;
            }
            loss += part.map_err(|error| error.of_samples(&batch))?;
            self.gathered = gathered;
        }
        tally.add_loss(loss, divisor);
        Ok(tally.finish())
    }

    /// The part of the loss that a batch has.
    fn measure_batch(
        &mut self,
        x: TensorView<'_, T>,
        answers: Answers<'_, T>,
        divisor: Option<f64>,
        tally: &mut Tally,
    ) -> Result<f64> {
        let workspace = workspace(&mut self.workspace, &self.model, x.batch(), self.settings.parallelism)?;
        let outputs = self.model.infer(x, workspace)?;
        let loss = Weighted { loss: &*self.loss, weights: answers.weights };
        let loss = loss.part(outputs, answers.target, divisor.unwrap_or(1.0), None)?;
        tally.add_outputs(outputs, answers, &*self.loss);
        Ok(loss.as_f64())
    }
}
