//! The mean and the variance of each channel of a batch.

use crate::Scalar;
use crate::kernels::{ColumnSums, Parallelism};

/// Leaves mean and variance of each channel of a batch. The scratch is that of two sums, behind a number for each channel.
pub(super) fn measure<T: Scalar>(
    x: &[T],
    mean: &mut [T],
    variance: &mut [T],
    scratch: &mut [T],
    parallelism: Parallelism,
) {
    let count = (x.len() / mean.len()) as f64;
    let (center, scratch) = scratch.split_at_mut(mean.len());
    let sums = ColumnSums { first: x, second: x, column: &*mean, term: |x: T, _, _| [x], parallelism };
    sums.run(scratch, |channel, [sum]| center[channel] = T::of(sum / count));
    // What the rounding of that mean and of its sum left comes out beside the squares.
    let term = |x: T, _, center: T| {
        let off = x - center;
        [off, off * off]
    };
    let sums = ColumnSums { first: x, second: x, column: &*center, term, parallelism };
    sums.run(scratch, |channel, [off, square]| {
        let off = off / count;
        mean[channel] = T::of(center[channel].as_f64() + off);
        // A NaN stays one, which a largest number of the two would not.
        let square = square / count - off * off;
        variance[channel] = T::of(if square < 0.0 { 0.0 } else { square });
    });
}
