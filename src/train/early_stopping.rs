//! Stopping where it gets no better, and going back to where it was best.

use super::{Dataset, Epoch};
use crate::kernels::Buffer;
use crate::layers::Layer;
use crate::losses::Target;
use crate::{Error, Result, Scalar, Sequential};

/// Ends training after some epochs without a better one, and gives the model the weights of the best.
///
/// ```
/// use taper::train::{EarlyStopping, Monitor};
///
/// let stopping = EarlyStopping::new(3).monitoring(Monitor::ValidationAccuracy);
/// # let _ = stopping;
/// ```
#[derive(Debug, Clone)]
pub struct EarlyStopping {
    patience: usize,
    monitor: Monitor,
    least_change: f64,
}

/// What tells whether an epoch is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Monitor {
    /// A lower loss on the validation data.
    #[default]
    ValidationLoss,
    /// A higher accuracy on the validation data.
    ValidationAccuracy,
    /// A lower loss on the training data.
    TrainLoss,
}

impl EarlyStopping {
    /// Stops after more than `patience` epochs in a row that are no better than the best, by validation loss.
    #[must_use]
    pub fn new(patience: usize) -> Self {
        Self { patience, monitor: Monitor::default(), least_change: 0.0 }
    }

    /// Judges by something else.
    #[must_use]
    pub fn monitoring(mut self, monitor: Monitor) -> Self {
        self.monitor = monitor;
        self
    }

    /// Counts an epoch as better only where it is so by more than this.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn with_least_change(mut self, change: f64) -> Result<Self> {
        if !(change.is_finite() && change >= 0.0) {
            return Err(Error::setting("least_change", "a finite number of at least 0", change));
        }
        self.least_change = change;
        Ok(self)
    }

    /// Whether there will be something to judge by.
    pub(super) fn check<T: Scalar>(
        &self,
        model: &Sequential<T>,
        validation: Option<&Dataset<'_, T>>,
    ) -> Result<()> {
        let wrong = |expected, got: &str| Err(Error::setting("early stopping", expected, got));
        match (self.monitor, validation.map(Dataset::target)) {
            (Monitor::TrainLoss, _) | (Monitor::ValidationLoss, Some(_)) => Ok(()),
            (_, None) => wrong("validation data to judge by", "none"),
            (Monitor::ValidationAccuracy, Some(Target::Values(_))) => {
                wrong("class targets to take the accuracy of", "values")
            }
            (Monitor::ValidationAccuracy, Some(Target::Classes(_))) if model.output().rank() == 1 => Ok(()),
            (Monitor::ValidationAccuracy, Some(Target::Classes(_))) => {
                wrong("outputs [batch, classes] to take the accuracy of", &model.output().batch_pattern())
            }
        }
    }

    /// A number for the epoch that is the higher the better it is.
    fn score(&self, epoch: &Epoch) -> f64 {
        let validation = || epoch.validation.as_ref().expect("checked before training");
        match self.monitor {
            Monitor::TrainLoss => -epoch.train.loss,
            Monitor::ValidationLoss => -validation().loss,
            Monitor::ValidationAccuracy => validation().accuracy.expect("checked before training"),
        }
    }
}

/// The best epoch so far.
pub(super) struct Best<T> {
    stopping: EarlyStopping,
    epoch: Option<(usize, f64)>,
    weights: Vec<Buffer<T>>,
}

impl<T: Scalar> Best<T> {
    pub(super) fn new(stopping: EarlyStopping) -> Self {
        Self { stopping, epoch: None, weights: Vec::new() }
    }

    /// Looks at an epoch; true where it is time to stop.
    pub(super) fn observe(&mut self, epoch: &Epoch, model: &Sequential<T>) -> bool {
        let score = self.stopping.score(epoch);
        match self.epoch {
            Some((best, highest)) if score <= highest + self.stopping.least_change || score.is_nan() => {
                epoch.epoch - best > self.stopping.patience
            }
            _ => {
                self.epoch = Some((epoch.epoch, score));
                self.keep(model);
                false
            }
        }
    }

    fn keep(&mut self, model: &Sequential<T>) {
        let mut index = 0;
        model.params(&mut |param| {
            if index == self.weights.len() {
                self.weights.push(Buffer::zeroed(param.buffer().len()));
            }
            self.weights[index].copy_from_slice(param.buffer());
            index += 1;
        });
    }

    /// Gives the model the weights of the best epoch, and tells which it is.
    pub(super) fn restore(self, model: &mut Sequential<T>) -> Option<usize> {
        let (best, _) = self.epoch?;
        let mut weights = self.weights.iter();
        model.params_mut(&mut |param| {
            let weights = weights.next().expect("kept for each parameter of this model");
            param.buffer_mut().copy_from_slice(weights);
        });
        Some(best)
    }
}
