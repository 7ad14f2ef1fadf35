//! A dense weight's copy in bf16, for the steps of a training whose products are of bf16.

use super::layout::Layout;
use super::numbers::{Numbers, Rounded};
use super::param::Param;
use super::param_values::Values;
use crate::Scalar;
use crate::kernels::{Bf16Panels, Pair, Parallelism};

impl<T: Scalar> Param<T> {
    /// Takes a copy, until [`Param::give_back_copy`], and brings it up to date. Other parameters than dense weights have none.
    #[cfg(feature = "std")]
    pub(crate) fn lend_copy(&mut self, copy: &mut Rounded, parallelism: Parallelism) {
        if let (Layout::Panels(panels), Values::Numbers(numbers)) = (self.layout(), &mut self.values) {
            let len = Bf16Panels { rows: panels.rows, columns: panels.columns }.len();
            numbers.lend(core::mem::take(copy), panels.rows, len, parallelism);
        }
    }

    /// Gives back the copy that was lent.
    #[cfg(feature = "std")]
    pub(crate) fn give_back_copy(&mut self, copy: &mut Rounded) {
        if let Values::Numbers(numbers) = &mut self.values
            && let Some(lent) = numbers.give_back()
        {
            *copy = lent;
        }
    }

    /// Whether there is a copy, up to date or not.
    pub(crate) fn has_copy(&self) -> bool {
        self.dense().is_some_and(Numbers::has_copy)
    }

    /// The copy, if it is up to date.
    pub(crate) fn copy(&self) -> Option<&[Pair]> {
        self.dense().and_then(Numbers::copy)
    }

    /// The buffer and the copy, to be written together; [`Param::end_sweep`] comes after it. The copy is empty where there is none, or
    /// none that can be written so: a pair is two numbers one row of a panel apart.
    pub(crate) fn sweep(&mut self) -> (&mut [T], &mut [Pair]) {
        let rows = self.matrix()[0];
        match &mut self.values {
            Values::Numbers(numbers) | Values::Scales(numbers) => numbers.sweep(rows),
            Values::Integers(_) | Values::Bf16(_) => (&mut [], &mut []),
        }
    }

    /// After buffer and copy were written.
    pub(crate) fn end_sweep(&mut self) {
        if let Values::Numbers(numbers) = &mut self.values {
            numbers.end_sweep();
        }
    }

    fn dense(&self) -> Option<&Numbers<T>> {
        match (self.layout(), &self.values) {
            (Layout::Panels(_), Values::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }
}
