//! The mean absolute percentage error.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use crate::Scalar;

/// Mean absolute error in percent of the target: Keras's `MeanAbsolutePercentageError`.
///
/// ```text
/// loss = 100·|output − target|/s        ∂loss/∂output = ±100/s, and 0 at the target        s = max(|target|, 1e-7)
/// ```
///
/// By default the mean over all elements. A target near 0 outweighs all others.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{Loss, MeanAbsolutePercentageError}};
///
/// let (outputs, target) = (Tensor::from([[1.5, 2.0]]), Tensor::from([[1.0, -4.0]]));
/// let loss = MeanAbsolutePercentageError::new().forward(outputs.view(), (&target).into())?;
/// assert_eq!(loss, (50.0 + 150.0) / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MeanAbsolutePercentageError {
    reduction: Reduction,
}

impl MeanAbsolutePercentageError {
    /// The loss with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    with_reduction!();
}

/// By what a difference is multiplied to be a percentage of the target.
fn percent<T: Scalar>(target: T) -> T {
    T::of(100.0) / target.abs().max(T::of(1e-7))
}

impl<T: Scalar> Elementwise<T> for MeanAbsolutePercentageError {
    const KIND: &'static str = "mean_absolute_percentage_error";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        percent(target) * (output - target).abs()
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        let difference = output - target;
        if difference == T::zero() { T::zero() } else { percent(target) * difference.signum() }
    }
}

loss_of_elements!(MeanAbsolutePercentageError);
