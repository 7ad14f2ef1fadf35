//! In which numbers a training multiplies.

use std::sync::Arc;

use crate::kernels::Parallelism;
use crate::layers::Layer;
use crate::{Error, Result, Scalar, Sequential};

/// In which numbers the products of a training are; for [`Trainer::with_precision`](crate::Trainer::with_precision).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Those of the model.
    #[default]
    Full,
    /// bf16, the upper half of an `f32`, in the products of dense layers: forward, and the gradients of inputs and weights. What is
    /// multiplied is rounded to the nearest; products are exact, and sums are in `f32`. So are weights, losses, gradients, what an
    /// optimizer remembers, and everything that other layers do.
    Bf16,
}

impl Precision {
    /// As checkpoints call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Bf16 => "bf16",
        }
    }

    /// # Errors
    /// [`Error::Setting`] for bf16 in a model of `f64`.
    pub(super) fn check<T: Scalar>(self) -> Result<()> {
        if self == Self::Full || T::NAME == "f32" {
            return Ok(());
        }
        Err(Error::setting("precision", "`Precision::Full` for a model of f64", "`Precision::Bf16`"))
    }
}

/// The copies of weights in bf16 of a training: they lie beside the weights, and count as long as this is there.
#[derive(Debug, Default)]
pub(super) struct Copies(Arc<()>);

impl Copies {
    /// Brings them up to date. Those that a step has moved are so already.
    pub(super) fn keep<T: Scalar>(&self, model: &mut Sequential<T>, parallelism: Parallelism) {
        let mut is_wanted = false;
        model.params(&mut |param| is_wanted |= param.wants_copy());
        // Only then, for who gets hold of parameters to change them makes the model look at them.
        if is_wanted {
            model.params_mut(&mut |param| param.keep_copy(&self.0, parallelism));
        }
    }
}

/// Makes all copies out of date: until the next step, passes that are made by hand are of the weights as they are.
pub(super) fn outdate_copies<T: Scalar>(model: &mut Sequential<T>) {
    let mut has_any = false;
    model.params(&mut |param| has_any |= param.has_copy());
    if has_any {
        // Who gets hold of the numbers could have changed them.
        model.params_mut(&mut |param| {
            param.buffer_mut();
        });
    }
}

/// Gives the memory of copies back.
pub(super) fn forget_copies<T: Scalar>(model: &mut Sequential<T>) {
    let mut has_any = false;
    model.params(&mut |param| has_any |= param.holds_copy());
    if has_any {
        model.params_mut(&mut |param| param.forget_copy());
    }
}
