//! The position of a training, for checkpoints.

use std::fmt;

use super::History;
use super::early_stopping::Kept;
use super::tally::Tally;

/// How far a trainer has come.
#[derive(Debug, Default)]
pub(crate) struct Progress<T> {
    /// Steps of the optimizer so far; a schedule by steps goes by it.
    pub(crate) steps: u64,
    /// Forward passes of training so far; dropout goes by it.
    pub(crate) passes: u64,
    /// All epochs so far; a schedule by epochs and shuffling go by how many there are.
    pub(crate) history: History,
    /// A training that was read from a file, for `fit` to go on with.
    pub(crate) resumed: Option<Resumed<T>>,
}

impl<T> Progress<T> {
    /// How many epochs there were, which is the number of the one that comes.
    pub(crate) fn epoch_number(&self) -> usize {
        self.history.epochs.len()
    }
}

/// How far a [`Trainer::fit`](crate::Trainer::fit) has come.
#[derive(Debug)]
pub(crate) struct Run<T> {
    /// The epochs of the trainer before it, those of earlier calls.
    pub(crate) first: usize,
    /// How many samples of the epoch it has gone through: its place in the shuffled data.
    pub(crate) samples: usize,
    /// Losses and hits of the epoch so far.
    pub(crate) tally: Option<Tally>,
    /// How long the epoch has taken so far.
    pub(crate) seconds: f64,
    /// The best of its epochs so far.
    pub(crate) best: Option<Kept<T>>,
}

impl<T> Run<T> {
    /// At the beginning, behind so many epochs.
    pub(crate) fn new(first: usize) -> Self {
        Self { first, samples: 0, tally: None, seconds: 0.0, best: None }
    }
}

/// The settings on which the order of the samples depends. A training that goes on must have them as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) samples: usize,
    pub(crate) batch: usize,
    pub(crate) accumulation: usize,
    pub(crate) seed: u64,
    pub(crate) shuffle: bool,
    pub(crate) drop_last: bool,
}

impl Plan {
    /// The samples of an epoch.
    pub(crate) fn used(&self) -> usize {
        if self.drop_last { self.samples - self.samples % self.batch } else { self.samples }
    }

    /// The samples of a step.
    pub(crate) fn group(&self) -> usize {
        self.batch.saturating_mul(self.accumulation)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, batch, accumulation, seed, shuffle, drop_last } = self;
        let order = if *shuffle { "shuffled" } else { "in order" };
        write!(f, "{samples} samples {order} by seed {seed}, steps of {accumulation} times {batch} of them")?;
        f.write_str(if *drop_last { ", without what fills no batch" } else { "" })
    }
}

/// A training that was read from a file, and waits for [`Trainer::fit`](crate::Trainer::fit).
#[derive(Debug)]
pub(crate) struct Resumed<T> {
    pub(crate) path: String,
    pub(crate) plan: Plan,
    pub(crate) run: Run<T>,
}
