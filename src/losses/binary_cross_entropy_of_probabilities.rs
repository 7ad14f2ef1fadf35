//! Binary cross-entropy of probabilities, for each output.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, check_outputs, with_reduction};
use super::output_weights::OutputWeights;
use super::target::Target;
use crate::getters::getters;
use crate::layers::OutputKind;
use crate::{Result, Scalar, Shape, TensorView};

/// Binary cross-entropy of each output, from probabilities: PyTorch's `BCELoss`.
///
/// For a probability p, as a sigmoid gives it, and a target t from 0 to 1:
///
/// ```text
/// loss = −t·ln p − (1 − t)·ln(1 − p)        ∂loss/∂p = (p − t)/(p·(1 − p))
/// ```
///
/// As there, a logarithm is at least −100, so no loss is infinite, and the divisor of the gradient at least
/// 1e-12. By default the mean over all elements. Weights scale losses and are not part of what a mean is divided by.
///
/// A model that ends before its sigmoid learns better with [`BinaryCrossEntropy`](super::BinaryCrossEntropy): a probability near 1 has lost the
/// digits of its logit, and a sigmoid that is rounded to 0 or 1 has no slope.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`. Outputs have to be from 0 to 1.
///
/// ```
/// use taper::{Tensor, losses::{BinaryCrossEntropyOfProbabilities, Loss}};
///
/// let (outputs, target) = (Tensor::from([[0.5, 1.0]]), Tensor::from([[1.0, 0.0]]));
/// let loss: f64 = BinaryCrossEntropyOfProbabilities::new().forward(outputs.view(), (&target).into())?;
/// assert_eq!(loss, (2.0_f64.ln() + 100.0) / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct BinaryCrossEntropyOfProbabilities {
    weights: OutputWeights,
    reduction: Reduction,
}

impl BinaryCrossEntropyOfProbabilities {
    /// The loss with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Weights the outputs of a sample: one number for all of them, or one for each.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) unless there is at least one and all are finite.
    pub fn with_weights(mut self, weights: &[f64]) -> Result<Self> {
        self.weights = OutputWeights::new("weights", weights)?;
        Ok(self)
    }

    with_reduction!();

    getters! {
        /// The weights: one for all outputs, or one for each.
        weights: &[f64] = |this| this.weights.as_slice();
    }
}

/// PyTorch's number, which is an `f32` there.
const LEAST_DIVISOR: f32 = 1e-12;

impl<T: Scalar> Elementwise<T> for BinaryCrossEntropyOfProbabilities {
    const KIND: &'static str = "binary_cross_entropy_of_probabilities";

    fn takes(&self, outputs: OutputKind) -> bool {
        !matches!(outputs, OutputKind::Values | OutputKind::LogProbabilities)
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, index: usize, output: T, target: T) -> T {
        // Not `max`, which would turn NaN into a number.
        let least = T::of(-100.0);
        let clamped = |logarithm: T| if logarithm < least { least } else { logarithm };
        let (yes, no) = (clamped(output.ln()), clamped((-output).ln_1p()));
        self.weights.times(index, (target - T::one()) * no - target * yes)
    }

    fn slope(&self, index: usize, output: T, target: T) -> T {
        let divisor = ((T::one() - output) * output).max(T::of(LEAST_DIVISOR.into()));
        self.weights.times(index, (output - target) / divisor)
    }

    fn check_outputs(&self, outputs: TensorView<'_, T>) -> Result<()> {
        let what = "weights of binary_cross_entropy_of_probabilities";
        self.weights.check(what, outputs.sample_len())?;
        let what = "output of binary_cross_entropy_of_probabilities";
        let is_probability = |p| (T::zero()..=T::one()).contains(&p);
        check_outputs(what, outputs, "a probability from 0 to 1", is_probability)
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_shares("binary_cross_entropy_of_probabilities", outputs)
    }
}

loss_of_elements!(BinaryCrossEntropyOfProbabilities);
