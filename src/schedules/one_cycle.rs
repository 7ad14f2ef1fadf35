//! One cycle: up once and down once.

use super::schedule::{Schedule, anneal, check_rate, check_steps};
use crate::getters::getters;
use crate::{Error, Result};

/// Up to a peak and down again, once, each along half a cosine (Smith and Topin, 2017).
///
/// From peak/25 to the peak in the first 30 % of the steps, and down to a 10,000th of the start in the others, unless set. As PyTorch's
/// `OneCycleLR` with `cycle_momentum=False`: a momentum stays what it is. `max_lr` is the peak, `pct_start` the rise, `div_factor` and
/// `final_div_factor` are the divisors.
///
/// ```
/// use taper::schedules::{OneCycle, Schedule};
///
/// let schedule = OneCycle::new(1.0, 100)?;
/// assert_eq!(schedule.learning_rate(0), 0.04);
/// assert_eq!(schedule.learning_rate(29), 1.0);
/// assert!((schedule.learning_rate(99) - 0.04e-4).abs() < 1e-18);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OneCycle {
    peak: f64,
    steps: u64,
    rise: f64,
    start_divisor: f64,
    end_divisor: f64,
}

impl OneCycle {
    /// A cycle of so many steps in all, whose highest rate is `peak`.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rate that is negative or not finite, or steps of 0.
    pub fn new(peak: f64, steps: u64) -> Result<Self> {
        let (peak, steps) = (check_rate("learning_rate", peak)?, check_steps("steps", steps)?);
        Ok(Self { peak, steps, rise: 0.3, start_divisor: 25.0, end_divisor: 1e4 })
    }

    /// The part of the steps in which the rate rises, 0.3 unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless from 0 to 1.
    pub fn with_rise(mut self, part: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&part) {
            return Err(Error::setting("rise", "a number from 0 to 1", part));
        }
        self.rise = part;
        Ok(self)
    }

    /// Starts at peak/`start`, and ends at that divided by `end`: 25 and 10⁴ unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless both are finite and above 0.
    pub fn with_divisors(mut self, start: f64, end: f64) -> Result<Self> {
        for divisor in [start, end] {
            if !(divisor.is_finite() && divisor > 0.0) {
                return Err(Error::setting("divisor", "a finite number above 0", divisor));
            }
        }
        (self.start_divisor, self.end_divisor) = (start, end);
        Ok(self)
    }

    getters! {
        /// The highest rate.
        peak: f64;
        /// The number of steps.
        steps: u64;
        /// The part of the steps in which it rises.
        rise: f64;
        /// What the highest rate is divided by for the first, and the first for the last.
        divisors: (f64, f64) = |this| (this.start_divisor, this.end_divisor);
    }
}

impl Schedule for OneCycle {
    fn learning_rate(&self, step: u64) -> f64 {
        let start = self.peak / self.start_divisor;
        let last = (self.steps - 1) as f64;
        let step = (step as f64).min(last);
        // The step at which the peak is reached, as PyTorch counts.
        let top = self.rise * self.steps as f64 - 1.0;
        // Where all steps rise, the last one is the peak and none falls.
        if step < top || last <= top {
            let part = if top > 0.0 { step / top } else { 1.0 };
            return anneal(start, self.peak, part);
        }
        anneal(self.peak, start / self.end_divisor, (step - top) / (last - top))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_that_only_rises_ends_at_the_peak() {
        let rates = |steps| {
            let schedule = OneCycle::new(1.0, steps).unwrap().with_rise(1.0).unwrap();
            [0, steps - 2, steps - 1, steps].map(|step| schedule.learning_rate(step))
        };
        let [first, before, last, after] = rates(12);
        assert_eq!([first, last, after], [0.04, 1.0, 1.0]);
        assert!(before > 0.9 && before < 1.0, "{before}");
        let one = OneCycle::new(1.0, 1).unwrap().with_rise(1.0).unwrap();
        assert_eq!(one.learning_rate(0), 1.0);
    }
}
