//! Huber's loss: quadratic near the target, linear far from it.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use crate::getters::getters;
use crate::{Error, Result, Scalar};

/// Huber's loss: quadratic near the target, linear far from it (Huber, 1964). PyTorch's `HuberLoss`, Keras's `Huber`.
///
/// With d = output − target:
///
/// ```text
/// loss = d²/2                         ∂loss/∂output = d                 where |d| ≤ delta
/// loss = delta·(|d| − delta/2)        ∂loss/∂output = ±delta            beyond
/// ```
///
/// By default the mean over all elements. Both libraries have a delta of 1 unless set.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
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

    with_reduction!();

    getters! {
        /// From where on the loss is linear.
        delta: f64;
    }
}

impl<T: Scalar> Elementwise<T> for Huber {
    const KIND: &'static str = "huber";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

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

loss_of_elements!(Huber);
