//! Rates that change at given steps.

use super::schedule::{Schedule, check_rate};
use crate::getters::getters;
use crate::{Error, Result};

/// Rates that change at given steps: the first up to the first boundary, that step included, the second up to the second, and the
/// last after the last.
///
/// Keras's `PiecewiseConstantDecay`; PyTorch's `MultiStepLR` changes a step before, at its milestones.
///
/// ```
/// use taper::schedules::{Piecewise, Schedule};
///
/// let schedule = Piecewise::new(&[10, 20], &[0.1, 0.01, 0.001])?;
/// assert_eq!([0, 10, 11, 21].map(|step| schedule.learning_rate(step)), [0.1, 0.1, 0.01, 0.001]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Piecewise {
    boundaries: Vec<u64>,
    rates: Vec<f64>,
}

impl Piecewise {
    /// One more rate than there are boundaries.
    ///
    /// # Errors
    /// [`Error::Length`] for another number of rates, [`Error::Setting`] for boundaries that do not increase and rates that are
    /// negative or not finite.
    pub fn new(boundaries: &[u64], rates: &[f64]) -> Result<Self> {
        let expected = boundaries.len() + 1;
        if rates.len() != expected {
            return Err(Error::Length { what: "rates of piecewise".into(), expected, got: rates.len() });
        }
        if !boundaries.is_sorted_by(|before, after| before < after) {
            return Err(Error::setting("boundaries", "steps that increase", format!("{boundaries:?}")));
        }
        for &rate in rates {
            check_rate("learning_rate", rate)?;
        }
        Ok(Self { boundaries: boundaries.to_vec(), rates: rates.to_vec() })
    }

    getters! {
        /// The last step of each rate but the last.
        boundaries: &[u64] = |this| &this.boundaries;
        /// The rates.
        rates: &[f64] = |this| &this.rates;
    }
}

impl Schedule for Piecewise {
    fn learning_rate(&self, step: u64) -> f64 {
        self.rates[self.boundaries.partition_point(|&boundary| boundary < step)]
    }
}
