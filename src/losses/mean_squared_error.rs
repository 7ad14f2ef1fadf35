//! The mean squared error.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use crate::Scalar;

/// Mean squared error: PyTorch's `MSELoss`, Keras's `MeanSquaredError`.
///
/// ```text
/// loss = (output − target)²        ∂loss/∂output = 2·(output − target)
/// ```
///
/// By default the mean over all elements.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{Loss, MeanSquaredError}};
///
/// let (outputs, target) = (Tensor::from([[1.0, 2.0]]), Tensor::from([[0.0, 4.0]]));
/// assert_eq!(MeanSquaredError::new().forward(outputs.view(), (&target).into())?, 2.5);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MeanSquaredError {
    reduction: Reduction,
}

impl MeanSquaredError {
    /// The loss with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    with_reduction!();
}

impl<T: Scalar> Elementwise<T> for MeanSquaredError {
    const KIND: &'static str = "mean_squared_error";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        (output - target) * (output - target)
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        T::of(2.0) * (output - target)
    }
}

loss_of_elements!(MeanSquaredError);
