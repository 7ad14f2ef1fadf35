//! Slices worked on by several threads.

use std::ops::Range;

use super::together::join;

/// Something that can be cut in two at an element, as slices can.
pub(crate) trait Split: Send + Sized {
    fn len(&self) -> usize;

    fn split(self, middle: usize) -> (Self, Self);
}

/// Cuts `whole` into `pieces` at multiples of `granule` and calls `work` with each, on as many threads. Halving
/// with `join` allocates nothing.
pub(crate) fn split_work<S: Split>(whole: S, granule: usize, pieces: usize, work: &(impl Fn(S) + Sync)) {
    if pieces > 1 {
        let half = pieces / 2;
        let granules = whole.len().div_ceil(granule);
        let middle = (granules * half / pieces * granule).min(whole.len());
        let (left, right) = whole.split(middle);
        let has_parts = pieces - half > 1;
        join(
            || split_work(left, granule, half, work),
            || split_work(right, granule, pieces - half, work),
            has_parts,
        );
    } else if whole.len() > 0 {
        work(whole);
    }
}

/// As [`split_work`], each piece with a part of `scratch` of its own: `scratch / pieces` elements.
pub(crate) fn split_with_scratch<S: Split, T: Send>(
    whole: S,
    granule: usize,
    pieces: usize,
    scratch: &mut [T],
    work: &(impl Fn(S, &mut [T]) + Sync),
) {
    if pieces > 1 {
        let half = pieces / 2;
        let granules = whole.len().div_ceil(granule);
        let middle = (granules * half / pieces * granule).min(whole.len());
        let (left, right) = whole.split(middle);
        let (scratch_left, scratch_right) = scratch.split_at_mut(scratch.len() / pieces * half);
        join(
            || split_with_scratch(left, granule, half, scratch_left, work),
            || split_with_scratch(right, granule, pieces - half, scratch_right, work),
            pieces - half > 1,
        );
    } else if whole.len() > 0 {
        work(whole, scratch);
    }
}

/// A part of a slice, with its place in the whole.
pub(crate) struct Run<'a, T> {
    pub(crate) start: usize,
    pub(crate) values: &'a mut [T],
}

impl<T: Send> Split for Run<'_, T> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let (left, right) = self.values.split_at_mut(middle);
        (Self { start: self.start, values: left }, Self { start: self.start + middle, values: right })
    }
}

/// [`split_work`] on the indices `0..len`, for what is not cut as a slice.
pub(crate) fn split_runs(len: usize, granule: usize, pieces: usize, work: &(impl Fn(Range<usize>) + Sync)) {
    split_work(Indices(0..len), granule, pieces, &|indices: Indices| work(indices.0));
}

/// Indices that are split as a slice of them would be.
pub(crate) struct Indices(pub(crate) Range<usize>);

impl Split for Indices {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let middle = self.0.start + middle;
        (Self(self.0.start..middle), Self(middle..self.0.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_visited_once_with_its_place() {
        for len in [0, 1, 7, 8, 9, 100] {
            for pieces in [1, 2, 3, 8] {
                let mut values = vec![0; len];
                split_work(Run { start: 0, values: &mut values }, 8, pieces, &|run: Run<'_, usize>| {
                    assert_eq!(run.start % 8, 0);
                    for (place, value) in (run.start..).zip(run.values) {
                        *value += place + 1;
                    }
                });
                assert!(
                    values.iter().enumerate().all(|(place, &value)| value == place + 1),
                    "{len} in {pieces}"
                );
            }
        }
    }
}
