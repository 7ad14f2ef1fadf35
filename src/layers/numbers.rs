//! The numbers of a parameter that learns, and where it trains in bf16 a rounded copy.

use std::sync::{Arc, Weak};

use crate::Scalar;
use crate::kernels::{Buffer, Pair, Parallelism, round_panels};

/// Numbers, laid out as the kernels want them. A dense weight may have a copy in bf16 beside it; whoever gets hold of the numbers to
/// change them makes it out of date.
pub(super) struct Numbers<T> {
    values: Buffer<T>,
    copy: Option<Rounded>,
}

struct Rounded {
    /// Whose it is: without it, it is nobody's, and counts as none.
    owner: Weak<()>,
    pairs: Buffer<Pair>,
    /// Whether they are the numbers as they are.
    is_current: bool,
}

impl Rounded {
    fn counts(&self) -> bool {
        self.owner.strong_count() > 0
    }
}

impl<T: Scalar> Numbers<T> {
    /// Zeros.
    pub(super) fn zeros(len: usize) -> Self {
        Self { values: Buffer::zeroed(len), copy: None }
    }

    pub(super) fn values(&self) -> &[T] {
        &self.values
    }

    pub(super) fn values_mut(&mut self) -> &mut [T] {
        self.sweep(1).0
    }

    /// The numbers and, in panels of so many rows, the copy: whoever has both writes both, and then calls [`Numbers::end_sweep`]. Until
    /// then, and where the copy is empty, it is out of date. A copy of panels of an odd number of rows has pairs that are no two
    /// numbers of the panels as they lie, and is made anew at once.
    pub(super) fn sweep(&mut self, rows: usize) -> (&mut [T], &mut [Pair]) {
        if self.copy.is_some() && !self.has_copy() {
            self.copy = None;
        }
        let copy = match &mut self.copy {
            None => &mut [],
            Some(copy) => {
                copy.is_current = false;
                if rows.is_multiple_of(2) { &mut copy.pairs[..] } else { &mut [] }
            }
        };
        (&mut self.values, copy)
    }

    /// After both were written.
    pub(super) fn end_sweep(&mut self) {
        self.copy.iter_mut().for_each(|copy| copy.is_current = true);
    }

    /// Makes the copy of panels of so many rows, with room for so many pairs, or brings it up to date.
    pub(super) fn keep_copy(&mut self, rows: usize, len: usize, owner: &Arc<()>, parallelism: Parallelism) {
        let made = || Rounded { owner: Weak::new(), pairs: Buffer::pairs(len), is_current: false };
        let copy = self.copy.get_or_insert_with(made);
        copy.owner = Arc::downgrade(owner);
        if !copy.is_current {
            round_panels(&self.values, rows, parallelism, &mut copy.pairs);
            copy.is_current = true;
        }
    }

    /// Gives its memory back.
    pub(super) fn forget_copy(&mut self) {
        self.copy = None;
    }

    /// Whether there is memory of one, though it may be nobody's any more.
    pub(super) fn holds_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// Whether there is one, up to date or not.
    pub(super) fn has_copy(&self) -> bool {
        self.copy.as_ref().is_some_and(Rounded::counts)
    }

    /// The copy, if it is up to date.
    pub(super) fn copy(&self) -> Option<&[Pair]> {
        self.copy.as_ref().filter(|copy| copy.is_current && copy.counts()).map(|copy| &*copy.pairs)
    }
}

/// Without the copy, which is a training's.
impl<T: Clone> Clone for Numbers<T> {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), copy: None }
    }
}
