//! A model measured on data.

use super::tally::Tally;
use super::trainer::workspace;
use super::{Dataset, Evaluation, Inputs, Trainer};
use crate::{Result, Scalar, kernels};

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
        let (divisor, mut loss) = (self.loss.divisor(data.target()), 0.0);
        let size = self.settings.batch.min(data.len());
        let mut batch = Vec::with_capacity(size);
        for start in (0..data.len()).step_by(size) {
            batch.clear();
            batch.extend(start..(start + size).min(data.len()));
            let part = self.measure_batch(&data, &batch, divisor, &mut tally);
            loss += part.map_err(|error| error.of_samples(&batch))?;
        }
        tally.add_loss(loss, divisor);
        Ok(tally.finish())
    }

    /// The part of the loss that these samples have.
    fn measure_batch(
        &mut self,
        data: &Dataset<'_, T>,
        batch: &[usize],
        divisor: Option<f64>,
        tally: &mut Tally,
    ) -> Result<f64> {
        self.gathered.fill(data, batch, self.settings.parallelism);
        let (x, target) = self.gathered.view(data)?;
        let workspace = workspace(&mut self.workspace, &self.model, x.batch(), self.settings.parallelism)?;
        let outputs = self.model.infer(x, workspace)?;
        let loss = self.loss.part(outputs, target, divisor.unwrap_or(1.0), None)?;
        // Of the data set, and so by its sample, only where it is in this batch.
        if !loss.is_finite() && !self.settings.allow_not_finite && Inputs::Values(x).check_finite().is_err() {
            data.inputs().check_finite()?;
        }
        tally.add_outputs(outputs, target, &*self.loss);
        Ok(loss.as_f64())
    }
}
