//! Cosine decay that begins again and again.

use super::schedule::{Schedule, anneal, check_rate, check_steps};
use crate::getters::getters;
use crate::{Error, Result};

/// Down along half a cosine, and from the top again, in periods that may become longer and peaks that may become lower (SGDR,
/// Loshchilov and Hutter, 2016).
///
/// In step s of period k, both from 0, which has T steps,
///
/// ```text
/// end + (peak − end)·peak factorᵏ·(1 + cos(π·s/T))/2        T = steps·period factorᵏ
/// ```
///
/// Both factors are 1 and the end is 0 unless set. PyTorch's `CosineAnnealingWarmRestarts`, with `T_mult` for the period factor; Keras's
/// `CosineDecayRestarts`, with `t_mul` and `m_mul` for the two, and alpha·peak for the end.
///
/// ```
/// use taper::schedules::{CosineRestarts, Schedule};
///
/// let schedule = CosineRestarts::new(1.0, 10)?.with_period_factor(2.0)?;
/// assert_eq!([0, 5, 10, 20, 30].map(|step| schedule.learning_rate(step)), [1.0, 0.5, 1.0, 0.5, 1.0]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CosineRestarts {
    peak: f64,
    steps: u64,
    end: f64,
    period_factor: f64,
    peak_factor: f64,
}

impl CosineRestarts {
    /// From `peak` to 0 in `steps` steps, again and again.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rate that is negative or not finite, or steps of 0.
    pub fn new(peak: f64, steps: u64) -> Result<Self> {
        let (peak, steps) = (check_rate("learning_rate", peak)?, check_steps("steps", steps)?);
        Ok(Self { peak, steps, end: 0.0, period_factor: 1.0, peak_factor: 1.0 })
    }

    /// Each period ends at this rate.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rate that is negative or not finite.
    pub fn with_end(mut self, end: f64) -> Result<Self> {
        self.end = check_rate("end", end)?;
        Ok(self)
    }

    /// Each period is so many times as long as the one before.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 1.
    pub fn with_period_factor(mut self, factor: f64) -> Result<Self> {
        if !(factor.is_finite() && factor >= 1.0) {
            return Err(Error::setting("period_factor", "a finite number of at least 1", factor));
        }
        self.period_factor = factor;
        Ok(self)
    }

    /// Each peak is so many times as far above the end as the one before.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn with_peak_factor(mut self, factor: f64) -> Result<Self> {
        self.peak_factor = check_rate("peak_factor", factor)?;
        Ok(self)
    }

    getters! {
        /// The highest rate.
        peak: f64;
        /// The steps of the first period.
        steps: u64;
        /// The rate at the end of each period.
        end: f64;
        /// How many times as long as the one before a period is.
        period_factor: f64;
        /// How many times as high as the one before a peak is.
        peak_factor: f64;
    }

    /// The step with which a period begins.
    fn start(&self, period: f64) -> f64 {
        let steps = self.steps as f64;
        if self.period_factor == 1.0 {
            return steps * period;
        }
        steps * ((self.period_factor.powf(period) - 1.0) / (self.period_factor - 1.0))
    }

    /// The period of a step.
    fn period(&self, step: f64) -> f64 {
        let passed = step / self.steps as f64;
        if self.period_factor == 1.0 {
            return passed.floor();
        }
        let period = ((passed * (self.period_factor - 1.0)).ln_1p() / self.period_factor.ln()).floor();
        // The logarithm may be rounded over a restart.
        if self.start(period + 1.0) <= step {
            period + 1.0
        } else if self.start(period) > step {
            period - 1.0
        } else {
            period
        }
    }
}

impl Schedule for CosineRestarts {
    fn learning_rate(&self, step: u64) -> f64 {
        let step = step as f64;
        let period = self.period(step);
        let (start, next) = (self.start(period), self.start(period + 1.0));
        let top = self.end + (self.peak - self.end) * self.peak_factor.powf(period);
        let part = (step - start) / (next - start);
        if period == 0.0 { anneal(self.peak, self.end, part) } else { anneal(top, self.end, part) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_where_whole_numbers_have_them() {
        for factor in 1..5_u64 {
            let schedule = CosineRestarts::new(1.0, 3).unwrap().with_period_factor(factor as f64).unwrap();
            let (mut start, mut length) = (0, 3);
            while start < 1 << 40 && length < 1 << 40 && start < 3_000_000 {
                assert_eq!(schedule.learning_rate(start), 1.0, "factor {factor}, step {start}");
                let wave = (std::f64::consts::PI * (length - 1) as f64 / length as f64).cos();
                let last = schedule.learning_rate(start + length - 1);
                assert!(
                    (2.0 * last - 1.0 - wave).abs() < 1e-12,
                    "factor {factor}, step {start} and {length}"
                );
                (start, length) = (start + length, length * factor);
            }
        }
    }
}
