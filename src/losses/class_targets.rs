//! Targets of class indices: which fit, which are left out, and what each weighs.

use super::loss::{class_rows_of, no_divisor, scale_of, scale_of_weights};
use super::target::Target;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape};

/// The settings of a loss of class indices.
#[derive(Debug, Clone, Default)]
pub(super) struct ClassTargets {
    weights: Option<Vec<f64>>,
    ignored: Option<usize>,
}

impl ClassTargets {
    pub(super) fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    pub(super) fn ignored(&self) -> Option<usize> {
        self.ignored
    }

    /// One weight for each class. Negative ones are the user's affair: they turn the loss of a class around.
    pub(super) fn set_weights(&mut self, weights: &[f64]) -> Result<()> {
        if !weights.iter().all(|weight| weight.is_finite()) {
            return Err(Error::setting("class_weights", "finite numbers", format!("{weights:?}")));
        }
        self.weights = Some(weights.to_vec());
        Ok(())
    }

    pub(super) fn set_ignored(&mut self, index: usize) {
        self.ignored = Some(index);
    }

    pub(super) fn ignores(&self, class: usize) -> bool {
        Some(class) == self.ignored
    }

    pub(super) fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    pub(super) fn weight<T: Scalar>(&self, class: usize) -> T {
        self.weights.as_ref().map_or(T::one(), |weights| T::of(weights[class]))
    }

    /// Whether there is a weight for each class. `what` names the weights and the loss.
    pub(super) fn check_weights(&self, what: &'static str, classes: usize) -> Result<()> {
        match &self.weights {
            Some(weights) if weights.len() != classes => {
                Err(Error::Length { what: what.into(), expected: classes, got: weights.len() })
            }
            _ => Ok(()),
        }
    }

    /// Whether there is an index for each row of the outputs, and each is a class or ignored. `what` names the target and
    /// the loss.
    pub(super) fn check(&self, what: &'static str, indices: &[usize], outputs: Shape) -> Result<()> {
        let classes = class_rows_of(outputs)?;
        let rows = outputs.len() / classes;
        if indices.len() != rows {
            if outputs.rank() > 2 && outputs.axes()[0] == indices.len() {
                return Err(Error::Shape {
                    what,
                    expected: format!("of a class for each of the {rows} rows of outputs {outputs}"),
                    got: indices.len().to_string(),
                    hint: "for one class a sample, put a flatten before the dense layers",
                });
            }
            return Err(Error::Length { what: what.into(), expected: rows, got: indices.len() });
        }
        match indices.iter().position(|&class| class >= classes && !self.ignores(class)) {
            Some(sample) => Err(Error::Class { sample, classes, got: indices[sample] }),
            None => Ok(()),
        }
    }

    /// The sum of the weights of these classes, without what is ignored.
    pub(super) fn sum_of_weights(&self, indices: &[usize]) -> f64 {
        let weight = |class: usize| match &self.weights {
            None => 1.0,
            Some(weights) => weights.get(class).copied().unwrap_or_default(),
        };
        indices.iter().filter(|&&class| !self.ignores(class)).map(|&class| weight(class)).sum()
    }

    /// What gradients are multiplied by for a divisor that is a sum of weights; `None` where nothing counts, which then
    /// needs none.
    pub(super) fn scale<T: Scalar>(
        &self,
        divisor: f64,
        counts_at_all: impl FnOnce() -> bool,
    ) -> Result<Option<T>> {
        let is_negative = |weights: &Vec<f64>| weights.iter().any(|&weight| weight < 0.0);
        let has_negative = self.weights.as_ref().is_some_and(is_negative);
        let scale = if has_negative { scale_of_weights(divisor)? } else { scale_of(divisor)? };
        if scale.is_some() || !counts_at_all() {
            return Ok(scale);
        }
        let expected = if has_negative {
            "target classes whose weights, which the mean is divided by, do not add up to 0"
        } else {
            "target classes whose weights, which the mean is divided by, add up to more than 0"
        };
        Err(if self.weights.is_some() {
            Error::setting("class_weights", expected, divisor)
        } else {
            no_divisor(divisor)
        })
    }
}

/// The class indices, for a loss that takes nothing else.
pub(super) fn indices<'a, T: Scalar>(by: &'static str, target: Target<'a, T>) -> Result<&'a [usize]> {
    match target {
        Target::Classes(indices) => Ok(indices),
        Target::Values(_) => Err(Error::Target { by, expected: "class indices", got: "values" }),
    }
}
