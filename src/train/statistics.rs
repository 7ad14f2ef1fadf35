//! Statistics that layers keep of batches, when several ranks share the batches.
//!
//! Each layer has followed its rank's part. All ranks then take the mean of where they have come to, in which each sample counts as
//! much. By what they have moved, not by what they are: so statistics that did not move keep their bits, and counts stay whole.

use crate::layers::{Layer, Param};
use crate::{Scalar, Sequential};

/// What statistics are before a batch.
#[derive(Debug, Default)]
pub(super) struct Statistics<T>(Vec<T>);

impl<T: Scalar> Statistics<T> {
    /// Remembers those of a model; tells whether it has any.
    pub(super) fn remember(&mut self, model: &Sequential<T>) -> bool {
        self.0.clear();
        model.params(&mut |param| {
            if param.is_statistic() {
                self.0.extend_from_slice(param.buffer());
            }
        });
        !self.0.is_empty()
    }

    /// By how much each has moved, times the samples that it has seen, to be summed up over all ranks.
    pub(super) fn moved(&self, model: &Sequential<T>, samples: usize, to: &mut Vec<f64>) {
        let mut before = self.0.iter();
        model.params(&mut |param| {
            if param.is_statistic() {
                let moved = |(now, before): (&T, &T)| (now.as_f64() - before.as_f64()) * samples as f64;
                to.extend(param.buffer().iter().zip(&mut before).map(moved));
            }
        });
    }

    /// Moves them by the mean over so many samples.
    pub(super) fn follow(&self, model: &mut Sequential<T>, sums: &[f64], samples: usize) {
        if self.0.is_empty() {
            return;
        }
        let mut all = self.0.iter().zip(sums);
        model.params_mut(&mut |param: &mut Param<T>| {
            if param.is_statistic() {
                for (now, (before, sum)) in param.buffer_mut().iter_mut().zip(&mut all) {
                    *now = T::of(before.as_f64() + sum / samples.max(1) as f64);
                }
            }
        });
    }
    /// Moves them back to what they were.
    pub(super) fn put_back(&self, model: &mut Sequential<T>) {
        if self.0.is_empty() {
            return;
        }
        let mut before = self.0.iter();
        model.params_mut(&mut |param: &mut Param<T>| {
            if param.is_statistic() {
                param.buffer_mut().iter_mut().zip(&mut before).for_each(|(now, &before)| *now = before);
            }
        });
    }
}
