//! The mean absolute error.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use crate::Scalar;

/// Mean absolute error: PyTorch's `L1Loss`, Keras's `MeanAbsoluteError`.
///
/// ```text
/// loss = |output − target|        ∂loss/∂output = ±1, and 0 at the target
/// ```
///
/// By default the mean over all elements.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{Loss, MeanAbsoluteError}};
///
/// let (outputs, target) = (Tensor::from([[1.0, 2.0]]), Tensor::from([[0.0, 4.0]]));
/// assert_eq!(MeanAbsoluteError::new().forward(outputs.view(), (&target).into())?, 1.5);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MeanAbsoluteError {
    reduction: Reduction,
}

impl MeanAbsoluteError {
    /// The loss with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    with_reduction!();
}

impl<T: Scalar> Elementwise<T> for MeanAbsoluteError {
    const KIND: &'static str = "mean_absolute_error";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        (output - target).abs()
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        let difference = output - target;
        if difference == T::zero() { T::zero() } else { difference.signum() }
    }
}

loss_of_elements!(MeanAbsoluteError);
