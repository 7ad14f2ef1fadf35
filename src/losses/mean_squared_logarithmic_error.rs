//! The mean squared logarithmic error.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use crate::Scalar;

/// Mean squared error of logarithms, in which it counts by which factor an output is off: Keras's `MeanSquaredLogarithmicError`.
///
/// ```text
/// loss = d²        ∂loss/∂output = 2·d/(1 + output)        d = ln(1 + output) − ln(1 + target)
/// ```
///
/// By default the mean over all elements. Numbers below 1e-7 are taken for 1e-7, so that no logarithm of a negative number is taken, and
/// outputs there have a derivative of 0.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{Loss, MeanSquaredLogarithmicError}};
///
/// let (outputs, target) = (Tensor::from([[1.0, 3.0]]), Tensor::from([[3.0, 3.0]]));
/// let loss: f64 = MeanSquaredLogarithmicError::new().forward(outputs.view(), (&target).into())?;
/// assert!((loss - 2.0_f64.ln().powi(2) / 2.0).abs() < 1e-15);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MeanSquaredLogarithmicError {
    reduction: Reduction,
}

impl MeanSquaredLogarithmicError {
    /// The loss with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    with_reduction!();
}

const LEAST: f64 = 1e-7;

/// ln(1 + x) of what is at least 0.
fn logarithm<T: Scalar>(x: T) -> T {
    // Not `max`, which would turn NaN into a number.
    if x < T::of(LEAST) { T::of(LEAST).ln_1p() } else { x.ln_1p() }
}

impl<T: Scalar> Elementwise<T> for MeanSquaredLogarithmicError {
    const KIND: &'static str = "mean_squared_logarithmic_error";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        let difference = logarithm(output) - logarithm(target);
        difference * difference
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        if output < T::of(LEAST) {
            return T::zero();
        }
        T::of(2.0) * (logarithm(output) - logarithm(target)) / (T::one() + output)
    }
}

loss_of_elements!(MeanSquaredLogarithmicError);
