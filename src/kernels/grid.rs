//! A row-major matrix whose parts several threads write at once.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "a block of columns is no slice, so the borrow checker cannot split it off")]

use core::marker::PhantomData;
use core::ops::Range;

/// A matrix borrowed mutably as a whole, handed out in pieces of rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid<'a, T> {
    start: *mut T,
    rows: usize,
    columns: usize,
    values: PhantomData<&'a mut [T]>,
}

// SAFETY: a grid gives out nothing but `&mut [T]` to disjoint pieces, so threads that share it do what they
// could do with slices split off by `split_at_mut`.
unsafe impl<T: Send> Send for Grid<'_, T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Send> Sync for Grid<'_, T> {}

impl<'a, T> Grid<'a, T> {
    pub(crate) fn new(values: &'a mut [T], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix of another size");
        Self { start: values.as_mut_ptr(), rows, columns, values: PhantomData }
    }

    /// A piece of a row.
    ///
    /// # Safety
    ///
    /// No two pieces that have an element in common may live at once.
    #[inline(always)]
    pub(crate) unsafe fn piece(self, row: usize, columns: Range<usize>) -> &'a mut [T] {
        assert!(row < self.rows && columns.start <= columns.end && columns.end <= self.columns, "outside");
        let start = self.start.wrapping_add(row * self.columns + columns.start);
        // SAFETY: the assertion has shown that the piece is inside of the slice that `new` borrowed for 'a;
        // the caller has promised that nothing else refers to it.
        unsafe { core::slice::from_raw_parts_mut(start, columns.len()) }
    }
}
