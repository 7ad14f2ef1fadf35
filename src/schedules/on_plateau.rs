//! Decay when a loss has not fallen for some epochs.

use super::schedule::check_rate;
use crate::getters::getters;
use crate::{Error, Result};

/// Multiplies the learning rate by a factor when a loss has not fallen for some epochs; for
/// [`Trainer::with_plateau`](crate::Trainer::with_plateau), which hands it the loss of each epoch.
///
/// As PyTorch's `ReduceLROnPlateau`: to count as better, a loss has to be below (1 − threshold) times the best so far, and the rate falls
/// with the loss after `patience` others that were no better. Keras's falls with the last of them: for the same,
/// its patience is larger by 1.
///
/// ```
/// use taper::schedules::OnPlateau;
///
/// let mut plateau = OnPlateau::new(0.1, 1)?;
/// let mut rate = 1.0;
/// let rates = [3.0, 2.0, 2.0, 2.0, 2.0].map(|loss| {
///     rate = plateau.observe(loss, rate);
///     rate
/// });
/// assert_eq!(rates, [1.0, 1.0, 1.0, 0.1, 0.1]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OnPlateau {
    factor: f64,
    patience: u64,
    threshold: f64,
    cooldown: u64,
    least: f64,
    best: f64,
    worse: u64,
    cooling: u64,
}

impl OnPlateau {
    /// Multiplies by `factor` after more than `patience` losses in a row that are no better.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ factor < 1.
    pub fn new(factor: f64, patience: u64) -> Result<Self> {
        if !(0.0..1.0).contains(&factor) {
            return Err(Error::setting("factor", "a number of at least 0 and below 1", factor));
        }
        let (threshold, best) = (1e-4, f64::INFINITY);
        Ok(Self { factor, patience, threshold, cooldown: 0, least: 0.0, best, worse: 0, cooling: 0 })
    }

    /// By what share of the best a loss has to fall; 1e-4 unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn with_threshold(mut self, threshold: f64) -> Result<Self> {
        self.threshold = check_rate("threshold", threshold)?;
        Ok(self)
    }

    /// Does not count for so many losses after a fall of the rate; 0 unless set.
    #[must_use]
    pub fn with_cooldown(mut self, losses: u64) -> Self {
        self.cooldown = losses;
        self
    }

    /// Does not go below this rate, 0 unless set: PyTorch's and Keras's `min_lr`.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn with_least(mut self, rate: f64) -> Result<Self> {
        self.least = check_rate("least", rate)?;
        Ok(self)
    }

    /// What it remembers: the best loss, the losses since that were no better, and the losses not to count.
    pub(crate) fn memory(&self) -> (f64, u64, u64) {
        (self.best, self.worse, self.cooling)
    }

    /// Remembers what another one did.
    pub(crate) fn remember(&mut self, (best, worse, cooling): (f64, u64, u64)) {
        (self.best, self.worse, self.cooling) = (best, worse, cooling);
    }

    /// Remembers nothing.
    pub(crate) fn forget(&mut self) {
        self.remember((f64::INFINITY, 0, 0));
    }

    /// The learning rate to go on with, after a loss and from the present rate. A loss of NaN is no better than any. A trainer calls
    /// it after each epoch.
    pub fn observe(&mut self, loss: f64, learning_rate: f64) -> f64 {
        if loss < self.best * (1.0 - self.threshold) {
            (self.best, self.worse) = (loss, 0);
        } else {
            self.worse += 1;
        }
        if self.cooling > 0 {
            (self.cooling, self.worse) = (self.cooling - 1, 0);
        }
        if self.worse <= self.patience {
            return learning_rate;
        }
        (self.cooling, self.worse) = (self.cooldown, 0);
        // A rate that is below the least already is left alone.
        (learning_rate * self.factor).max(self.least.min(learning_rate))
    }

    getters! {
        /// The factor by which the rate falls.
        factor: f64;
        /// How many losses without progress are borne.
        patience: u64;
        /// The part by which a loss has to be smaller to be progress.
        threshold: f64;
        /// How many losses after a fall do not count.
        cooldown: u64;
        /// The least rate.
        least: f64;
    }
}
