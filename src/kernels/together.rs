//! Threads that are ready when work comes.
//!
//! A thread of the pool that finds nothing to do soon falls asleep. To wake it takes as long as many a product, so two
//! threads would train a network of 100,000 weights little faster than one. Who has several products in a row to share,
//! with other work between them, does all of it [`together`]: threads that have nothing to do look for work until it is done.

/// Does the work on a thread of the pool if it `is_shared`, and otherwise here. From outside of the pool, each product that is
/// shared is waited for asleep, so what has several of them enters once.
pub(crate) fn enter<R: Send>(is_shared: bool, work: impl FnOnce() -> R + Send) -> R {
    #[cfg(feature = "rayon")]
    if is_shared && rayon::current_thread_index().is_none() {
        return rayon::scope(|_| work());
    }
    let _ = is_shared;
    work()
}

/// Does the work on a thread of the pool, with so many threads awake until it is done. With one, and inside of such work,
/// it is simply done.
pub(crate) fn together<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    #[cfg(feature = "rayon")]
    if threads > 1 && !is_together() {
        return awake::keep(threads - 1, work);
    }
    let _ = threads;
    work()
}

/// Both, at once where there are threads. Whether the right one `has_parts`, which this thread may do when it is through with
/// the left one.
pub(super) fn join(left: impl FnOnce() + Send, right: impl FnOnce() + Send, has_parts: bool) {
    #[cfg(feature = "rayon")]
    awake::join(left, right, is_together() && !has_parts);
    #[cfg(not(feature = "rayon"))]
    {
        let _ = has_parts;
        left();
        right();
    }
}

#[cfg(feature = "rayon")]
pub(super) use awake::is_together;

#[cfg(not(feature = "rayon"))]
pub(super) fn is_together() -> bool {
    false
}

#[cfg(feature = "rayon")]
mod awake {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// How often a thread looks for work in vain before it may fall asleep: for some 200 µs. Without a limit two threads could
    /// wait for each other: one that waits for a piece may be handed the task to stay awake, and another one may wait for
    /// what it was about to do.
    const ROUNDS: usize = 200;

    /// How long it waits between two looks: about a microsecond, in which another thread can take a task to stay awake.
    const PAUSES: usize = 16;

    /// How often it looks whether another one is done: for some 50 µs, in case that one was put to sleep.
    const WATCHES: usize = 1000;

    thread_local! {
        /// Whether this thread takes part in work that is done together.
        static TAKES_PART: Cell<bool> = const { Cell::new(false) };
    }

    pub(in super::super) fn is_together() -> bool {
        TAKES_PART.get()
    }

    /// Does the work while so many other threads stay awake.
    pub(super) fn keep<R: Send>(others: usize, work: impl FnOnce() -> R + Send) -> R {
        let is_done = AtomicBool::new(false);
        join_all(others, &is_done, || {
            let _end = End(&is_done);
            take_part(work)
        })
    }

    /// Does the work as a part of what is done together.
    pub(super) fn take_part<R>(work: impl FnOnce() -> R) -> R {
        let _before = Before(TAKES_PART.replace(true));
        work()
    }

    /// Both. If another thread has begun the right one, this one may wait for its end with open eyes (`watches`): the pool would
    /// look for other work and give the processor away now and then, and notice the end some 2 µs later.
    pub(super) fn join(left: impl FnOnce() + Send, right: impl FnOnce() + Send, watches: bool) {
        let (is_begun, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
        let is_open = || is_begun.load(Ordering::Acquire) && !is_done.load(Ordering::Acquire);
        rayon::join(
            || {
                left();
                if watches {
                    (0..WATCHES).take_while(|_| is_open()).for_each(|_| std::hint::spin_loop());
                }
            },
            || {
                is_begun.store(true, Ordering::Release);
                let _end = End(&is_done);
                take_part(right);
            },
        );
    }

    fn join_all<R: Send>(others: usize, is_done: &AtomicBool, work: impl FnOnce() -> R + Send) -> R {
        if others == 0 {
            return work();
        }
        rayon::join(|| join_all(others - 1, is_done, work), || stay_awake(is_done)).0
    }

    /// Does whatever work the pool has until all is done. A thread that has a part already goes on with that.
    fn stay_awake(is_done: &AtomicBool) {
        if is_together() {
            return;
        }
        take_part(|| {
            let mut left = ROUNDS;
            while left > 0 && !is_done.load(Ordering::Acquire) {
                if rayon::yield_now() == Some(rayon::Yield::Executed) {
                    left = ROUNDS;
                } else {
                    (0..PAUSES).for_each(|_| std::hint::spin_loop());
                    std::thread::yield_now();
                    left -= 1;
                }
            }
        });
    }

    /// Ends the waiting, also where the work panics.
    struct End<'a>(&'a AtomicBool);

    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }

    /// What was before, also after a panic.
    struct Before(bool);

    impl Drop for Before {
        fn drop(&mut self) {
            TAKES_PART.set(self.0);
        }
    }
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    use rayon::prelude::*;
    use rayon::{ThreadPool, ThreadPoolBuilder};

    use super::*;

    fn pool(threads: usize) -> ThreadPool {
        ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
    }

    #[test]
    fn what_is_shared_runs_in_the_pool_and_the_rest_here() {
        let place = rayon::current_thread_index;
        assert!(enter(true, place).is_some());
        assert!(enter(false, place).is_none());
        assert!(together(2, place).is_some());
        assert!(together(1, place).is_none());
        // Who is inside stays on the thread.
        assert!(enter(true, || enter(true, place) == place() && enter(false, place) == place()));
    }

    #[test]
    fn work_is_together_from_its_beginning_to_its_end() {
        let inside = || (together(1, is_together), together(3, is_together), is_together());
        let all = || (is_together(), together(3, inside), together(1, is_together), is_together());
        assert_eq!(pool(3).install(all), (false, (true, true, true), false, false));
        let mut parts = [false; 2];
        let [left, right] = &mut parts;
        pool(2).install(|| together(2, || join(|| *left = is_together(), || *right = is_together(), false)));
        assert_eq!(parts, [true; 2]);
    }

    #[test]
    fn a_panic_ends_the_waiting() {
        let pool = pool(3);
        for depth in [1, 2] {
            let work = || if depth == 1 { panic!("here") } else { join(|| (), || panic!("beside"), false) };
            let panic = || pool.install(|| together(3, work));
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panic)).is_err());
            assert_eq!(pool.broadcast(|_| is_together()), [false; 3]);
        }
    }

    #[test]
    fn many_at_once_and_inside_of_each_other_come_to_an_end() {
        fn sum(numbers: std::ops::Range<u64>) -> u64 {
            let half = numbers.start.midpoint(numbers.end);
            if half == numbers.start {
                return numbers.sum();
            }
            let (mut left, mut right) = (0, 0);
            let has_parts = numbers.end - half > 1;
            join(|| left = sum(numbers.start..half), || right = sum(half..numbers.end), has_parts);
            left + right
        }
        for threads in [1, 2, 3, 8] {
            let each = |n| {
                together(threads, || {
                    sum(0..n) + (0..3_u64).into_par_iter().map(|_| together(4, || sum(0..n))).sum::<u64>()
                })
            };
            let sums: Vec<_> = pool(threads).install(|| (0..100).into_par_iter().map(each).collect());
            let expected: Vec<_> = (0..100).map(|n| 4 * (0..n).sum::<u64>()).collect();
            assert_eq!(sums, expected);
        }
    }
}
