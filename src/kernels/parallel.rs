//! Work spread over threads, in pieces that never change a result.

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
