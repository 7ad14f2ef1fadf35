//! In which numbers a training multiplies.

use crate::kernels::Parallelism;
use crate::layers::{Layer, Rounded};
use crate::{Error, Result, Scalar, Sequential};

/// In which numbers the products of a training are; for [`Trainer::with_precision`](crate::Trainer::with_precision).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Precision {
    /// Those of the model: `f32` or `f64`.
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

/// The copies of weights in bf16 of a training, one for each parameter, most of which have none. The model has them in a step and at no
/// other time.
#[derive(Default)]
pub(super) struct Copies(Vec<Rounded>);

impl Copies {
    /// Lends them to the model. Those that a step has written, and nobody has made out of date, are up to date already.
    pub(super) fn lend<T: Scalar>(&mut self, model: &mut Sequential<T>, parallelism: Parallelism) {
        let mut index = 0;
        model.params_mut(&mut |param| {
            if index == self.0.len() {
                self.0.push(Rounded::default());
            }
            param.lend_copy(&mut self.0[index], parallelism);
            index += 1;
        });
    }

    pub(super) fn take_back<T: Scalar>(&mut self, model: &mut Sequential<T>) {
        let mut copies = self.0.iter_mut();
        model.params_mut(&mut |param| copies.next().into_iter().for_each(|copy| param.give_back_copy(copy)));
    }
}
