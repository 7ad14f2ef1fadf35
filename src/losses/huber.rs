//! Huber's loss: quadratic near the target, linear far from it.

use super::elementwise::{self, Elementwise};
use super::loss::{Loss, Reduction, Target, of_whole_batches};
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// With d = output − target: d²/2 where |d| ≤ delta, delta·(|d| − delta/2) beyond; by default the mean over all
/// elements (Huber, 1964).
///
/// ```
/// use taper::{Tensor, losses::{Huber, Loss}};
///
/// let (outputs, target) = (Tensor::from([[1.0, 2.0]]), Tensor::from([[0.0, 4.0]]));
/// assert_eq!(Huber::new(1.0)?.forward(outputs.view(), (&target).into())?, (0.5 + 1.5) / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Huber {
    delta: f64,
    reduction: Reduction,
}

impl Huber {
    /// The loss that turns from square to straight at this distance.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and above 0.
    pub fn new(delta: f64) -> Result<Self> {
        if delta.is_finite() && delta > 0.0 {
            return Ok(Self { delta, reduction: Reduction::Mean });
        }
        Err(Error::setting("delta", "a finite number above 0", delta))
    }

    /// Reduces by the sum instead of the mean, or the mean again.
    #[must_use]
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

impl<T: Scalar> Elementwise<T> for Huber {
    fn value(&self, _: usize, output: T, target: T) -> T {
        let (difference, delta, half) = (output - target, T::of(self.delta), T::of(0.5));
        if difference.abs() <= delta {
            half * difference * difference
        } else {
            delta * (difference.abs() - half * delta)
        }
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        let (difference, delta) = (output - target, T::of(self.delta));
        if difference.abs() <= delta { difference } else { delta * difference.signum() }
    }
}

impl<T: Scalar> Loss<T> for Huber {
    fn kind(&self) -> &'static str {
        "huber"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        elementwise::each(self, outputs, target.values("huber", outputs)?)
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
        elementwise::part(self, outputs, target.values("huber", outputs)?, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_finite("huber", outputs)
    }
}
