//! Exponential decay.

use super::schedule::{Schedule, check_rate, check_steps};
use crate::Result;
use crate::getters::getters;

/// Falls by a factor over every so many steps, a little in each: rate·factor^(step/period).
///
/// PyTorch's `ExponentialLR` with a period of 1, Keras's `ExponentialDecay`.
///
/// ```
/// use taper::schedules::{Exponential, Schedule};
///
/// let schedule = Exponential::new(0.1, 2, 0.25)?;
/// assert_eq!([0, 1, 2].map(|step| schedule.learning_rate(step)), [0.1, 0.05, 0.025]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Exponential {
    rate: f64,
    period: u64,
    factor: f64,
}

impl Exponential {
    /// Starts at `rate`, and is multiplied by `factor` over every `period` steps.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a rate or factor that is negative or not finite, or a period of 0.
    pub fn new(rate: f64, period: u64, factor: f64) -> Result<Self> {
        Ok(Self {
            rate: check_rate("learning_rate", rate)?,
            period: check_steps("period", period)?,
            factor: check_rate("factor", factor)?,
        })
    }

    getters! {
        /// The first rate.
        rate: f64;
        /// The steps in which it falls by the factor.
        period: u64;
        /// The factor.
        factor: f64;
    }
}

impl Schedule for Exponential {
    fn learning_rate(&self, step: u64) -> f64 {
        self.rate * self.factor.powf(step as f64 / self.period as f64)
    }
}
