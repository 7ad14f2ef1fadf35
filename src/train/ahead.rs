//! Batches made one after the other, ahead of the steps that use them where making them takes time.
//!
//! Makers, threads of their own for the time of an epoch, take the next batch that nobody has begun and a piece of memory that is
//! free; who needs a batch that is not there yet makes one meanwhile. What a batch holds follows from its samples alone, and
//! they are used in their order: the bits do not depend on who made what. A batch is begun before all that come after it, so
//! who waits for one waits for somebody who is making it, and not for memory.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::batch::{Batch, Recipe};
use super::share::Batches;
use crate::kernels::at_work;
use crate::{Parallelism, Result, Scalar};

/// Calls `work` with these batches; `spare` is memory for them that is kept.
pub(super) fn with_batches<T: Scalar, R>(
    mut recipe: Recipe<'_, '_, T>,
    batches: Batches<'_>,
    spare: &mut Vec<Batch<T>>,
    work: impl FnOnce(&Ahead<'_, '_, T>) -> Result<R>,
) -> Result<R> {
    let most = batches.len().saturating_sub(1);
    let makers = if recipe.takes_time() { recipe.parallelism.makers().min(most) } else { 0 };
    if makers > 0 {
        recipe.parallelism = Parallelism::Threads(1);
    }
    // One that is used, one for each maker, and one that waits.
    let memory = if makers > 0 { makers + 2 } else { 1 };
    spare.resize_with(spare.len().max(memory), Batch::default);
    let free = spare.drain(..memory).collect();
    let state = Mutex::new(State { next: 0, free, made: Vec::new(), is_over: false });
    let ahead = Ahead { recipe, batches, state, changed: Condvar::new() };
    let result = thread::scope(|scope| {
        let _over = Over(&ahead);
        for _ in 0..makers {
            // Where there is no thread to be had, there are fewer.
            let maker = thread::Builder::new().name("taper samples".into());
            if maker.spawn_scoped(scope, || ahead.make_all()).is_err() {
                break;
            }
        }
        work(&ahead)
    });
    let mut state = ahead.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    spare.append(&mut state.free);
    result
}

/// The batches of a run of samples, or a rank's part of each.
pub(super) struct Ahead<'a, 'd, T: Scalar> {
    recipe: Recipe<'a, 'd, T>,
    batches: Batches<'a>,
    state: Mutex<State<T>>,
    /// There is another batch, free memory, or an end.
    changed: Condvar,
}

struct State<T> {
    /// The first batch that nobody has begun.
    next: usize,
    free: Vec<Batch<T>>,
    made: Vec<(usize, Made<T>)>,
    /// Nobody begins another.
    is_over: bool,
}

/// A batch, an error, or a panic of somebody's own code.
type Made<T> = thread::Result<Result<Batch<T>>>;

impl<T: Scalar> Ahead<'_, '_, T> {
    /// The batch of this number; they are asked for in order. While it is not there, this thread makes what nobody has begun.
    pub(super) fn take(&self, number: usize) -> Result<Batch<T>> {
        let mut state = self.lock();
        loop {
            if let Some(place) = state.made.iter().position(|&(made, _)| made == number) {
                return state.made.swap_remove(place).1.unwrap_or_else(|panic| resume_unwind(panic));
            }
            state = match self.begin(&mut state) {
                Some((number, batch)) => {
                    drop(state);
                    self.make(number, batch);
                    self.lock()
                }
                None => self.wait(state),
            };
        }
    }

    /// Gives memory back.
    pub(super) fn give_back(&self, batch: Batch<T>) {
        self.lock().free.push(batch);
        self.changed.notify_all();
    }

    /// What a maker does until all is begun, or it is over.
    fn make_all(&self) {
        let mut state = self.lock();
        while !self.is_over(&state) {
            state = match self.begin(&mut state) {
                Some((number, batch)) => {
                    drop(state);
                    at_work(|| self.make(number, batch));
                    self.lock()
                }
                None => self.wait(state),
            };
        }
    }

    /// The number of the next batch and memory for it, where there are both.
    fn begin(&self, state: &mut State<T>) -> Option<(usize, Batch<T>)> {
        let batch = if self.is_over(state) { None } else { state.free.pop() }?;
        state.next += 1;
        Some((state.next - 1, batch))
    }

    fn make(&self, number: usize, mut batch: Batch<T>) {
        let samples = self.batches.get(number);
        let made = catch_unwind(AssertUnwindSafe(|| batch.fill(&self.recipe, samples)));
        let mut state = self.lock();
        state.is_over |= !matches!(made, Ok(Ok(())));
        state.made.push((number, made.map(|filled| filled.map(|()| batch))));
        drop(state);
        self.changed.notify_all();
    }

    fn is_over(&self, state: &State<T>) -> bool {
        state.is_over || state.next == self.batches.len()
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State<T>>) -> MutexGuard<'s, State<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the makers home, also where the work panics.
struct Over<'a, 'b, 'd, T: Scalar>(&'a Ahead<'b, 'd, T>);

impl<T: Scalar> Drop for Over<'_, '_, '_, T> {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.changed.notify_all();
    }
}
