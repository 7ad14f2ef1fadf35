//! Early stopping, and the return to the best epoch.

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
#[derive(Debug)]
pub(crate) struct Kept<T> {
    pub(crate) epoch: usize,
    pub(crate) score: f64,
    /// Its weights, as they lie in the parameters' buffers.
    pub(crate) weights: Vec<Buffer<T>>,
}

impl EarlyStopping {
    /// Looks at an epoch, and keeps the weights where there was none better.
    pub(super) fn observe<T: Scalar>(
        &self,
        best: &mut Option<Kept<T>>,
        epoch: &Epoch,
        model: &Sequential<T>,
    ) {
        let score = self.score(epoch);
        let is_better = best.as_ref().is_none_or(|best| score > best.score + self.least_change);
        // A first epoch that is NaN is kept, until there is any other.
        if is_better || best.as_ref().is_some_and(|best| best.score.is_nan() && !score.is_nan()) {
            let weights = best.take().map(|best| best.weights).unwrap_or_default();
            *best = Some(Kept { epoch: epoch.epoch, score, weights: copy_weights(model, weights) });
        }
    }

    /// Whether it is time to stop after this epoch.
    pub(super) fn is_over<T>(&self, best: Option<&Kept<T>>, epoch: usize) -> bool {
        best.is_some_and(|best| epoch.saturating_sub(best.epoch) > self.patience)
    }
}

/// The model's weights, in buffers that are there already or in new ones.
fn copy_weights<T: Scalar>(model: &Sequential<T>, mut weights: Vec<Buffer<T>>) -> Vec<Buffer<T>> {
    let mut index = 0;
    model.params(&mut |param| {
        if index == weights.len() {
            weights.push(Buffer::zeroed(param.buffer().len()));
        }
        weights[index].copy_from_slice(param.buffer());
        index += 1;
    });
    weights
}

impl<T: Scalar> Kept<T> {
    /// Gives the model the weights of the best epoch, and tells which it is.
    pub(super) fn restore(&self, model: &mut Sequential<T>) -> usize {
        let mut weights = self.weights.iter();
        model.params_mut(&mut |param| {
            let weights = weights.next().expect("kept for each parameter of this model");
            param.buffer_mut().copy_from_slice(weights);
        });
        self.epoch
    }
}
