//! The Kullback–Leibler divergence of outputs that are logarithms of probabilities already.

use super::kl_divergence::{Distributions, check_distribution};
use super::loss::{Loss, Reduction, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::getters::getters;
use crate::layers::OutputKind;
use crate::scalar::sum;
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Kullback–Leibler divergence of distributions, from logarithms of probabilities: PyTorch's `KLDivLoss`.
///
/// For logarithms x of probabilities, as [`LogSoftmax`](crate::layers::LogSoftmax) gives them, and a target distribution t:
///
/// ```text
/// loss = Σ t_c·(ln t_c − x_c)        ∂loss/∂x_c = −t_c
/// loss = Σ e^t_c·(t_c − x_c)         ∂loss/∂x_c = −e^t_c        with logarithms for targets
/// ```
///
/// By default the mean over the rows of classes: for outputs `[batch, classes]` PyTorch's `batchmean`, which
/// is the divergence; its `mean` divides by the number of classes too. A class whose target is 0 adds 0. Keras's
/// `KLDivergence` is this one of the logarithms of its outputs, where these and the targets are from 1e-7 to 1.
///
/// With [`KlDivergence`](super::KlDivergence) a model ends with its logits, and needs no log-softmax.
///
/// # Shapes
/// Outputs `[batch, …, classes]`, target the same.
///
/// ```
/// use taper::{Tensor, losses::{KlDivergenceOfLogProbabilities, Loss}};
///
/// let outputs = Tensor::from([[0.5_f64.ln(), 0.5_f64.ln()]]);
/// let loss = KlDivergenceOfLogProbabilities::new();
/// assert_eq!(loss.forward(outputs.view(), (&Tensor::from([[0.0, 1.0]])).into())?, 2.0_f64.ln());
/// assert_eq!(loss.with_log_target().forward(outputs.view(), (&outputs).into())?, 0.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct KlDivergenceOfLogProbabilities {
    log_target: bool,
    reduction: Reduction,
}

impl KlDivergenceOfLogProbabilities {
    /// The loss with the mean over the rows of classes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes targets as logarithms of probabilities too: −∞ for one of 0.
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

    fn rows<'a, T: Scalar>(&self, outputs: TensorView<'_, T>, target: Target<'a, T>) -> Result<Rows<'a, T>> {
        Ok(Rows(Distributions::of(KIND, outputs, target, self.log_target)?))
    }
}

const KIND: &str = "kl_divergence_of_log_probabilities";

/// Targets that fit the outputs.
struct Rows<'a, T>(Distributions<'a, T>);

impl<T: Scalar> Rows<'_, T> {
    /// The probability of the target, and the loss, of each class of a row.
    fn row<'a>(&'a self, row: usize, outputs: &'a [T]) -> impl Iterator<Item = (T, T)> + 'a {
        outputs.iter().zip(self.0.row(row, outputs.len())).map(|(&x, (t, logarithm))| {
            (t, if t == T::zero() && !x.is_nan() { T::zero() } else { t * (logarithm - x) })
        })
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_, T> {
    fn value(&self, row: usize, outputs: &[T]) -> T {
        T::of(sum(self.row(row, outputs).map(|(_, loss)| loss)))
    }

    fn value_and_gradient(&self, row: usize, outputs: &[T], scale: T, gradient: &mut [T]) -> T {
        T::of(sum(self.row(row, outputs).zip(gradient).map(|((t, loss), gradient)| {
            *gradient = -scale * t;
            loss
        })))
    }
}

impl<T: Scalar> Loss<T> for KlDivergenceOfLogProbabilities {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn takes(&self, outputs: OutputKind) -> bool {
        matches!(outputs, OutputKind::LogProbabilities | OutputKind::Unknown)
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
