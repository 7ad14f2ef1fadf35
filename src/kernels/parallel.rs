//! Work spread over threads, in pieces that never change a result.

use super::together::is_together;

/// How many threads a pass may use. A setting of the workspace or the gradient store.
///
/// Work is split over output columns or parameter elements, never inside of a sum, so every result has the
/// same bits at any number of threads. Small work stays on the calling thread whatever the setting.
///
/// Threads that share a step or a pass look for work until it is done. Where other programs need the processors,
/// fewer threads can be faster.
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
        let piece = if is_together() { PIECE_TOGETHER } else { PIECE };
        let pieces = match self {
            Self::Pool => multiply_adds / piece,
            Self::Threads(threads) => threads.min(multiply_adds / piece),
        };
        // Small work does not so much as ask for the pool, which would start it.
        if pieces < 2 { 1 } else { pieces.min(pool_threads()) }
    }

    /// As [`Parallelism::pieces`], but several for each thread where the work is large: a thread whose core is slower at that
    /// moment then does fewer of them. Only where every thread of the pool may take part, for whoever is free takes the next.
    pub(crate) fn small_pieces(self, multiply_adds: usize) -> usize {
        let pieces = self.pieces(multiply_adds);
        if pieces < 2 || pieces < pool_threads() {
            return pieces;
        }
        // As many for each thread, or one would have more to do.
        pieces * (multiply_adds / pieces / SMALL_PIECE).clamp(1, PIECES_OF_A_THREAD)
    }

    /// How many threads do `products` products of so many multiply-adds each together, one after another.
    pub(crate) fn threads_together(self, products: usize, multiply_adds: usize) -> usize {
        let is_large = multiply_adds.saturating_mul(products) >= 2 * PIECE;
        let pieces = multiply_adds / PIECE_TOGETHER;
        // Nor does this, where the work is small.
        if is_large && pieces > 1 { pieces.min(self.threads()) } else { 1 }
    }
}

/// The least work to wake a thread for. That takes some 10 µs, in which one core does up to 500,000 multiply-adds. Two
/// pieces of this size take 70 µs on one core; with no other core free, they take a sixth longer in two.
const PIECE: usize = 2_000_000;

/// The least work to share with a thread that is awake, 4 µs on one core. With twice as much, an epoch of 784→128→64→10
/// takes 4 % longer.
const PIECE_TOGETHER: usize = 250_000;

/// The least work of one of several pieces for a thread, some 50 µs.
const SMALL_PIECE: usize = 4_000_000;

/// The most pieces for a thread.
const PIECES_OF_A_THREAD: usize = 8;

#[cfg(feature = "rayon")]
fn pool_threads() -> usize {
    rayon::current_num_threads()
}

#[cfg(not(feature = "rayon"))]
fn pool_threads() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_work_has_several_pieces_for_each_thread_and_no_more_threads_than_asked_for() {
        let pieces = |multiply_adds| Parallelism::Pool.small_pieces(multiply_adds);
        let all = pool_threads();
        assert_eq!(pieces(2 * PIECE - 1), 1);
        assert_eq!(pieces(usize::MAX), if all > 1 { PIECES_OF_A_THREAD * all } else { 1 });
        for multiply_adds in [2 * PIECE, 10 * PIECE, 100 * PIECE, 1000 * PIECE] {
            let (small, equal) = (pieces(multiply_adds), Parallelism::Pool.pieces(multiply_adds));
            assert!(small.is_multiple_of(equal) && small >= equal, "{small}, {equal}");
            assert!(small <= equal.max(multiply_adds / SMALL_PIECE), "{small}, {equal}");
            for threads in 1..all {
                assert!(Parallelism::Threads(threads).small_pieces(multiply_adds) <= threads);
            }
        }
    }

    #[test]
    fn threads_share_what_is_large_enough_in_all_and_in_each_product() {
        let threads = |products, multiply_adds| Parallelism::Pool.threads_together(products, multiply_adds);
        let all = pool_threads();
        assert_eq!(threads(1, 2 * PIECE - 1), 1);
        assert_eq!(threads(1, 2 * PIECE), all.min(16));
        assert_eq!(threads(usize::MAX, 2 * PIECE_TOGETHER - 1), 1);
        assert_eq!(threads(usize::MAX, 2 * PIECE_TOGETHER), all.min(2));
        assert_eq!(Parallelism::Threads(1).threads_together(usize::MAX, usize::MAX), 1);
    }
}
