//! Binary cross-entropy, for each output.

use super::elementwise::{self, Elementwise};
use super::loss::{Loss, Reduction, Target, of_whole_batches};
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// For a logit x and a target t from 0 to 1, with σ(x) = 1/(1 + e⁻ˣ) and a weight p of the positive class:
///
/// ```text
/// loss = −p·t·ln σ(x) − (1 − t)·ln(1 − σ(x)) = p·t·s(−x) + (1 − t)·s(x)
/// ∂loss/∂x = (1 − t)·σ(x) − p·t·σ(−x)
/// ```
///
/// The right sides are computed, with s(x) = ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|): nothing overflows, and what
/// is small keeps its digits, since nothing large is subtracted. By default the mean over all elements. PyTorch's
/// `BCEWithLogitsLoss`.
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
    /// One for all outputs, one for each, or none at all.
    positive_weight: Vec<f64>,
    reduction: Reduction,
}

impl BinaryCrossEntropy {
    /// The loss with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Weights the positive class: one number for all outputs, or one for each. Above 1 it is missed less.
    ///
    /// # Errors
    /// [`Error::Setting`] unless there is at least one and all are finite and at least 0.
    pub fn with_positive_weight(mut self, weight: &[f64]) -> Result<Self> {
        if weight.is_empty() || !weight.iter().all(|weight| weight.is_finite() && *weight >= 0.0) {
            let got = format!("{weight:?}");
            return Err(Error::setting("positive_weight", "finite numbers of at least 0", got));
        }
        self.positive_weight = weight.to_vec();
        Ok(self)
    }

    /// p·t.
    fn positive<T: Scalar>(&self, index: usize, target: T) -> T {
        match *self.positive_weight {
            [] => target,
            [weight] => T::of(weight) * target,
            ref weights => T::of(weights[index]) * target,
        }
    }

    fn target<'a, T: Scalar>(&self, outputs: TensorView<'_, T>, target: Target<'a, T>) -> Result<&'a [T]> {
        let (weights, outputs_of_sample) = (self.positive_weight.len(), outputs.sample_len());
        if weights > 1 && weights != outputs_of_sample {
            let what = "positive_weight of binary_cross_entropy".into();
            return Err(Error::Length { what, expected: outputs_of_sample, got: weights });
        }
        target.values("binary_cross_entropy", outputs)
    }

    /// Reduces by the sum instead of the mean, or the mean again.
    #[must_use]
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

impl<T: Scalar> Elementwise<T> for BinaryCrossEntropy {
    fn value(&self, index: usize, output: T, target: T) -> T {
        // Not `max`, which would turn NaN into 0.
        let (above, below) = if output < T::zero() { (T::zero(), -output) } else { (output, T::zero()) };
        let rest = (-output.abs()).exp().ln_1p();
        self.positive(index, target) * (below + rest) + (T::one() - target) * (above + rest)
    }

    fn slope(&self, index: usize, output: T, target: T) -> T {
        let sigmoid = |x: T| T::one() / (T::one() + (-x).exp());
        (T::one() - target) * sigmoid(output) - self.positive(index, target) * sigmoid(-output)
    }
}

impl<T: Scalar> Loss<T> for BinaryCrossEntropy {
    fn kind(&self) -> &'static str {
        "binary_cross_entropy"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        elementwise::each(self, outputs, self.target(outputs, target)?)
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
        elementwise::part(self, outputs, self.target(outputs, target)?, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_shares("binary_cross_entropy", outputs)
    }
}
