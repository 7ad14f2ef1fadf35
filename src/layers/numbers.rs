//! The numbers of a parameter that learns, and in a step that trains in bf16 a rounded copy.

use core::num::NonZeroU64;
#[cfg(feature = "std")]
use core::sync::atomic::{AtomicU64, Ordering};

use crate::Scalar;
use crate::kernels::{Buffer, Pair, Parallelism, round_panels};

/// Numbers, laid out as the kernels want them. A training lends a dense weight a copy in bf16 for a step; whoever gets hold of the numbers
/// to change them makes it out of date.
pub(super) struct Numbers<T> {
    values: Buffer<T>,
    copy: Option<Rounded>,
    /// The mark of the copy that went last, while the numbers are as they were then.
    mark: Option<NonZeroU64>,
}

/// A weight's numbers in bf16. Between two steps it is the training's.
#[derive(Default)]
pub(crate) struct Rounded {
    pairs: Buffer<Pair>,
    /// Whether they are the numbers as they are, while they are lent.
    is_current: bool,
    /// No other state of any numbers has it.
    mark: Option<NonZeroU64>,
}

impl<T: Scalar> Numbers<T> {
    /// Zeros.
    pub(super) fn zeros(len: usize) -> Self {
        Self { values: Buffer::zeroed(len), copy: None, mark: None }
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
        self.mark = None;
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

    /// Takes a copy of panels of so many rows, with room for so many pairs, until [`Numbers::give_back`]. It is made, or brought up to
    /// date, unless it is the one that went last and the numbers are as they were.
    #[cfg(feature = "std")]
    pub(super) fn lend(&mut self, mut copy: Rounded, rows: usize, len: usize, parallelism: Parallelism) {
        if copy.mark.is_none() || copy.mark != self.mark {
            if copy.pairs.len() != len {
                copy.pairs = Buffer::pairs(len);
            }
            round_panels(&self.values, rows, parallelism, &mut copy.pairs);
        }
        copy.is_current = true;
        self.copy = Some(copy);
    }

    /// The copy that was lent, if there is one.
    #[cfg(feature = "std")]
    pub(super) fn give_back(&mut self) -> Option<Rounded> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut copy = self.copy.take()?;
        let next = || NonZeroU64::new(NEXT.fetch_add(1, Ordering::Relaxed));
        copy.mark = if copy.is_current { next() } else { None };
        self.mark = copy.mark;
        Some(copy)
    }

    /// Whether there is a copy, up to date or not.
    pub(super) fn has_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// The copy, if it is up to date.
    pub(super) fn copy(&self) -> Option<&[Pair]> {
        self.copy.as_ref().filter(|copy| copy.is_current).map(|copy| &*copy.pairs)
    }
}

/// Without the copy, which is a training's.
impl<T: Clone> Clone for Numbers<T> {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), copy: None, mark: None }
    }
}
