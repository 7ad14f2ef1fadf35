//! The number of threads for a piece of work. The result does not depend on it.

use super::team::{is_in_piece, is_together, most_threads};

/// How many threads a pass may use. A setting of the workspace or the gradient store.
///
/// Work is split over output columns or parameter elements, never inside of a sum, so every result has the
/// same bits at any number of threads. Small work stays on the calling thread whatever the setting.
///
/// # Where it runs
/// A call runs on the thread that makes it: layers, losses, sinks and callbacks all do. Large products are cut into pieces, and helpers,
/// threads of this crate that do nothing but such pieces, take a part of them if they are free. A piece is arithmetic; of a user's own
/// code, only an optimizer's `Rule` and the `GradientSource` of a layer of one's own run in one.
///
/// A call waits only for those of its pieces that a helper has begun, and runs nothing else while it waits. So a task of a `rayon` pool
/// may hold a lock when it calls, as any thread may: it is never handed another task in the middle of the call, as it could be where it
/// waits in `rayon` itself.
///
/// # How many threads
/// The setting is a limit. All calls together have no more threads than the pool has, calls that are at work counted with their
/// helpers: eight tasks of a pool of eight, which all predict, are left to themselves, since whoever calls from many threads has
/// spread the work already; a single call, from a thread of that pool or from anywhere else, gets the help of seven.
///
/// Where [samples](crate::train::Samples) or [augmentations](crate::train::augment) are made ahead, in training and evaluation, up to one
/// thread less than the setting makes them, for the time of an epoch; these threads, at most eight, run the user's code. While one makes
/// a batch it counts as at work, so that there are fewer helpers. With `Threads(1)` the calling thread makes them.
///
/// Helpers look for work until the step or the pass that they share is done. Where other programs need the processors,
/// fewer threads can be faster.
///
/// Without the feature `rayon`, everything runs on the calling thread.
///
/// ```
/// use taper::{Mode, Parallelism, Sequential, Tensor};
///
/// let model = Sequential::<f32>::builder([512]).dense(512).build(&mut taper::seeded(7))?;
/// let (x, mut workspace) = (Tensor::full([64, 512], 0.5)?, model.workspace(Mode::Infer, 64)?);
/// let with_all = model.infer(&x, &mut workspace)?.to_tensor();
/// let mut workspace = workspace.with_parallelism(Parallelism::Threads(1));
/// assert_eq!(model.infer(&x, &mut workspace)?, with_all.view());
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Parallelism {
    /// As many threads as the current `rayon` pool has: the one in which the caller runs (`ThreadPool::install`), else the global
    /// one, whose size is that of the machine, of `RAYON_NUM_THREADS` or of `ThreadPoolBuilder::build_global`. Only the size is
    /// taken from it.
    #[default]
    Pool,
    /// At most this many, and no more than [`Parallelism::Pool`]; 0 counts as 1.
    Threads(usize),
}

impl Parallelism {
    /// Into how many pieces to split work of so many multiply-adds.
    pub(crate) fn pieces(self, multiply_adds: u64) -> usize {
        if is_in_piece() {
            return 1;
        }
        self.pieces_of(if is_together() { PIECE_TOGETHER } else { PIECE }, multiply_adds)
    }

    /// As [`Parallelism::pieces`], but several for each thread where the work is large: a thread whose core is slower at that
    /// moment then does fewer of them. Only where every thread of the pool may take part, for whoever is free takes the next.
    pub(crate) fn small_pieces(self, multiply_adds: u64) -> usize {
        let pieces = self.pieces(multiply_adds);
        if pieces < 2 || pieces < most_threads() {
            return pieces;
        }
        // As many for each thread, or one would have more to do.
        pieces * (multiply_adds / pieces as u64 / SMALL_PIECE).clamp(1, PIECES_OF_A_THREAD) as usize
    }

    /// How many threads do `products` products of so many multiply-adds each together, one after another.
    pub(crate) fn threads_together(self, products: usize, multiply_adds: u64) -> usize {
        let is_large = multiply_adds.saturating_mul(products as u64) >= 2 * PIECE;
        if is_large { self.pieces_of(PIECE_TOGETHER, multiply_adds) } else { 1 }
    }

    /// How many threads may make samples while the calling one uses those that are made.
    pub(crate) fn makers(self) -> usize {
        let most = match self {
            Self::Pool => most_threads(),
            Self::Threads(threads) => threads.min(most_threads()),
        };
        most.saturating_sub(1).min(MOST_MAKERS)
    }

    /// As many pieces of at least this size as there are threads to use.
    fn pieces_of(self, piece: u64, multiply_adds: u64) -> usize {
        let pieces = usize::try_from(multiply_adds / piece).unwrap_or(usize::MAX);
        let pieces = match self {
            Self::Pool => pieces,
            Self::Threads(threads) => threads.min(pieces),
        };
        // Small work does not so much as ask for the pool, which would start it.
        if pieces < 2 { 1 } else { pieces.min(most_threads()) }
    }
}

/// Each makes a batch, and has memory for it.
const MOST_MAKERS: usize = 8;

/// The least work to wake a thread for. That takes some 10 µs, in which one core does up to 500,000 multiply-adds. Two
/// pieces of this size take 70 µs on one core; with no other core free, they take a sixth longer in two.
const PIECE: u64 = 2_000_000;

/// The least work to share with a thread that is awake, 4 µs on one core. With twice as much, an epoch of 784→128→64→10
/// takes 4 % longer.
const PIECE_TOGETHER: u64 = 250_000;

/// The least work of one of several pieces for a thread, some 50 µs.
const SMALL_PIECE: u64 = 4_000_000;

/// The most pieces for a thread.
const PIECES_OF_A_THREAD: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_work_has_several_pieces_for_each_thread_and_no_more_threads_than_asked_for() {
        let pieces = |multiply_adds| Parallelism::Pool.small_pieces(multiply_adds);
        let all = most_threads();
        assert_eq!(pieces(2 * PIECE - 1), 1);
        assert_eq!(pieces(u64::MAX), if all > 1 { PIECES_OF_A_THREAD as usize * all } else { 1 });
        for multiply_adds in [2 * PIECE, 10 * PIECE, 100 * PIECE, 1000 * PIECE] {
            let (small, equal) = (pieces(multiply_adds), Parallelism::Pool.pieces(multiply_adds));
            assert!(small.is_multiple_of(equal) && small >= equal, "{small}, {equal}");
            assert!(small <= equal.max((multiply_adds / SMALL_PIECE) as usize), "{small}, {equal}");
            for threads in 1..all {
                assert!(Parallelism::Threads(threads).small_pieces(multiply_adds) <= threads);
            }
        }
    }

    #[test]
    fn threads_share_what_is_large_enough_in_all_and_in_each_product() {
        let threads = |products, multiply_adds| Parallelism::Pool.threads_together(products, multiply_adds);
        let all = most_threads();
        assert_eq!(threads(1, 2 * PIECE - 1), 1);
        assert_eq!(threads(1, 2 * PIECE), all.min(16));
        assert_eq!(threads(usize::MAX, 2 * PIECE_TOGETHER - 1), 1);
        assert_eq!(threads(usize::MAX, 2 * PIECE_TOGETHER), all.min(2));
        assert_eq!(Parallelism::Threads(1).threads_together(usize::MAX, u64::MAX), 1);
    }
}
