//! The logarithm of the hyperbolic cosine of the error.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use crate::Scalar;

/// Logarithm of the hyperbolic cosine of the error: Keras's `LogCosh`.
///
/// ```text
/// loss = ln cosh d        ∂loss/∂output = tanh d        d = output − target
/// ```
///
/// By default the mean over all elements. It is about d²/2 near the target and |d| − ln 2 far from it, computed so that nothing
/// overflows and small errors keep their digits.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{LogCosh, Loss}};
///
/// let (outputs, target) = (Tensor::from([[1.0, 1e4]]), Tensor::from([[0.0, 0.0]]));
/// let loss: f64 = LogCosh::new().forward(outputs.view(), (&target).into())?;
/// assert!((loss - (1.0_f64.cosh().ln() + 1e4 - 2.0_f64.ln()) / 2.0).abs() < 1e-12);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct LogCosh {
    reduction: Reduction,
}

impl LogCosh {
    /// The loss with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    with_reduction!();
}

impl<T: Scalar> Elementwise<T> for LogCosh {
    const KIND: &'static str = "log_cosh";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        let far = (output - target).abs();
        if far < T::one() {
            // cosh d − 1 = 2·sinh²(d/2).
            let half = (far * T::of(0.5)).sinh();
            (T::of(2.0) * half * half).ln_1p()
        } else {
            far + (-T::of(2.0) * far).exp().ln_1p() - T::of(core::f64::consts::LN_2)
        }
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        (output - target).tanh()
    }
}

loss_of_elements!(LogCosh);
