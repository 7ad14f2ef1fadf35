//! Up and down in straight lines, again and again.

use super::schedule::{Schedule, check_rate, check_steps};
use crate::getters::getters;
use crate::{Error, Result};

/// From the lowest rate to the highest in a straight line and back again, in cycles without end (Smith, 2015).
///
/// ```text
/// lowest + (highest − lowest)·part·height        part from 0 to 1 and back to 0 in each cycle
/// ```
///
/// The height is 1 unless set; it may be halved with each cycle, 2⁻ᵏ in cycle k, and be factorˢ in step s.
///
/// PyTorch's `CyclicLR` with `cycle_momentum=False`: its modes are `triangular`, `triangular2` ([`with_halving`](Self::with_halving))
/// and `exp_range` ([`with_factor`](Self::with_factor)).
///
/// ```
/// use taper::schedules::{Cyclic, Schedule};
///
/// let schedule = Cyclic::new(0.5, 1.5, 2)?.with_halving();
/// assert_eq!([0, 1, 2, 3, 4, 6].map(|step| schedule.learning_rate(step)), [0.5, 1.0, 1.5, 1.0, 0.5, 1.0]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Cyclic {
    lowest: f64,
    highest: f64,
    up: u64,
    down: u64,
    halving: bool,
    factor: f64,
}

impl Cyclic {
    /// From `lowest` to `highest` in `steps` steps, and back in as many.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rate that is negative or not finite, or steps of 0.
    pub fn new(lowest: f64, highest: f64, steps: u64) -> Result<Self> {
        let (lowest, highest) = (check_rate("lowest", lowest)?, check_rate("highest", highest)?);
        let up = check_steps("steps", steps)?;
        Ok(Self { lowest, highest, up, down: up, halving: false, factor: 1.0 })
    }

    /// Goes down in so many steps; in as many as up unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] for steps of 0.
    pub fn with_down(mut self, steps: u64) -> Result<Self> {
        self.down = check_steps("steps", steps)?;
        Ok(self)
    }

    /// Halves the height with each cycle.
    #[must_use]
    pub fn with_halving(mut self) -> Self {
        self.halving = true;
        self
    }

    /// Multiplies the height by this with each step.
    ///
    /// # Errors
    /// [`Error::Setting`] unless from 0 to 1.
    pub fn with_factor(mut self, factor: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&factor) {
            return Err(Error::setting("factor", "a number from 0 to 1", factor));
        }
        self.factor = factor;
        Ok(self)
    }

    getters! {
        /// The lowest rate.
        lowest: f64;
        /// The highest rate.
        highest: f64;
        /// The steps from the lowest to the highest.
        up: u64;
        /// The steps back.
        down: u64;
        /// Whether the height is halved with each cycle.
        halving: bool;
        /// What the height is multiplied by with each step.
        factor: f64;
    }
}

impl Schedule for Cyclic {
    fn learning_rate(&self, step: u64) -> f64 {
        let (up, down) = (self.up as f64, self.down as f64);
        let length = self.up.saturating_add(self.down);
        let (cycle, place) = (step / length, (step % length) as f64);
        let part = if place <= up { place / up } else { (up + down - place) / down };
        let halved = if self.halving { 0.5_f64.powf(cycle as f64) } else { 1.0 };
        self.lowest + (self.highest - self.lowest) * part * halved * self.factor.powf(step as f64)
    }
}
