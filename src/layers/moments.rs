//! The mean and the variance of each channel of a batch.

use super::others::{Others, sums_of_channels};
use crate::kernels::{ColumnSums, Parallelism};
use crate::{Result, Scalar};

/// Leaves mean and variance of each channel of a batch, which others may share; gives how many values a channel has. The scratch is
/// that of two sums, behind a number for each channel.
///
/// # Errors
/// Those of the sums over all who share it.
pub(super) fn measure<T: Scalar>(
    x: &[T],
    mean: &mut [T],
    variance: &mut [T],
    scratch: &mut [T],
    parallelism: Parallelism,
    others: Option<&dyn Others>,
) -> Result<f64> {
    let nothing = |_, _: [f64; 1]| {};
    let (center, scratch) = scratch.split_at_mut(mean.len());
    let sums = ColumnSums { first: x, second: x, column: &*mean, term: |x: T, _, _| [x], parallelism };
    let center_of = |channel, [sum]: [f64; 1], count| center[channel] = T::of(sum / count);
    sums_of_channels(&sums, others, scratch, nothing, center_of)?;
    // What the rounding of that mean and of its sum left comes out beside the squares.
    let term = |x: T, _, center: T| {
        let off = x - center;
        [off, off * off]
    };
    let sums = ColumnSums { first: x, second: x, column: &*center, term, parallelism };
    let moments_of = |channel: usize, [off, square]: [f64; 2], count| {
        let off = off / count;
        mean[channel] = T::of(center[channel].as_f64() + off);
        // A NaN stays one, which a largest number of the two would not.
        let square = square / count - off * off;
        variance[channel] = T::of(if square < 0.0 { 0.0 } else { square });
    };
    sums_of_channels(&sums, others, scratch, |_, _| {}, moments_of)
}
