//! The hinge loss: outputs on the right side of a margin cost nothing.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use super::target::Target;
use crate::getters::getters;
use crate::{Result, Scalar, Shape};

/// Hinge of each output: scores on the right side of a margin cost nothing. Keras's `Hinge` and `SquaredHinge`.
///
/// For a score x and a target t that is −1 or 1:
///
/// ```text
/// loss = max(1 − t·x, 0)           ∂loss/∂x = −t, and 0 where 1 − t·x ≤ 0
/// loss = max(1 − t·x, 0)²          ∂loss/∂x = −2·t·max(1 − t·x, 0)            squared
/// ```
///
/// By default the mean over all elements. Keras also takes 0 for −1: here the targets have to say what they mean.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{Hinge, Loss}};
///
/// let (outputs, target) = (Tensor::from([[2.0, 0.5]]), Tensor::from([[1.0, -1.0]]));
/// assert_eq!(Hinge::new().forward(outputs.view(), (&target).into())?, (0.0 + 1.5) / 2.0);
/// assert_eq!(Hinge::new().squared().forward(outputs.view(), (&target).into())?, (0.0 + 2.25) / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Hinge {
    squared: bool,
    reduction: Reduction,
}

impl Hinge {
    /// The loss with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Squares each loss.
    #[must_use]
    pub fn squared(mut self) -> Self {
        self.squared = true;
        self
    }

    with_reduction!();

    getters! {
        /// Whether what is missing to the margin is squared.
        is_squared: bool = |this| this.squared;
    }
}

impl<T: Scalar> Elementwise<T> for Hinge {
    const KIND: &'static str = "hinge";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        let short = T::one() - target * output;
        // Not `max`, which would turn NaN into 0.
        let short = if short < T::zero() { T::zero() } else { short };
        if self.squared { short * short } else { short }
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        let short = T::one() - target * output;
        if short <= T::zero() {
            T::zero()
        } else if self.squared {
            -T::of(2.0) * short * target
        } else {
            -target
        }
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_signs("hinge", outputs)
    }
}

loss_of_elements!(Hinge);
