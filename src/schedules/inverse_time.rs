//! Decay by the inverse of time.

use super::schedule::{Schedule, check_rate, check_steps};
use crate::Result;
use crate::getters::getters;

/// Falls by the inverse of time: rate/(1 + decay·step/period); in a staircase, step/period is rounded down. Keras's
/// `InverseTimeDecay`.
///
/// ```
/// use taper::schedules::{InverseTime, Schedule};
///
/// let schedule = InverseTime::new(0.5, 2, 1.0)?;
/// assert_eq!([0, 2, 6].map(|step| schedule.learning_rate(step)), [0.5, 0.25, 0.125]);
/// assert_eq!(schedule.with_staircase().learning_rate(3), 0.25);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct InverseTime {
    rate: f64,
    period: u64,
    decay: f64,
    staircase: bool,
}

impl InverseTime {
    /// Starts at `rate`, whose inverse grows by `decay` of what it was at first, over every `period` steps.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a rate or decay that is negative or not finite, or a period of 0.
    pub fn new(rate: f64, period: u64, decay: f64) -> Result<Self> {
        Ok(Self {
            rate: check_rate("learning_rate", rate)?,
            period: check_steps("period", period)?,
            decay: check_rate("decay", decay)?,
            staircase: false,
        })
    }

    /// Falls at the end of each period only.
    #[must_use]
    pub fn with_staircase(mut self) -> Self {
        self.staircase = true;
        self
    }

    getters! {
        /// The first rate.
        rate: f64;
        /// The steps in which the inverse of the rate grows by the decay.
        period: u64;
        /// The decay.
        decay: f64;
        /// Whether it falls at the end of each period only.
        staircase: bool;
    }
}

impl Schedule for InverseTime {
    fn learning_rate(&self, step: u64) -> f64 {
        let periods = step as f64 / self.period as f64;
        let periods = if self.staircase { periods.floor() } else { periods };
        self.rate / (1.0 + self.decay * periods)
    }
}
