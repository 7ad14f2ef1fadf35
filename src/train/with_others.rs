//! A trainer that is one of several.

use super::group::Group;
use super::{Communicator, Trainer};
use crate::Scalar;

impl<T: Scalar> Trainer<'_, T> {
    /// Trains on several machines, or processes: each has a trainer like this one, of the same model, data and settings, and takes its
    /// part of every batch. See [`Communicator`] for what is the same on all of them.
    ///
    /// The trainer owns the communicator: one that it borrowed would keep a borrowed model from being read until the trainer is dropped.
    #[must_use]
    pub fn with_communicator(mut self, communicator: impl Communicator + 'static) -> Self {
        self.group = Some(Group::new(Box::new(communicator)));
        self
    }
}
