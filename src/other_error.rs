//! An error that is not this crate's, kept whole.

use alloc::sync::Arc;
use core::error::Error;

use crate::prelude::*;

/// What a part of a user's own returned. Copies share it.
#[derive(Debug, Clone)]
pub struct OtherError(Arc<dyn Error + Send + Sync>);

impl OtherError {
    pub(crate) fn new(error: Box<dyn Error + Send + Sync>) -> Self {
        Self(error.into())
    }

    /// The error, to be told from others by its type.
    pub(crate) fn get(&self) -> &(dyn Error + 'static) {
        &*self.0
    }
}

impl PartialEq for OtherError {
    /// What it is cannot be compared: an error equals its copies.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
