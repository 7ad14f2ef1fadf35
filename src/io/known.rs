//! The layers that a file may have, and how each is made.

use alloc::sync::Arc;

use super::Verdict;
use super::json::Object;
use super::parameters::Parameters;
use crate::layers::stored::Kind;
use crate::layers::{Layer, Settings};
use crate::prelude::*;
use crate::{Result, Scalar};

/// The layers that a file may have.
#[derive(Clone)]
pub(super) struct Known<T: Scalar> {
    /// Of those of this crate.
    pub(super) kinds: Vec<Kind<T>>,
    /// Makes a layer with models inside, where there may be such.
    pub(super) inside: Option<Inside<T>>,
    /// Those of one's own.
    makers: Vec<(String, Arc<Maker<T>>)>,
}

/// Makes a layer of its settings.
pub(super) type Maker<T> = dyn Fn(&Settings) -> Result<Box<dyn Layer<T>>> + Send + Sync;

/// Makes a layer of an entry of this name that has models inside, so many deep at most.
pub(super) type Inside<T> =
    fn(&Object<'_>, &str, usize, &mut Parameters<'_>, &Known<T>) -> Verdict<Box<dyn Layer<T>>>;

impl<T: Scalar> Known<T> {
    pub(super) fn of(kinds: Vec<Kind<T>>, inside: Option<Inside<T>>) -> Self {
        Self { kinds, inside, makers: Vec::new() }
    }

    /// Makes layers of this kind so.
    pub(super) fn add(&mut self, kind: &str, make: Arc<Maker<T>>) {
        self.makers.push((kind.to_owned(), make));
    }

    pub(super) fn maker(&self, kind: &str) -> Option<&Maker<T>> {
        self.makers.iter().find(|(known, _)| known == kind).map(|(_, make)| &**make)
    }

    /// The kinds of one's own.
    pub(super) fn own(&self) -> impl Iterator<Item = &str> {
        self.makers.iter().map(|(kind, _)| &**kind)
    }
}

/// Whether a layer of this kind has models inside.
pub(super) fn has_models(kind: &str) -> bool {
    ["sequential", "branches"].contains(&kind)
}

/// Whether a layer of this kind is one of this crate's.
pub(super) fn is_own(kind: &str) -> bool {
    has_models(kind) || crate::layers::kinds::is_kind(kind)
}
