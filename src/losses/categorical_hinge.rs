//! The categorical hinge: the right class ahead of the best of the others.

use super::class_targets::ClassTargets;
use super::loss::{Loss, Reduction, class_rows, class_rows_of, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::scalar::sum;
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Categorical hinge: the right class ahead of the best of the others. Keras's `CategoricalHinge`.
///
/// For scores x of classes and a target distribution t:
///
/// ```text
/// loss = max(max_c (1 − t_c)·x_c − Σ t_c·x_c + 1, 0)
/// ∂loss/∂x_c = −t_c, and 1 − t_c more for the c of the inner maximum; 0 where the loss is 0
/// ```
///
/// A target of class indices means t = 1 for that class, which adds a 0 to what the inner maximum is taken of. By default the
/// mean over the rows of classes. Of several classes that are the largest, the first has the
/// derivative.
///
/// # Shapes
/// Outputs `[batch, …, classes]`; one class index for each row of classes, or shares of the same shape.
///
/// ```
/// use taper::{Tensor, losses::{CategoricalHinge, Loss}};
///
/// let outputs = Tensor::from([[0.5, 0.25, 2.0]]);
/// let loss: f64 = CategoricalHinge::new().forward(outputs.view(), (&[0]).into())?;
/// assert_eq!(loss, 2.0 - 0.5 + 1.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CategoricalHinge {
    reduction: Reduction,
}

impl CategoricalHinge {
    /// The loss with the mean over the samples.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    with_reduction!();
}

/// The target, checked.
fn rows<'a, T: Scalar>(outputs: TensorView<'_, T>, target: Target<'a, T>) -> Result<Rows<'a, T>> {
    class_rows(outputs)?;
    match target {
        Target::Values(_) => drop(target.values("categorical_hinge", outputs)?),
        Target::Classes(indices) => check_classes(outputs.shape(), indices)?,
    }
    Ok(Rows(target))
}

fn check_classes(outputs: Shape, indices: &[usize]) -> Result<()> {
    ClassTargets::default().check("target of categorical_hinge", indices, outputs)
}

/// Targets that fit the outputs.
struct Rows<'a, T>(Target<'a, T>);

impl<T: Scalar> Rows<'_, T> {
    /// The loss of a row before what is below 0 is cut off, and the class that is the largest of the others.
    fn behind(&self, row: usize, outputs: &[T]) -> (T, usize) {
        let share = |class| self.0.share(row, class, outputs.len());
        let others = outputs.iter().enumerate().map(|(class, &x)| (T::one() - share(class)) * x);
        let (mut best, mut of) = (T::neg_infinity(), 0);
        for (class, x) in others.enumerate() {
            if x > best || x.is_nan() {
                (best, of) = (x, class);
            }
        }
        let own = sum(outputs.iter().enumerate().map(|(class, &x)| share(class) * x));
        (best - T::of(own) + T::one(), of)
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_, T> {
    fn value(&self, row: usize, outputs: &[T]) -> T {
        let (behind, _) = self.behind(row, outputs);
        if behind < T::zero() { T::zero() } else { behind }
    }

    fn value_and_gradient(&self, row: usize, outputs: &[T], scale: T, gradient: &mut [T]) -> T {
        let (behind, best) = self.behind(row, outputs);
        if behind <= T::zero() {
            gradient.fill(T::zero());
            return T::zero();
        }
        let share = |class| self.0.share(row, class, outputs.len());
        gradient.iter_mut().enumerate().for_each(|(class, gradient)| *gradient = -scale * share(class));
        gradient[best] += scale * (T::one() - share(best));
        behind
    }
}

impl<T: Scalar> Loss<T> for CategoricalHinge {
    fn kind(&self) -> &'static str {
        "categorical_hinge"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        rowwise::each(&rows(outputs, target)?, outputs)
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
        rowwise::part(&rows(outputs, target)?, outputs, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        class_rows_of(outputs)?;
        match target {
            Target::Values(_) => target.check_shares("categorical_hinge", outputs),
            Target::Classes(indices) => check_classes(outputs, indices),
        }
    }
}
