//! Slices cut into pieces, which several threads work on.

use core::iter::from_fn;
use core::mem::take;
use core::ops::Range;

use super::team::{Mutex, lock, share};

/// Something that can be cut in two at an element, as slices can.
pub(crate) trait Split: Send + Sized {
    fn len(&self) -> usize;

    fn split(self, middle: usize) -> (Self, Self);
}

/// Cuts `whole` into `pieces` at multiples of `granule` and calls `work` with each, on as many threads. Allocates nothing.
pub(crate) fn split_work<S: Split>(whole: S, granule: usize, pieces: usize, work: &(impl Fn(S) + Sync)) {
    split_with_scratch(whole, granule, pieces, &mut [(); 0], &|piece, _: &mut [()]| work(piece));
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
        let rest = Mutex::new(Rest::new(whole, granule, pieces, scratch));
        // In a `while let`, the lock would be held while a piece is worked on.
        let first = || lock(&rest).take_first();
        let last = || lock(&rest).take_last();
        let own = || from_fn(first).for_each(|(piece, scratch)| work(piece, scratch));
        let help = || from_fn(last).for_each(|(piece, scratch)| work(piece, scratch));
        share(pieces, own, &help);
    } else if whole.len() > 0 {
        work(whole, scratch);
    }
}

/// The pieces that nobody has taken yet. The thread that has the work takes the first, and those that help it the last: so each
/// comes to about the same elements in the next pass, and finds them in its cache.
struct Rest<'a, S, T> {
    whole: Option<S>,
    scratch: &'a mut [T],
    scratch_of_piece: usize,
    len: usize,
    granule: usize,
    pieces: usize,
    left: Range<usize>,
}

impl<'a, S: Split, T> Rest<'a, S, T> {
    fn new(whole: S, granule: usize, pieces: usize, scratch: &'a mut [T]) -> Self {
        let (len, scratch_of_piece) = (whole.len(), scratch.len() / pieces);
        let scratch = &mut scratch[..pieces * scratch_of_piece];
        Self { whole: Some(whole), scratch, scratch_of_piece, len, granule, pieces, left: 0..pieces }
    }

    /// Where a piece begins.
    fn start_of(&self, piece: usize) -> usize {
        let granules = self.len.div_ceil(self.granule);
        (granules * piece / self.pieces * self.granule).min(self.len)
    }

    fn take_first(&mut self) -> Option<(S, &'a mut [T])> {
        while !self.left.is_empty() {
            let start = self.start_of(self.left.start);
            self.left.start += 1;
            let (piece, rest) = self.whole.take()?.split(self.start_of(self.left.start) - start);
            self.whole = Some(rest);
            let (scratch, rest) = take(&mut self.scratch).split_at_mut(self.scratch_of_piece);
            self.scratch = rest;
            if piece.len() > 0 {
                return Some((piece, scratch));
            }
        }
        None
    }

    fn take_last(&mut self) -> Option<(S, &'a mut [T])> {
        while !self.left.is_empty() {
            let start = self.start_of(self.left.start);
            self.left.end -= 1;
            let (rest, piece) = self.whole.take()?.split(self.start_of(self.left.end) - start);
            self.whole = Some(rest);
            let scratch = take(&mut self.scratch);
            let (rest, scratch) = scratch.split_at_mut(scratch.len() - self.scratch_of_piece);
            self.scratch = rest;
            if piece.len() > 0 {
                return Some((piece, scratch));
            }
        }
        None
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
    /// Nobody keeps the others from taking a piece while at work on one.
    #[cfg(feature = "rayon")]
    #[test]
    fn pieces_are_worked_on_at_the_same_time() {
        use core::sync::atomic::{AtomicUsize, Ordering};
        use core::time::Duration;
        use std::time::Instant;

        use crate::kernels::team::together;

        let (start, most) = (Instant::now(), AtomicUsize::new(0));
        // More threads than the calls of other tests have, which are counted too; helpers may be busy with them.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(64).build().expect("threads");
        while most.load(Ordering::Relaxed) < 2 && start.elapsed() < Duration::from_secs(60) {
            let inside = AtomicUsize::new(0);
            let work = |_| {
                most.fetch_max(inside.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
                inside.fetch_sub(1, Ordering::Relaxed);
            };
            pool.install(|| together(2, || split_runs(8, 1, 8, &work)));
        }
        assert_eq!(most.into_inner(), 2);
    }

    /// Every piece has scratch of its own, from whichever end it is taken.
    #[test]
    fn scratch_is_not_shared() {
        for (len, pieces, scratch) in [(10, 3, 11), (7, 7, 7), (2, 5, 20), (100, 8, 64)] {
            let work = || vec![0_usize; len];
            for taken_last in [0, 1, pieces / 2, pieces] {
                let (mut values, mut scratch) = (work(), vec![0_usize; scratch]);
                let part = scratch.len() / pieces;
                let mut rest = Rest::new(Run { start: 0, values: &mut values }, 1, pieces, &mut scratch);
                let last: Vec<_> = (0..taken_last).filter_map(|_| rest.take_last()).collect();
                let first: Vec<_> = from_fn(|| rest.take_first()).collect();
                for (run, scratch) in last.into_iter().chain(first) {
                    assert_eq!(scratch.len(), part);
                    for (place, value) in (run.start..).zip(run.values) {
                        *value += place + 1;
                    }
                    scratch.iter_mut().for_each(|value| *value += 1);
                }
                assert!(values.iter().enumerate().all(|(place, &value)| value == place + 1));
                assert!(scratch.iter().all(|&value| value <= 1));
            }
        }
    }
}
