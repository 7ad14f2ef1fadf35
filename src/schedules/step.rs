//! Decay by a factor every so many steps.

use super::schedule::{Schedule, check_rate, check_steps};
use crate::Result;
use crate::getters::getters;

/// Falls by a factor after every so many steps, at once: rate·factor^⌊step/every⌋.
///
/// PyTorch's `StepLR`, Keras's `ExponentialDecay` with `staircase`.
///
/// ```
/// use taper::schedules::{Schedule, StepDecay};
///
/// let schedule = StepDecay::new(0.1, 30, 0.5)?;
/// assert_eq!([0, 29, 30, 60].map(|step| schedule.learning_rate(step)), [0.1, 0.1, 0.05, 0.025]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StepDecay {
    rate: f64,
    every: u64,
    factor: f64,
}

impl StepDecay {
    /// Starts at `rate` and is multiplied by `factor` after every `every` steps.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a rate or factor that is negative or not finite, or steps of 0.
    pub fn new(rate: f64, every: u64, factor: f64) -> Result<Self> {
        Ok(Self {
            rate: check_rate("learning_rate", rate)?,
            every: check_steps("every", every)?,
            factor: check_rate("factor", factor)?,
        })
    }

    getters! {
        /// The first rate.
        rate: f64;
        /// The steps from one fall to the next.
        every: u64;
        /// The factor of each.
        factor: f64;
    }
}

impl Schedule for StepDecay {
    fn learning_rate(&self, step: u64) -> f64 {
        self.rate * self.factor.powf((step / self.every) as f64)
    }
}
