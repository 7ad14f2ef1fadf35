//! Cosine decay, after a linear warm-up.

use super::schedule::{Schedule, anneal, check_rate, check_steps};
use crate::Result;
use crate::getters::getters;

/// Down along half a cosine (Loshchilov and Hutter, 2016), after a warm-up in a straight line where there is one.
///
/// ```text
/// step < warm-up: start + (peak − start)·step/warm-up
/// after that:     end + (peak − end)·(1 + cos(π·s/steps))/2        s = min(step − warm-up, steps)
/// ```
///
/// There is no warm-up, and the end is 0, unless set. PyTorch's `CosineAnnealingLR` up to `T_max`, which is the
/// steps; Keras's `CosineDecay`, with alpha·peak for the end. With restarts it is [`super::CosineRestarts`].
///
/// ```
/// use taper::schedules::{Cosine, Schedule};
///
/// let schedule = Cosine::new(1.0, 100)?.with_warm_up(10, 0.0)?.with_end(0.5)?;
/// assert_eq!([0, 5, 10, 60, 110, 999].map(|step| schedule.learning_rate(step)), [0.0, 0.5, 1.0, 0.75, 0.5, 0.5]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Cosine {
    peak: f64,
    steps: u64,
    end: f64,
    warm_up: u64,
    start: f64,
}

impl Cosine {
    /// From `peak` to 0 in `steps` steps.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a rate that is negative or not finite, or steps of 0.
    pub fn new(peak: f64, steps: u64) -> Result<Self> {
        let (peak, steps) = (check_rate("learning_rate", peak)?, check_steps("steps", steps)?);
        Ok(Self { peak, steps, end: 0.0, warm_up: 0, start: 0.0 })
    }

    /// Rises from `start` to the peak in `steps` steps first, in a straight line.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a rate that is negative or not finite.
    pub fn with_warm_up(mut self, steps: u64, start: f64) -> Result<Self> {
        (self.warm_up, self.start) = (steps, check_rate("start", start)?);
        Ok(self)
    }

    /// Ends at this rate, and stays there.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a rate that is negative or not finite.
    pub fn with_end(mut self, end: f64) -> Result<Self> {
        self.end = check_rate("end", end)?;
        Ok(self)
    }

    getters! {
        /// The highest rate.
        peak: f64;
        /// The number of steps from the peak to the end.
        steps: u64;
        /// The rate at the end.
        end: f64;
        /// The steps of the warm-up.
        warm_up: u64;
        /// The rate at the beginning of the warm-up.
        start: f64;
    }
}

impl Schedule for Cosine {
    fn learning_rate(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.start + (self.peak - self.start) * (step as f64 / self.warm_up as f64);
        }
        let part = (step - self.warm_up) as f64 / self.steps as f64;
        if part >= 1.0 { self.end } else { anneal(self.peak, self.end, part) }
    }
}
