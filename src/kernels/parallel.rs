//! Work spread over threads, in pieces that never change a result.

use std::ops::Range;

/// How many threads a pass may use. A setting of the workspace or the gradient store.
///
/// Work is split over output columns or parameter elements, never inside of a sum, so every result has the
/// same bits at any number of threads. Small work stays on the calling thread whatever the setting.
///
/// Without the feature `rayon`, everything runs on the calling thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parallelism {
    /// As many threads as the current `rayon` pool has.
    #[default]
    Pool,
    /// At most this many; 0 counts as 1.
    Threads(usize),
}

impl Parallelism {
    /// Into how many pieces to split work of so many multiply-adds.
    pub(crate) fn pieces(self, multiply_adds: usize) -> usize {
        // Waking another thread takes some 10 µs, in which one core does about 250,000 multiply-adds.
        const PIECE: usize = 500_000;
        #[cfg(feature = "rayon")]
        let pool = rayon::current_num_threads();
        #[cfg(not(feature = "rayon"))]
        let pool = 1;
        let threads = match self {
            Self::Pool => pool,
            Self::Threads(threads) => threads.min(pool),
        };
        threads.min(multiply_adds / PIECE).max(1)
    }
}

/// Splits `0..len` into `pieces` runs at multiples of `granule` and calls `work` with each, on as many threads.
pub(crate) fn split_runs(len: usize, granule: usize, pieces: usize, work: &(impl Fn(Range<usize>) + Sync)) {
    let granules = len.div_ceil(granule.max(1));
    let bound = |piece: usize| (granules * piece / pieces * granule).min(len);
    join(0..pieces, &|piece| {
        let run = bound(piece)..bound(piece + 1);
        if !run.is_empty() {
            work(run);
        }
    });
}

/// Calls `work` with each piece. Halving with `join` allocates nothing, which a `scope` would.
fn join(pieces: Range<usize>, work: &(impl Fn(usize) + Sync)) {
    #[cfg(feature = "rayon")]
    if pieces.len() > 1 {
        let middle = pieces.start + pieces.len() / 2;
        rayon::join(|| join(pieces.start..middle, work), || join(middle..pieces.end, work));
        return;
    }
    for piece in pieces {
        work(piece);
    }
}
