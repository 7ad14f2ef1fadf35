//! The cosine of the angle between outputs and target.

use super::loss::{Loss, Reduction, class_rows, class_rows_of, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
#[cfg(not(feature = "std"))]
use crate::prelude::*;
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Negated cosine of the angle between outputs and target: Keras's `CosineSimilarity`.
///
/// For outputs x and a target t, both along the last axis:
///
/// ```text
/// loss = −cos(x, t) = −x·t/(max(‖x‖, ε)·max(‖t‖, ε))        ∂loss/∂x = (x·cos/‖x‖ − t/‖t‖)/‖x‖
/// ```
///
/// From −1, the same direction, to 1, the opposite one; ε = 1e-7. By default the mean over the rows.
/// PyTorch's `CosineEmbeddingLoss` of pairs that are alike is 1 more, with the same gradient. A row of zeros has a loss of 0,
/// but pulls hard: the derivative there is −t/(ε·‖t‖).
///
/// # Shapes
/// Outputs and target `[batch, …, features]`.
///
/// ```
/// use taper::{Tensor, losses::{CosineSimilarity, Loss}};
///
/// let (outputs, target) = (Tensor::from([[3.0, 4.0], [1.0, 0.0]]), Tensor::from([[6.0, 8.0], [0.0, 2.0]]));
/// let loss: f64 = CosineSimilarity::new().forward(outputs.view(), (&target).into())?;
/// assert_eq!(loss, (-1.0 + 0.0) / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CosineSimilarity {
    reduction: Reduction,
}

impl CosineSimilarity {
    /// The loss with the mean over the rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    with_reduction!();
}

/// What lengths are taken for at least.
const LEAST: f64 = 1e-7;

/// Targets that fit the outputs.
struct Rows<'a, T>(&'a [T]);

/// The cosine of a row, and the lengths of outputs and target. In double precision.
struct Angle {
    cosine: f64,
    outputs: f64,
    target: f64,
}

impl<T: Scalar> Rows<'_, T> {
    fn target(&self, row: usize, features: usize) -> &[T] {
        &self.0[row * features..][..features]
    }

    fn angle(&self, row: usize, outputs: &[T]) -> Angle {
        let target = self.target(row, outputs.len());
        let product =
            |a: &[T], b: &[T]| -> f64 { a.iter().zip(b).map(|(a, b)| a.as_f64() * b.as_f64()).sum() };
        // Not `max`, which would turn NaN into a number.
        let at_least = |length: f64| if length < LEAST { LEAST } else { length };
        let [outputs_length, target_length] = [outputs, target].map(|row| at_least(product(row, row).sqrt()));
        let cosine = product(outputs, target) / outputs_length / target_length;
        Angle { cosine, outputs: outputs_length, target: target_length }
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_, T> {
    fn value(&self, row: usize, outputs: &[T]) -> T {
        T::of(-self.angle(row, outputs).cosine)
    }

    fn value_and_gradient(&self, row: usize, outputs: &[T], scale: T, gradient: &mut [T]) -> T {
        let angle = self.angle(row, outputs);
        let target = self.target(row, outputs.len());
        // A length that is taken for more does not grow with its row.
        let along = if angle.outputs > LEAST { angle.cosine / angle.outputs } else { 0.0 };
        for (gradient, (x, t)) in gradient.iter_mut().zip(outputs.iter().zip(target)) {
            let slope = (x.as_f64() * along - t.as_f64() / angle.target) / angle.outputs;
            *gradient = T::of(scale.as_f64() * slope);
        }
        T::of(-angle.cosine)
    }
}

impl<T: Scalar> Loss<T> for CosineSimilarity {
    fn kind(&self) -> &'static str {
        "cosine_similarity"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        class_rows(outputs)?;
        rowwise::each(&Rows(target.values("cosine_similarity", outputs)?), outputs)
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
        rowwise::part(&Rows(target.values("cosine_similarity", outputs)?), outputs, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        class_rows_of(outputs)?;
        target.check_finite("cosine_similarity", outputs)
    }
}
