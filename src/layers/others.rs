//! Who shares a batch: several ranks of a training, of which each has a part.

use core::fmt::Debug;

use crate::kernels::ColumnSums;
use crate::{Result, Scalar};

/// The ranks that share the batch of a pass, for a layer that needs sums over the whole batch.
pub(crate) trait Others: Debug + Sync {
    /// Adds up so many numbers over all ranks: `fill` writes this rank's, and `take` reads the sums. All ranks that have samples ask
    /// for the same sums in the same order.
    ///
    /// # Errors
    /// Where another rank has failed or cannot be reached. The pass ends then.
    fn add_up(
        &self,
        len: usize,
        fill: &mut dyn FnMut(&mut [f64]),
        take: &mut dyn FnMut(&[f64]),
    ) -> Result<()>;
}

/// Calls `each` with every channel, its sums over the whole batch and the number of values in each of them, which comes back. The sums
/// of this rank's part go to `own`.
///
/// # Errors
/// Those of [`Others::add_up`].
pub(super) fn sums_of_channels<T: Scalar, F, const N: usize>(
    part: &ColumnSums<'_, T, F>,
    others: Option<&dyn Others>,
    scratch: &mut [T],
    mut own: impl FnMut(usize, [f64; N]),
    mut each: impl FnMut(usize, [f64; N], f64),
) -> Result<f64>
where
    F: Fn(T, T, T) -> [T; N] + Sync,
{
    let channels = part.column.len();
    let mut count = (part.first.len() / channels) as f64;
    let Some(others) = others else {
        part.run(scratch, |channel, sums| {
            own(channel, sums);
            each(channel, sums, count);
        });
        return Ok(count);
    };
    let own_count = count;
    let mut fill = |numbers: &mut [f64]| {
        let (last, numbers) = numbers.split_last_mut().expect("there is a count");
        *last = own_count;
        part.run(scratch, |channel, sums| {
            own(channel, sums);
            numbers[channel * N..][..N].copy_from_slice(&sums);
        });
    };
    let mut take = |sums: &[f64]| {
        let (last, sums) = sums.split_last().expect("there is a count");
        count = *last;
        for (channel, sums) in sums.chunks_exact(N).enumerate() {
            each(channel, sums.try_into().expect("chunks of N"), count);
        }
    };
    others.add_up(channels * N + 1, &mut fill, &mut take)?;
    Ok(count)
}
