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
    /// The threads that there are to use.
    pub(crate) fn threads(self) -> usize {
        match self {
            Self::Pool => pool_threads(),
            Self::Threads(threads) => threads.clamp(1, pool_threads()),
        }
    }

    /// Into how many pieces to split work of so many multiply-adds.
    pub(crate) fn pieces(self, multiply_adds: usize) -> usize {
        // Waking another thread takes some 10 µs, in which one core does up to 500,000 multiply-adds. Two pieces of
        // this size take 70 µs on one core; with no other core free, they take a sixth longer in two.
        const PIECE: usize = 2_000_000;
        let pieces = match self {
            Self::Pool => multiply_adds / PIECE,
            Self::Threads(threads) => threads.min(multiply_adds / PIECE),
        };
        // Small work does not so much as ask for the pool, which would start it.
        if pieces < 2 { 1 } else { pieces.min(pool_threads()) }
    }
}

/// Does the work on a thread of the pool, where it `is_split` among them, and otherwise here. From outside of the pool, each
/// product that is shared wakes a thread and is waited for asleep, so a pass with several of them enters once.
pub(crate) fn enter<R: Send>(is_split: bool, work: impl FnOnce() -> R + Send) -> R {
    #[cfg(feature = "rayon")]
    if is_split && rayon::current_thread_index().is_none() {
        return rayon::scope(|_| work());
    }
    let _ = is_split;
    work()
}

#[cfg(feature = "rayon")]
fn pool_threads() -> usize {
    rayon::current_num_threads()
}

#[cfg(not(feature = "rayon"))]
fn pool_threads() -> usize {
    1
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_split_runs_in_the_pool_and_the_rest_here() {
        let place = rayon::current_thread_index;
        assert!(enter(true, place).is_some());
        assert!(enter(false, place).is_none());
        // Who is inside stays on the thread.
        assert!(enter(true, || enter(true, place) == place() && enter(false, place) == place()));
    }
}
