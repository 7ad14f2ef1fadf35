//! The `Schedule` trait.

use std::fmt::Debug;

use crate::{Error, Result};

/// A learning rate for each step.
pub trait Schedule: Debug + Send + Sync {
    /// The learning rate of step `step`, from 0.
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
