//! The mean absolute error.

use super::elementwise::{self, Elementwise};
use super::loss::{Loss, Reduction, Target, of_whole_batches};
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// |output − target|, also called L1; by default the mean over all elements. The derivative at 0 is 0.
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

    /// Reduces by the sum instead of the mean, or the mean again.
    #[must_use]
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

impl<T: Scalar> Elementwise<T> for MeanAbsoluteError {
    fn value(&self, _: usize, output: T, target: T) -> T {
        (output - target).abs()
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        let difference = output - target;
        if difference == T::zero() { T::zero() } else { difference.signum() }
    }
}

impl<T: Scalar> Loss<T> for MeanAbsoluteError {
    fn kind(&self) -> &'static str {
        "mean_absolute_error"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        elementwise::each(self, outputs, target.values("mean_absolute_error", outputs)?)
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
        elementwise::part(self, outputs, target.values("mean_absolute_error", outputs)?, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_finite("mean_absolute_error", outputs)
    }
}
