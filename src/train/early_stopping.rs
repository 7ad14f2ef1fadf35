//! Early stopping, and the return to the best epoch.

use super::{Epoch, Monitor};
use crate::getters::getters;
use crate::kernels::Buffer;
use crate::layers::Layer;
use crate::{Error, Result, Scalar, Sequential};

/// Ends training after some epochs without a better one, and gives the model the weights of the best; for
/// [`Fit::with_early_stopping`](super::Fit::with_early_stopping).
///
/// As Keras's `EarlyStopping` with `restore_best_weights=True`, but for the patience: this one ends with the epoch after `patience` others
/// that were no better, Keras's with the last of them. It judges by the loss on the validation data unless told otherwise; a `fit` without
/// such data is an error then.
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

impl EarlyStopping {
    /// Stops after more than `patience` epochs in a row that are no better than the best: with 0, after the first.
    #[must_use]
    pub fn new(patience: usize) -> Self {
        Self { patience, monitor: Monitor::default(), least_change: 0.0 }
    }

    /// Judges by this, in place of the loss on the validation data.
    #[must_use]
    pub fn monitoring(mut self, monitor: Monitor) -> Self {
        self.monitor = monitor;
        self
    }

    /// Counts an epoch as better only where it is so by more than this, 0 unless set: Keras's `min_delta`.
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

    getters! {
        /// How many epochs in a row may be no better than the best.
        patience: usize;
        /// What it judges by.
        monitor: Monitor;
        /// By how much more than nothing an epoch has to be better.
        least_change: f64;
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
        let score = self.monitor.score(epoch);
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
    ///
    /// # Errors
    /// [`Error::Shape`] where a callback has put another parameter in the place of one.
    pub(super) fn restore(&self, model: &mut Sequential<T>) -> Result<usize> {
        model.check_params()?;
        let mut weights = self.weights.iter();
        model.params_mut(&mut |param| {
            let weights = weights.next().expect("kept for each parameter of this model");
            param.buffer_mut().copy_from_slice(weights);
        });
        Ok(self.epoch)
    }
}
