//! The soft margin: the logistic loss of targets that are −1 or 1.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use super::target::Target;
use crate::{Result, Scalar, Shape};

/// Logistic loss of targets that are −1 or 1: PyTorch's `SoftMarginLoss`.
///
/// For a score x and a target t that is −1 or 1:
///
/// ```text
/// loss = ln(1 + e^(−t·x))        ∂loss/∂x = −t/(1 + e^(t·x))
/// ```
///
/// By default the mean over all elements, computed so that nothing overflows. It is [`BinaryCrossEntropy`](super::BinaryCrossEntropy) with −1 for 0.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{Loss, SoftMargin}};
///
/// let (outputs, target) = (Tensor::from([[0.0, -1e4]]), Tensor::from([[1.0, -1.0]]));
/// let loss: f64 = SoftMargin::new().forward(outputs.view(), (&target).into())?;
/// assert_eq!(loss, 2.0_f64.ln() / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct SoftMargin {
    reduction: Reduction,
}

impl SoftMargin {
    /// The loss with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    with_reduction!();
}

impl<T: Scalar> Elementwise<T> for SoftMargin {
    const KIND: &'static str = "soft_margin";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        let wrong = -target * output;
        let above = if wrong < T::zero() { T::zero() } else { wrong };
        above + (-wrong.abs()).exp().ln_1p()
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        -target / (T::one() + (target * output).exp())
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_signs("soft_margin", outputs)
    }
}

loss_of_elements!(SoftMargin);
