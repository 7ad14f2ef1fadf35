//! The Kullback–Leibler divergence of two distributions.

use super::elementwise::of_nothing;
use super::loss::{
    Loss, Reduction, Target, check_gradient, class_rows, class_rows_of, of_whole_batches, scale_of,
};
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

    /// Reduces by the sum instead of the mean, or the mean again.
    #[must_use]
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

fn value<T: Scalar>(logits: &[T], target: &[T]) -> T {
    let (max, log_sum) = max_and_log_sum(logits);
    terms(logits, target, max, log_sum)
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

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        let classes = class_rows(outputs)?;
        let target = target.values("kl_divergence", outputs)?;
        let (shape, logits) = (outputs.shape(), outputs.as_slice());
        let leading = Shape::new(&shape.axes()[..shape.rank() - 1])?;
        Tensor::from_fn(leading, |row| {
            let run = row * classes..(row + 1) * classes;
            value(&logits[run.clone()], &target[run])
        })
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
        if let Some(gradient) = &gradient {
            check_gradient(outputs, gradient)?;
        }
        let classes = class_rows(outputs)?;
        let target = target.values("kl_divergence", outputs)?;
        let Some(scale) = scale_of::<T>(divisor)? else { return of_nothing(target.len(), divisor) };
        let rows = outputs.as_slice().chunks_exact(classes).zip(target.chunks_exact(classes));
        let Some(mut gradient) = gradient else {
            return Ok(T::of(sum(rows.map(|(logits, target)| value(logits, target))) / divisor));
        };
        let gradients = gradient.as_mut_slice().chunks_exact_mut(classes);
        let values = rows.zip(gradients).map(|((logits, target), gradient)| {
            let (max, log_sum) = max_and_log_sum(logits);
            let total = T::of(sum(target.iter().copied()));
            for (gradient, (&x, &t)) in gradient.iter_mut().zip(logits.iter().zip(target)) {
                *gradient = scale * ((x - max - log_sum).exp() * total - t);
            }
            terms(logits, target, max, log_sum)
        });
        Ok(T::of(sum(values) / divisor))
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
