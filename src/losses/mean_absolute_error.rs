//! The mean absolute error.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use crate::Scalar;

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
