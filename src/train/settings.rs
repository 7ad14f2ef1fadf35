//! What a trainer is told.

use super::precision::Precision;
use super::run::Plan;
use crate::Parallelism;

/// What a trainer is told, apart from what it works on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) batch: usize,
    pub(crate) accumulation: usize,
    pub(crate) drop_last: bool,
    pub(crate) seed: u64,
    pub(crate) allow_not_finite: bool,
    pub(crate) parallelism: Parallelism,
    pub(crate) precision: Precision,
    pub(crate) synchronized_batch_norm: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch: 32,
            accumulation: 1,
            drop_last: false,
            seed: 0,
            allow_not_finite: false,
            parallelism: Parallelism::default(),
            precision: Precision::default(),
            synchronized_batch_norm: false,
        }
    }
}

impl Settings {
    /// In which order so many samples are taken.
    pub(super) fn plan(self, samples: usize, shuffle: bool) -> Plan {
        let Self { batch, accumulation, drop_last, seed, .. } = self;
        Plan { samples, batch, accumulation, seed, shuffle, drop_last }
    }
}
