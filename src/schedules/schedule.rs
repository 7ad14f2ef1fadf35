//! The `Schedule` trait.

use std::fmt::Debug;

use crate::{Error, Result};

/// A learning rate for each step: for [`Trainer::with_schedule`](crate::Trainer::with_schedule), where steps are those of the optimizer,
/// and [`Trainer::with_epoch_schedule`](crate::Trainer::with_epoch_schedule), where they are epochs.
///
/// One's own is a function:
///
/// ```
/// use taper::schedules::Schedule;
///
/// /// The learning rate of the Transformer (Vaswani et al., 2017): up in a straight line, down with the root of the step.
/// #[derive(Debug)]
/// struct InverseSquareRoot {
///     peak: f64,
///     warm_up: u64,
/// }
///
/// impl Schedule for InverseSquareRoot {
///     fn learning_rate(&self, step: u64) -> f64 {
///         let part = (step + 1) as f64 / self.warm_up as f64;
///         self.peak * part.min(part.powf(-0.5))
///     }
/// }
///
/// let schedule = InverseSquareRoot { peak: 1.0, warm_up: 100 };
/// assert_eq!([0, 99, 399].map(|step| schedule.learning_rate(step)), [0.01, 1.0, 0.5]);
/// ```
pub trait Schedule: Debug + Send + Sync {
    /// The learning rate of step `step`, from 0. One that is negative or not finite ends a training with
    /// [`Error::Setting`].
    fn learning_rate(&self, step: u64) -> f64;
}

pub(super) fn check_rate(name: &'static str, rate: f64) -> Result<f64> {
    if rate.is_finite() && rate >= 0.0 {
        return Ok(rate);
    }
    Err(Error::setting(name, "a finite number of at least 0", rate))
}

pub(super) fn check_steps(name: &'static str, steps: u64) -> Result<u64> {
    if steps > 0 { Ok(steps) } else { Err(Error::setting(name, "at least 1 step", steps)) }
}

/// Half a wave of the cosine from `start` (at 0) to `end` (at 1).
pub(super) fn anneal(start: f64, end: f64, part: f64) -> f64 {
    // At the ends to the bit, which rounding would spoil.
    if part <= 0.0 {
        return start;
    }
    end + (start - end) / 2.0 * (1.0 + (std::f64::consts::PI * part).cos())
}
