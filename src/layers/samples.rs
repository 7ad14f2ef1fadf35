//! Work on a batch, shared out among threads by samples.

use crate::Scalar;
use crate::kernels::{Parallelism, Run, split_work};

/// Calls `work` with the number of a first sample and a run of whole samples of `values`, on several threads where that
/// pays. A sample of `values` has `sample` elements; in all, so many `elements` are read or written.
pub(crate) fn by_samples<T: Scalar>(
    parallelism: Parallelism,
    elements: usize,
    values: &mut [T],
    sample: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    // An element that is read or written once takes as long as so many multiply-adds.
    const ELEMENT: u64 = 8;
    let pieces = parallelism.pieces(ELEMENT * elements as u64);
    split_work(Run { start: 0, values }, sample, pieces, &|run: Run<'_, T>| {
        work(run.start / sample, run.values);
    });
}
