//! A loss of some of the outputs.

use alloc::sync::Arc;
use core::fmt;

use super::loss::Loss;
use super::target::Target;
use crate::prelude::*;
use crate::{Error, Result, Scalar, TensorView};

/// One loss of [`Slices`](super::Slices), and what it is of: [`Slices::slices`](super::Slices::slices) tells all of them.
#[derive(Clone)]
pub struct Slice<T: Scalar> {
    name: String,
    outputs: usize,
    is_classes: bool,
    weight: f64,
    loss: Arc<dyn Loss<T>>,
}

impl<T: Scalar> Slice<T> {
    /// One that weighs 1.
    pub(super) fn new(name: &str, outputs: usize, is_classes: bool, loss: Arc<dyn Loss<T>>) -> Self {
        Self { name: name.to_owned(), outputs, is_classes, weight: 1.0, loss }
    }

    pub(super) fn set_weight(&mut self, weight: f64) {
        self.weight = weight;
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many outputs it has.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Whether its target is a class.
    #[must_use]
    pub fn is_classes(&self) -> bool {
        self.is_classes
    }

    /// What its loss is multiplied by.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Its loss.
    #[must_use]
    pub fn loss(&self) -> &dyn Loss<T> {
        &*self.loss
    }

    /// How many columns its target has.
    pub(super) fn columns(&self) -> usize {
        if self.is_classes { 1 } else { self.loss.target_columns(self.outputs).max(1) }
    }

    /// The class that a number stands for; 0 where the target is no class.
    pub(super) fn class(&self, value: T, sample: usize) -> Result<usize> {
        if !self.is_classes {
            return Ok(0);
        }
        let number = value.as_f64();
        // Up to here every whole number is one of each type.
        if number >= 0.0 && number.fract() == 0.0 && number <= f64::from(1 << 24) {
            return Ok(number as usize);
        }
        let expected = "the number of a class, whole and at least 0";
        Err(Error::TargetValue { sample, expected, got: number }.in_data(self.label()))
    }

    pub(super) fn target<'a>(&self, class: &'a [usize], columns: &'a [T]) -> Target<'a, T> {
        if self.is_classes {
            return Target::Classes(class);
        }
        let values = &columns[..self.columns()];
        Target::Values(TensorView::trusted([1, values.len()].into(), values))
    }

    pub(super) fn label(&self) -> String {
        format!("slice `{}`", self.name)
    }
}

impl<T: Scalar> fmt::Debug for Slice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_classes { "classes" } else { "values" };
        write!(f, "`{}`, {} {kind}, {} · {:?}", self.name, self.outputs, self.weight, self.loss)
    }
}
