//! The batches of an epoch, gathered one after another.
//!
//! Samples are drawn from anywhere in the data, and to wait for memory takes most of the time that gathering them takes.
//! Where data is larger than the caches and several threads may be used, of which a step needs only one, another does
//! nothing but gather the batches that come next. The order is the same, and so are the bits.
//!
//! To wake a thread takes several microseconds, and a small model makes a step in a hundred. So small batches are given
//! back a few at a time, and the other thread wakes up for that many.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope};

use super::Dataset;
use super::dataset::Batch;
use crate::{Parallelism, Scalar};

/// From so many bytes of inputs on they do not stay in the caches between epochs.
const LARGE: usize = 32 << 20;

/// The other thread shares nothing.
const ALONE: Parallelism = Parallelism::Threads(1);

/// The bytes of all batches that are gathered ahead, if more than two.
const AHEAD: usize = 4 << 20;

/// Where batches come from.
pub(super) enum Batches<T> {
    /// They are gathered when they are asked for.
    Here(Here<T>),
    /// Another thread gathers them.
    Ahead(Ahead<T>),
}

/// What this thread gathers, with others where it is much.
pub(super) struct Here<T> {
    /// The memory of the next batch.
    pub(super) spare: Batch<T>,
    parallelism: Parallelism,
}

/// This thread's end of the way to another one and back, on which two groups of batches go round.
pub(super) struct Ahead<T> {
    gathered: Receiver<Batch<T>>,
    used: SyncSender<Batch<T>>,
    returned: Vec<Batch<T>>,
    group: usize,
}

impl<T: Scalar> Batches<T> {
    /// Whether another thread pays, of those that there are and that a step keeps busy.
    pub(super) fn pay_a_thread(data: &Dataset<'_, T>, threads: usize, busy: usize) -> bool {
        data.inputs().bytes() >= LARGE && threads > 1 && busy == 1
    }

    /// Gathers batches when they are asked for, on so many threads, in this memory.
    pub(super) fn here(spare: Batch<T>, parallelism: Parallelism) -> Self {
        Self::Here(Here { spare, parallelism })
    }

    /// Gathers these batches on another thread, or where there can be none, on this one.
    pub(super) fn ahead<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        data: &'env Dataset<'env, T>,
        plan: impl Iterator<Item = &'env [usize]> + Clone + Send + 'scope,
    ) -> Self {
        let sample = data.inputs().shape().len() / data.len() * size_of::<T>();
        let largest = plan.clone().next().map_or(1, <[usize]>::len) * sample;
        let group = (AHEAD / 2 / largest.max(1)).clamp(1, 4);
        let (to_here, gathered) = sync_channel(2 * group);
        let (used, from_here) = sync_channel(2 * group);
        let gather = move || {
            for samples in plan {
                // The other end is gone where an epoch ends early.
                let Ok(mut batch): Result<Batch<T>, _> = from_here.recv() else { return };
                batch.fill(data, samples, ALONE);
                if to_here.send(batch).is_err() {
                    return;
                }
            }
        };
        if Builder::new().name("taper-gather".into()).spawn_scoped(scope, gather).is_err() {
            return Self::here(Batch::default(), ALONE);
        }
        for _ in 0..2 * group {
            used.send(Batch::default()).expect("the channel has room for all of them");
        }
        Self::Ahead(Ahead { gathered, used, returned: Vec::with_capacity(group), group })
    }

    /// The next batch: these samples.
    pub(super) fn take(&mut self, data: &Dataset<'_, T>, samples: &[usize]) -> Batch<T> {
        match self {
            Self::Here(Here { spare, parallelism }) => {
                let mut batch = std::mem::take(spare);
                batch.fill(data, samples, *parallelism);
                batch
            }
            Self::Ahead(ahead) => ahead.gathered.recv().expect("the other thread gathers every batch"),
        }
    }

    /// Gives a batch's memory back.
    pub(super) fn put_back(&mut self, batch: Batch<T>) {
        match self {
            Self::Here(here) => here.spare = batch,
            Self::Ahead(Ahead { used, returned, group, .. }) => {
                returned.push(batch);
                if returned.len() == *group {
                    // The other thread may be through with its plan, and gone.
                    returned.drain(..).for_each(|batch| drop(used.send(batch)));
                }
            }
        }
    }
}
