//! The multi-label margin: every right class ahead of every wrong one.

use super::loss::{Loss, Reduction, class_rows_of, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Margin of several right classes: each of them ahead of every wrong one. PyTorch's `MultiLabelMarginLoss`.
///
/// For scores x of C classes, of which several may be right:
///
/// ```text
/// loss = 1/C·Σ max(1 − x_r + x_w, 0)        over every right class r and every wrong one w
/// ∂loss/∂x_r = −1/C, and ∂loss/∂x_w = 1/C, for each pair whose term is above 0
/// ```
///
/// PyTorch's targets are the indices of the right classes; here they are a 1 for each class that is
/// right and a 0 for each that is not, as for [`BinaryCrossEntropy`](super::BinaryCrossEntropy). By default the mean over the rows of classes. The
/// derivative at a kink is 0.
///
/// # Shapes
/// Outputs and target `[batch, …, classes]`.
///
/// ```
/// use taper::{Tensor, losses::{Loss, MultiLabelMargin}};
///
/// let (outputs, target) = (Tensor::from([[0.1, 0.2, 0.4, 0.8]]), Tensor::from([[1.0, 0.0, 0.0, 1.0]]));
/// let loss: f64 = MultiLabelMargin::new().forward(outputs.view(), (&target).into())?;
/// assert!((loss - (1.1 + 1.3 + 0.4 + 0.6) / 4.0).abs() < 1e-15);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MultiLabelMargin {
    reduction: Reduction,
}

impl MultiLabelMargin {
    /// The loss with the mean over the rows of classes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    with_reduction!();
}

/// The target, checked.
fn rows<T: Scalar>(outputs: Shape, target: Target<'_, T>) -> Result<Rows<'_, T>> {
    class_rows_of(outputs)?;
    target.check_yes_or_no("multi_label_margin", outputs)?;
    target.values_of("multi_label_margin", outputs).map(Rows)
}

/// Targets that fit the outputs.
struct Rows<'a, T>(&'a [T]);

impl<T: Scalar> Rows<'_, T> {
    /// The loss of a row, summed in double precision. Each pair of classes that are not far enough apart is told, the right one first.
    fn pairs(&self, row: usize, outputs: &[T], mut tell: impl FnMut(usize, usize)) -> T {
        let target = &self.0[row * outputs.len()..][..outputs.len()];
        let mut sum = 0.0;
        for right in (0..outputs.len()).filter(|&class| target[class] != T::zero()) {
            for wrong in (0..outputs.len()).filter(|&class| target[class] == T::zero()) {
                let missing = T::one() - outputs[right] + outputs[wrong];
                if missing > T::zero() || missing.is_nan() {
                    sum += missing.as_f64();
                    tell(right, wrong);
                }
            }
        }
        T::of(sum / outputs.len() as f64)
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_, T> {
    fn value(&self, row: usize, outputs: &[T]) -> T {
        self.pairs(row, outputs, |_, _| ())
    }

    fn value_and_gradient(&self, row: usize, outputs: &[T], scale: T, gradient: &mut [T]) -> T {
        gradient.fill(T::zero());
        // Counts first: they are whole numbers, which no sum rounds.
        let value = self.pairs(row, outputs, |right, wrong| {
            gradient[right] -= T::one();
            gradient[wrong] += T::one();
        });
        let scale = scale / T::of(outputs.len() as f64);
        gradient.iter_mut().for_each(|gradient| *gradient *= scale);
        value
    }
}

impl<T: Scalar> Loss<T> for MultiLabelMargin {
    fn kind(&self) -> &'static str {
        "multi_label_margin"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        rowwise::each(&rows(outputs.shape(), target)?, outputs)
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
        rowwise::part(&rows(outputs.shape(), target)?, outputs, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        rows(outputs, target).map(|_| ())
    }
}
