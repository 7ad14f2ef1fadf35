//! Rows of a large matrix copied together, from anywhere in it.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::Kernel;
use super::{Element, Simd};

const CACHE_LINE: usize = 64;

/// Appends rows of a matrix to `to`. For each one, a row of `next` is asked for, which will be copied later: rows that lie
/// anywhere in memory take five times as long to wait for as to copy.
pub(crate) fn gather<T: Element>(
    matrix: &[T],
    columns: usize,
    rows: &[usize],
    next: &[usize],
    to: &mut Vec<T>,
) {
    super::run(Gather { matrix, columns, rows, next, to });
}

struct Gather<'a, T> {
    matrix: &'a [T],
    columns: usize,
    rows: &'a [usize],
    next: &'a [usize],
    to: &'a mut Vec<T>,
}

impl<T: Element> Kernel<T> for Gather<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let Self { matrix, columns, rows, next, to } = self;
        for (place, &row) in rows.iter().enumerate() {
            if let Some(&next) = next.get(place) {
                let start = matrix.as_ptr().wrapping_add(next * columns);
                for column in (0..columns).step_by(CACHE_LINE / size_of::<T>()) {
                    simd.prefetch_for_later(start.wrapping_add(column));
                }
            }
            to.extend_from_slice(&matrix[row * columns..][..columns]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_the_order_asked_for() {
        let matrix: Vec<f32> = (0..60).map(|i| i as f32).collect();
        for (columns, rows, next) in
            [(3, &[19, 0, 7, 7][..], &[1][..]), (20, &[2, 1], &[0, 0, 0]), (0, &[5], &[])]
        {
            let mut to = vec![-1.0];
            gather(&matrix, columns, rows, next, &mut to);
            let expected = rows.iter().flat_map(|row| &matrix[row * columns..][..columns]);
            let expected: Vec<f32> = [-1.0].iter().chain(expected).copied().collect();
            assert_eq!(to, expected);
        }
    }
}
