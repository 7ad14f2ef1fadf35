//! The model of a trainer: somebody's, or its own.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::{Scalar, Sequential};

/// A model, borrowed or owned.
pub(crate) enum Model<'m, T: Scalar> {
    Borrowed(&'m mut Sequential<T>),
    Owned(Box<Sequential<T>>),
}

impl<T: Scalar> Model<'_, T> {
    /// The model that is owned, or a copy of the borrowed one.
    pub(super) fn into_owned(self) -> Sequential<T> {
        match self {
            Self::Borrowed(model) => model.clone(),
            Self::Owned(model) => *model,
        }
    }
}

impl<T: Scalar> Deref for Model<'_, T> {
    type Target = Sequential<T>;

    fn deref(&self) -> &Sequential<T> {
        match self {
            Self::Borrowed(model) => model,
            Self::Owned(model) => model,
        }
    }
}

impl<T: Scalar> DerefMut for Model<'_, T> {
    fn deref_mut(&mut self) -> &mut Sequential<T> {
        match self {
            Self::Borrowed(model) => model,
            Self::Owned(model) => model,
        }
    }
}

impl<T: Scalar> fmt::Debug for Model<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
