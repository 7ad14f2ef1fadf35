//! Decay along a power of what is left.

use super::schedule::{Schedule, check_rate, check_steps};
use crate::Result;
use crate::getters::getters;

/// Falls, or rises, along a power of the steps that are left: end + (rate − end)·(1 − step/steps)^power, and `end` after that.
///
/// The power is 1, a straight line, and the end 0 unless set. Keras's `PolynomialDecay`; PyTorch's `PolynomialLR` with an end of 0, and
/// its `LinearLR` with a power of 1.
///
/// ```
/// use taper::schedules::{Polynomial, Schedule};
///
/// let schedule = Polynomial::new(0.5, 4)?.with_end(0.25)?;
/// assert_eq!([0, 2, 4, 9].map(|step| schedule.learning_rate(step)), [0.5, 0.375, 0.25, 0.25]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    rate: f64,
    steps: u64,
    end: f64,
    power: f64,
    cycle: bool,
}

impl Polynomial {
    /// From `rate` to 0 in so many steps.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a rate that is negative or not finite, or for no steps.
    pub fn new(rate: f64, steps: u64) -> Result<Self> {
        let rate = check_rate("learning_rate", rate)?;
        Ok(Self { rate, steps: check_steps("steps", steps)?, end: 0.0, power: 1.0, cycle: false })
    }

    /// Ends at this rate, which may be the higher one.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless finite and at least 0.
    pub fn with_end(mut self, end: f64) -> Result<Self> {
        self.end = check_rate("end", end)?;
        Ok(self)
    }

    /// The power of what is left: above 1 the rate falls fast at first, below 1 at last.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless finite and at least 0.
    pub fn with_power(mut self, power: f64) -> Result<Self> {
        self.power = check_rate("power", power)?;
        Ok(self)
    }

    /// At the end, goes on as if it had been twice as long, then three times, and so on: the rate rises and falls again.
    #[must_use]
    pub fn with_cycle(mut self) -> Self {
        self.cycle = true;
        self
    }

    getters! {
        /// The first rate.
        rate: f64;
        /// The steps to the end.
        steps: u64;
        /// The rate at the end.
        end: f64;
        /// The power.
        power: f64;
        /// Whether it goes on at the end as if it had been longer.
        cycle: bool;
    }
}

impl Schedule for Polynomial {
    fn learning_rate(&self, step: u64) -> f64 {
        let times = if self.cycle { step.div_ceil(self.steps).max(1) } else { 1 };
        let done = (step as f64 / (self.steps as f64 * times as f64)).min(1.0);
        // 0 to the power of 0 would be 1.
        let left = if done < 1.0 { (1.0 - done).powf(self.power) } else { 0.0 };
        self.end + (self.rate - self.end) * left
    }
}
