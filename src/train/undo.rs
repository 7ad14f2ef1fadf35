//! A step that fails leaves no trace.

use std::mem;

use super::Trainer;
use crate::Scalar;

impl<T: Scalar> Trainer<'_, T> {
    /// Makes a step. Where it fails, what it has moved beside the parameters that learn is as before: statistics of layers, the learning
    /// rate, and where dropout has come to.
    pub(super) fn or_undo<R, E>(
        &mut self,
        step: impl FnOnce(&mut Self) -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        let (learning_rate, passes) = (self.optimizer.learning_rate(), self.progress.passes);
        let mut statistics = mem::take(&mut self.statistics);
        statistics.remember(&self.model);
        let done = step(self);
        if done.is_err() {
            statistics.put_back(&mut self.model);
            self.optimizer.set_learning_rate(learning_rate).expect("the optimizer had it before");
            self.progress.passes = passes;
        }
        self.statistics = statistics;
        done
    }
}
