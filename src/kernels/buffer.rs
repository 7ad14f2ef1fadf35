//! Memory for parameters.

use std::ops::{Deref, DerefMut};

use super::Element;

/// A run of numbers of fixed length.
#[derive(Debug, Clone)]
pub(crate) struct Buffer<T> {
    values: Vec<T>,
}

impl<T: Element> Buffer<T> {
    /// Zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self { values: vec![T::zero(); len] }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.values
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values
    }
}
