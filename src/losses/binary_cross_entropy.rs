//! Binary cross-entropy, for each output.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use super::output_weights::OutputWeights;
use super::target::Target;
use crate::getters::getters;
use crate::layers::OutputKind;
use crate::{Result, Scalar, Shape, TensorView};

/// Binary cross-entropy of each output, from logits: PyTorch's `BCEWithLogitsLoss`, Keras's `BinaryCrossentropy(from_logits=True)`.
///
/// For a logit x and a target t from 0 to 1, with σ(x) = 1/(1 + e⁻ˣ) and a weight p of the positive class:
///
/// ```text
/// loss = −p·t·ln σ(x) − (1 − t)·ln(1 − σ(x)) = p·t·s(−x) + (1 − t)·s(x)
/// ∂loss/∂x = (1 − t)·σ(x) − p·t·σ(−x)
/// ```
///
/// The right sides are computed, with s(x) = ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|): nothing overflows, and what
/// is small keeps its digits, since nothing large is subtracted. By default the mean over all elements, which
/// is that of PyTorch's `MultiLabelSoftMarginLoss` too. Weights scale losses and are not part of what a mean
/// is divided by. For probabilities there is [`BinaryCrossEntropyOfProbabilities`](super::BinaryCrossEntropyOfProbabilities).
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{BinaryCrossEntropy, Loss}};
///
/// let (logits, target) = (Tensor::from([[0.0, 1e4]]), Tensor::from([[1.0, 1.0]]));
/// let loss: f64 = BinaryCrossEntropy::new().forward(logits.view(), (&target).into())?;
/// assert_eq!(loss, 2.0_f64.ln() / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct BinaryCrossEntropy {
    positive_weight: OutputWeights,
    weights: OutputWeights,
    reduction: Reduction,
}

impl BinaryCrossEntropy {
    /// The loss with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Weights the positive class, p: one number for all outputs, or one for each, PyTorch's `pos_weight`. Above 1 it is missed less.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) unless there is at least one and all are finite.
    pub fn with_positive_weight(mut self, weight: &[f64]) -> Result<Self> {
        self.positive_weight = OutputWeights::new("positive_weight", weight)?;
        Ok(self)
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
        /// What the part of targets of 1 is multiplied by: one for all outputs, or one for each.
        positive_weight: &[f64] = |this| this.positive_weight.as_slice();
        /// The weights: one for all outputs, or one for each.
        weights: &[f64] = |this| this.weights.as_slice();
    }
}

impl<T: Scalar> Elementwise<T> for BinaryCrossEntropy {
    const KIND: &'static str = "binary_cross_entropy";

    fn takes(&self, outputs: OutputKind) -> bool {
        outputs.is_of_any_numbers()
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, index: usize, output: T, target: T) -> T {
        // Not `max`, which would turn NaN into 0.
        let (above, below) = if output < T::zero() { (T::zero(), -output) } else { (output, T::zero()) };
        let rest = (-output.abs()).exp().ln_1p();
        let positive = self.positive_weight.times(index, target);
        self.weights.times(index, positive * (below + rest) + (T::one() - target) * (above + rest))
    }

    fn slope(&self, index: usize, output: T, target: T) -> T {
        let sigmoid = |x: T| T::one() / (T::one() + (-x).exp());
        let positive = self.positive_weight.times(index, target);
        self.weights.times(index, (T::one() - target) * sigmoid(output) - positive * sigmoid(-output))
    }

    fn check_outputs(&self, outputs: TensorView<'_, T>) -> Result<()> {
        let count = outputs.sample_len();
        self.positive_weight.check("positive_weight of binary_cross_entropy", count)?;
        self.weights.check("weights of binary_cross_entropy", count)
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_shares("binary_cross_entropy", outputs)
    }
}

loss_of_elements!(BinaryCrossEntropy);
