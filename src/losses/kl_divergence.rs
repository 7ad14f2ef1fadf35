//! The Kullback–Leibler divergence of two distributions.

use super::loss::{Loss, Reduction, class_rows, class_rows_of, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::getters::getters;
use crate::layers::OutputKind;
use crate::layers::max_and_log_sum;
use crate::scalar::sum;
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Kullback–Leibler divergence of distributions, from logits (Kullback and Leibler, 1951).
///
/// For logits x and a target distribution t, with p = softmax(x):
///
/// ```text
/// loss = Σ t_c·(ln t_c − ln p_c)        ∂loss/∂x_c = p_c·Σ t − t_c
/// ```
///
/// Targets are probabilities, or their logarithms ([`with_log_target`](Self::with_log_target)). By default the mean over the rows of classes: for outputs `[batch, classes]` PyTorch's `batchmean`, which divides
/// by the batch alone where there are more axes. A class whose target is 0 adds 0.
///
/// # Shapes
/// Outputs `[batch, …, classes]`, target the same.
///
/// ```
/// use taper::{Tensor, losses::{KlDivergence, Loss}};
///
/// let (logits, target) = (Tensor::from([[0.0, 0.0]]), Tensor::from([[0.5, 0.5]]));
/// assert_eq!(KlDivergence::new().forward(logits.view(), (&target).into())?, 0.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct KlDivergence {
    log_target: bool,
    reduction: Reduction,
}

impl KlDivergence {
    /// The loss with the mean over the rows of classes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes targets as logarithms of probabilities: −∞ for one of 0.
    #[must_use]
    pub fn with_log_target(mut self) -> Self {
        self.log_target = true;
        self
    }

    with_reduction!();

    getters! {
        /// Whether targets are logarithms.
        log_target: bool;
    }

    fn rows<'a, T: Scalar>(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'a, T>,
    ) -> Result<Distributions<'a, T>> {
        Distributions::of(KIND, outputs, target, self.log_target)
    }
}

const KIND: &str = "kl_divergence";

/// Whether a target is one of distributions, or of their logarithms.
pub(super) fn check_distribution<T: Scalar>(
    by: &'static str,
    outputs: Shape,
    target: Target<'_, T>,
    log_target: bool,
) -> Result<()> {
    class_rows_of(outputs)?;
    if log_target {
        return target.check_log_shares(by, outputs);
    }
    target.check_shares(by, outputs)
}

/// Targets that fit the outputs: a distribution for each row.
pub(super) struct Distributions<'a, T> {
    log_target: bool,
    target: &'a [T],
}

impl<'a, T: Scalar> Distributions<'a, T> {
    pub(super) fn of(
        by: &'static str,
        outputs: TensorView<'_, T>,
        target: Target<'a, T>,
        log_target: bool,
    ) -> Result<Self> {
        class_rows(outputs)?;
        Ok(Self { log_target, target: target.values(by, outputs)? })
    }

    /// The probability and its logarithm, as the target has them for each class of a row.
    pub(super) fn row(&self, row: usize, classes: usize) -> impl Iterator<Item = (T, T)> {
        self.target[row * classes..][..classes]
            .iter()
            .map(|&t| if self.log_target { (t.exp(), t) } else { (t, t.ln()) })
    }

    fn loss(&self, row: usize, logits: &[T], max: T, log_sum: T) -> T {
        T::of(sum(logits.iter().zip(self.row(row, logits.len())).map(|(&x, (t, logarithm))| {
            if t == T::zero() && !x.is_nan() { T::zero() } else { t * (logarithm + (max - x + log_sum)) }
        })))
    }
}

impl<T: Scalar> Rowwise<T> for Distributions<'_, T> {
    fn value(&self, row: usize, logits: &[T]) -> T {
        let (max, log_sum) = max_and_log_sum(logits);
        self.loss(row, logits, max, log_sum)
    }

    fn value_and_gradient(&self, row: usize, logits: &[T], scale: T, gradient: &mut [T]) -> T {
        let (max, log_sum) = max_and_log_sum(logits);
        let total = T::of(sum(self.row(row, logits.len()).map(|(t, _)| t)));
        for (gradient, (&x, (t, _))) in
            gradient.iter_mut().zip(logits.iter().zip(self.row(row, logits.len())))
        {
            *gradient = scale * ((x - max - log_sum).exp() * total - t);
        }
        self.loss(row, logits, max, log_sum)
    }
}

impl<T: Scalar> Loss<T> for KlDivergence {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// Logits. Log-probabilities are logits of the same probabilities.
    fn takes(&self, outputs: OutputKind) -> bool {
        !matches!(outputs, OutputKind::Probabilities | OutputKind::IndependentProbabilities)
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        rowwise::each(&self.rows(outputs, target)?, outputs)
    }

    fn divisor(&self, target: Target<'_, T>) -> Option<f64> {
        self.reduction.divisor(target.rows() as f64)
    }

    fn part(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        divisor: f64,
        gradient: Option<TensorViewMut<'_, T>>,
    ) -> Result<T> {
        rowwise::part(&self.rows(outputs, target)?, outputs, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        check_distribution(KIND, outputs, target, self.log_target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_over_rows_of_classes() {
        let logits = Tensor::from([[[0.5, -1.0], [2.0, 0.0], [0.0, 0.25]]]);
        let target = Tensor::from([[[0.5, 0.5], [0.1, 0.9], [1.0, 0.0]]]);
        let rows = [logits.clone(), target.clone()].map(|tensor| tensor.reshape([3, 2]).unwrap());
        let mean = KlDivergence::new().forward(logits.view(), (&target).into()).unwrap();
        assert_eq!(mean, KlDivergence::new().forward(rows[0].view(), (&rows[1]).into()).unwrap());
    }
}
