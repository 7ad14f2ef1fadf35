//! The mean squared error.

use super::elementwise::{self, Elementwise};
use super::loss::{Loss, Reduction, Target, of_whole_batches};
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// (output − target)², by default the mean over all elements.
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

    /// Reduces by the sum instead of the mean, or the mean again.
    #[must_use]
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

impl<T: Scalar> Elementwise<T> for MeanSquaredError {
    fn value(&self, _: usize, output: T, target: T) -> T {
        (output - target) * (output - target)
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        T::of(2.0) * (output - target)
    }
}

impl<T: Scalar> Loss<T> for MeanSquaredError {
    fn kind(&self) -> &'static str {
        "mean_squared_error"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        elementwise::each(self, outputs, target.values("mean_squared_error", outputs)?)
    }

    fn divisor(&self, target: Target<'_, T>) -> Option<f64> {
        self.reduction.divisor(target.elements() as f64)
    }

    fn part(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        divisor: f64,
        gradient: Option<TensorViewMut<'_, T>>,
    ) -> Result<T> {
        elementwise::part(self, outputs, target.values("mean_squared_error", outputs)?, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_finite("mean_squared_error", outputs)
    }
}
