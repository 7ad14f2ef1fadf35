//! The smooth absolute error.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use crate::getters::getters;
use crate::{Error, Result, Scalar};

/// Smooth absolute error: quadratic near the target, linear far from it. PyTorch's `SmoothL1Loss`.
///
/// With d = output − target:
///
/// ```text
/// loss = d²/(2·beta)        ∂loss/∂output = d/beta        where |d| < beta
/// loss = |d| − beta/2       ∂loss/∂output = ±1            beyond
/// ```
///
/// By default the mean over all elements. It is
/// [`Huber`](super::Huber) divided by its delta, and with a beta of 0 the [absolute error](super::MeanAbsoluteError). PyTorch's
/// beta is 1 unless set.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{Loss, SmoothL1}};
///
/// let (outputs, target) = (Tensor::from([[1.0, 4.0]]), Tensor::from([[0.0, 0.0]]));
/// assert_eq!(SmoothL1::new(2.0)?.forward(outputs.view(), (&target).into())?, (0.25 + 3.0) / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SmoothL1 {
    beta: f64,
    reduction: Reduction,
}

impl SmoothL1 {
    /// The loss that turns from square to straight at this distance.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn new(beta: f64) -> Result<Self> {
        if beta.is_finite() && beta >= 0.0 {
            return Ok(Self { beta, reduction: Reduction::Mean });
        }
        Err(Error::setting("beta", "a finite number of at least 0", beta))
    }

    with_reduction!();

    getters! {
        /// From where on the loss is linear.
        beta: f64;
    }
}

impl<T: Scalar> Elementwise<T> for SmoothL1 {
    const KIND: &'static str = "smooth_l1";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        let (far, beta, half) = ((output - target).abs(), T::of(self.beta), T::of(0.5));
        if far < beta { half * far * far / beta } else { far - half * beta }
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        let (difference, beta) = (output - target, T::of(self.beta));
        if difference.abs() < beta {
            difference / beta
        } else if difference == T::zero() {
            T::zero()
        } else {
            difference.signum()
        }
    }
}

loss_of_elements!(SmoothL1);
