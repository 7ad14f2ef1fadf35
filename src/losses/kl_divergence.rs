//! The Kullback–Leibler divergence of two distributions.

use super::loss::{Loss, Reduction, class_rows, class_rows_of, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::layers::OutputKind;
use crate::layers::max_and_log_sum;
use crate::scalar::sum;
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// For logits x and a target distribution t, with p = softmax(x) (Kullback and Leibler, 1951):
///
/// ```text
/// loss = Σ t_c·(ln t_c − ln p_c)        ∂loss/∂x_c = p_c·Σ t − t_c
/// ```
///
/// By default the mean over the rows of classes: for outputs `[batch, classes]` PyTorch's `batchmean`, which divides
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
    reduction: Reduction,
}

impl KlDivergence {
    /// The loss with the mean over the rows of classes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    with_reduction!();
}

/// Targets that fit the outputs.
struct Rows<'a, T>(&'a [T]);

impl<T: Scalar> Rowwise<T> for Rows<'_, T> {
    fn value(&self, row: usize, logits: &[T]) -> T {
        let (max, log_sum) = max_and_log_sum(logits);
        terms(logits, self.target(row, logits.len()), max, log_sum)
    }

    fn value_and_gradient(&self, row: usize, logits: &[T], scale: T, gradient: &mut [T]) -> T {
        let (max, log_sum) = max_and_log_sum(logits);
        let target = self.target(row, logits.len());
        let total = T::of(sum(target.iter().copied()));
        for (gradient, (&x, &t)) in gradient.iter_mut().zip(logits.iter().zip(target)) {
            *gradient = scale * ((x - max - log_sum).exp() * total - t);
        }
        terms(logits, target, max, log_sum)
    }
}

impl<T> Rows<'_, T> {
    fn target(&self, row: usize, classes: usize) -> &[T] {
        &self.0[row * classes..][..classes]
    }
}

fn terms<T: Scalar>(logits: &[T], target: &[T], max: T, log_sum: T) -> T {
    T::of(sum(logits.iter().zip(target).map(|(&x, &t)| {
        if t == T::zero() && !x.is_nan() { T::zero() } else { t * (t.ln() + (max - x + log_sum)) }
    })))
}

impl<T: Scalar> Loss<T> for KlDivergence {
    fn kind(&self) -> &'static str {
        "kl_divergence"
    }

    /// Logits. Log-probabilities are logits of the same probabilities.
    fn takes(&self, outputs: OutputKind) -> bool {
        !matches!(outputs, OutputKind::Probabilities | OutputKind::IndependentProbabilities)
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        class_rows(outputs)?;
        rowwise::each(&Rows(target.values("kl_divergence", outputs)?), outputs)
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
        class_rows(outputs)?;
        rowwise::part(&Rows(target.values("kl_divergence", outputs)?), outputs, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        class_rows_of(outputs)?;
        target.check_shares("kl_divergence", outputs)
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
