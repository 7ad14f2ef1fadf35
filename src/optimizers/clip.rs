//! Gradients kept within a limit.

use crate::{Error, Result, Scalar};

/// A limit for gradients, before the rule sees them; for [`Optimizer::with_clip`](super::Optimizer::with_clip).
///
/// ```text
/// Value: g ← min(max(g, −limit), limit)        Norm, GlobalNorm: g ← g·min(1, limit/‖g‖)
/// ```
///
/// ‖g‖ is the Euclidean norm of the parameter's gradient, or of all gradients together; those of frozen parameters do not count.
/// PyTorch's `clip_grad_value_` and `clip_grad_norm_`, Keras's `clipvalue`, `clipnorm` and `global_clipnorm`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Clip {
    /// Each element is brought between −limit and limit. Keras's `clipvalue`.
    Value(f64),
    /// The gradient of each parameter that is longer than this is scaled to this length. Keras's `clipnorm`.
    Norm(f64),
    /// All gradients together, where they are longer than this, are scaled to this length. PyTorch's `clip_grad_norm_`.
    GlobalNorm(f64),
}

impl Clip {
    /// Whether a gradient has to be known as a whole.
    pub(crate) fn is_by_norm(self) -> bool {
        matches!(self, Self::Norm(_) | Self::GlobalNorm(_))
    }
}

/// The norm of all gradients from the sum of their squares.
pub(super) fn finite_norm(square: f64) -> Result<f64> {
    if square.is_finite() {
        return Ok(square.sqrt());
    }
    Err(Error::NotFinite { what: "norm of the gradients".into(), got: square.sqrt() })
}

/// By what a gradient of this norm is multiplied to be no longer than the limit.
pub(super) fn scale_within(limit: f64, norm: f64) -> f64 {
    if norm > limit { limit / norm } else { 1.0 }
}

/// The Euclidean length, summed in double precision in a fixed order: sixteen running sums, then their sum.
pub(super) fn norm<T: Scalar>(values: &[T]) -> f64 {
    let mut sums = [0.0; 16];
    for chunk in values.chunks(16) {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            let value = value.as_f64();
            *sum += value * value;
        }
    }
    sums.iter().sum::<f64>().sqrt()
}
