//! One schedule after the other.

use std::sync::Arc;

use super::schedule::Schedule;
use crate::{Error, Result};

/// A schedule up to a step, and others from there on, each of which counts its steps from 0. PyTorch's `SequentialLR`.
///
/// ```
/// use taper::schedules::{Exponential, Polynomial, Schedule, Sequence};
///
/// // Up in a straight line for four steps, then down by a half with each.
/// let schedule = Sequence::new(Polynomial::new(0.0, 4)?.with_end(1.0)?).then_from(4, Exponential::new(1.0, 1, 0.5)?)?;
/// assert_eq!([0, 2, 4, 5, 6].map(|step| schedule.learning_rate(step)), [0.0, 0.5, 1.0, 0.5, 0.25]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sequence {
    first: Arc<dyn Schedule>,
    /// The others, each with its first step.
    others: Vec<(u64, Arc<dyn Schedule>)>,
}

impl Sequence {
    /// This schedule alone.
    #[must_use]
    pub fn new(first: impl Schedule + 'static) -> Self {
        Self { first: Arc::new(first), others: Vec::new() }
    }

    /// And this one from a step on.
    ///
    /// # Errors
    /// [`Error::Setting`] unless the step is later than those given before, and not the very first.
    pub fn then_from(mut self, step: u64, schedule: impl Schedule + 'static) -> Result<Self> {
        let last = self.others.last().map_or(0, |&(last, _)| last);
        if step <= last {
            return Err(Error::setting(
                "step of a sequence",
                "a step after the first, and after those given before",
                step,
            ));
        }
        self.others.push((step, Arc::new(schedule)));
        Ok(self)
    }
}

impl Schedule for Sequence {
    fn learning_rate(&self, step: u64) -> f64 {
        match self.others.partition_point(|&(start, _)| start <= step).checked_sub(1) {
            None => self.first.learning_rate(step),
            Some(place) => {
                let (start, schedule) = &self.others[place];
                schedule.learning_rate(step - start)
            }
        }
    }
}
