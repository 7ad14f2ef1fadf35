//! Yes or no, for each output.

use super::elementwise::{self, Elementwise};
use super::loss::{Loss, Reduction, Target};
use crate::{Error, Result, Scalar, Tensor, TensorView, TensorViewMut};

/// For a logit x and a target t from 0 to 1, with σ(x) = 1/(1 + e⁻ˣ) and a weight p of the positive class:
///
/// ```text
/// −p·t·ln σ(x) − (1 − t)·ln(1 − σ(x)) = (1 − t)·x + (1 + (p − 1)·t)·ln(1 + e⁻ˣ)
/// ```
///
/// The right side is computed, with ln(1 + e⁻ˣ) = max(−x, 0) + ln(1 + e^−|x|), so nothing overflows. By default
/// the mean over all elements. PyTorch's `BCEWithLogitsLoss`.
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

    /// The factor of ln(1 + e⁻ˣ): 1 + (p − 1)·t.
    fn factor<T: Scalar>(&self, index: usize, target: T) -> T {
        match *self.positive_weight {
            [] => T::one(),
            [weight] => T::one() + (T::of(weight) - T::one()) * target,
            ref weights => T::one() + (T::of(weights[index]) - T::one()) * target,
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
        let softplus = (-output).max(T::zero()) + (-output.abs()).exp().ln_1p();
        (T::one() - target) * output + self.factor(index, target) * softplus
    }

    fn slope(&self, index: usize, output: T, target: T) -> T {
        // The derivative of ln(1 + e⁻ˣ) is −σ(−x).
        let sigmoid_of_minus = T::one() / (T::one() + output.exp());
        (T::one() - target) - self.factor(index, target) * sigmoid_of_minus
    }
}

impl<T: Scalar> Loss<T> for BinaryCrossEntropy {
    fn kind(&self) -> &'static str {
        "binary_cross_entropy"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        elementwise::each(self, outputs, self.target(outputs, target)?)
    }

    fn forward(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<T> {
        let target = self.target(outputs, target)?;
        Ok(elementwise::forward(self, self.reduction, outputs, target))
    }

    fn backward(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        gradient: TensorViewMut<'_, T>,
    ) -> Result<()> {
        let target = self.target(outputs, target)?;
        elementwise::backward(self, self.reduction, outputs, target, gradient)
    }
}
