//! A run of a parameter that is to be moved, with its copy in bf16.

use super::rule::{Begun, Rule, Update};
use crate::Scalar;
use crate::kernels::{Pair, Parallelism, Split, round_panels};

/// What a rule moves, and the copy that follows.
pub(super) struct Copied<'a, T> {
    pub(super) update: Update<'a, T>,
    /// Half as long, or empty.
    pub(super) copy: &'a mut [Pair],
}

/// The elements that are moved before they are rounded: they stay in the cache (L1).
const BLOCK: usize = 2048;

impl<T: Scalar> Copied<'_, T> {
    /// Moves the elements, and rounds them while they are in the cache.
    pub(super) fn carry_out(self, rule: &dyn Rule<T>) {
        if self.copy.is_empty() {
            return rule.update(self.update);
        }
        let mut left = self;
        while left.len() > 0 {
            let middle = BLOCK.min(left.len());
            let (mut front, rest) = left.split(middle);
            left = rest;
            rule.update(front.update.again());
            round_panels(front.update.weight, 2, Parallelism::Threads(1), front.copy);
        }
    }
}

impl<T: Scalar> Split for Copied<'_, T> {
    fn len(&self) -> usize {
        self.update.len()
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let (update, update_right) = self.update.split(middle);
        let (copy, copy_right) = self.copy.split_at_mut((middle / 2).min(self.copy.len()));
        (Self { update, copy }, Self { update: update_right, copy: copy_right })
    }
}

impl<T: Scalar> Update<'_, T> {
    /// The same, for a while.
    fn again(&mut self) -> Update<'_, T> {
        let begun = Begun { step: self.step, learning_rate: self.learning_rate, adjust: self.adjust };
        Update::of(begun, self.weight, self.gradient, self.buffers.each_mut().map(|buffer| &mut **buffer))
    }
}
