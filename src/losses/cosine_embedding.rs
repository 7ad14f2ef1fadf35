//! Pairs of vectors: alike in direction where they belong together, and not where they do not.

use super::loss::{Loss, Reduction, check_gradient, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::getters::getters;
#[cfg(not(feature = "std"))]
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Pairs of vectors, of the same direction where they belong together and not where they do not: PyTorch's `CosineEmbeddingLoss`.
///
/// For two vectors a and b and a target t, which is 1 where they are to be alike and −1 where not:
///
/// ```text
/// loss = 1 − cos(a, b)                  for t = 1
/// loss = max(cos(a, b) − margin, 0)     for t = −1
/// cos(a, b) = a·b/√((a·a + ε)·(b·b + ε))        ∂cos/∂a = b/√(…) − cos·a/(a·a + ε)
/// ```
///
/// As there, the margin is 0 unless set, and ε = 1e-12. By default the mean over the pairs. The derivative at the
/// kink is 0. Where the second vector is given, and every pair alike, there is
/// [`CosineSimilarity`](super::CosineSimilarity).
///
/// # Shapes
/// Outputs `[batch, …, 2, features]`, the vectors of a pair one after the other; target `[batch, …]` or `[batch, …, 1]`, a number
/// for each pair. A model of samples `[2, inputs]` makes both vectors with the same weights: [`Dense`](crate::Dense) works along the last
/// axis.
///
/// ```
/// use taper::{Tensor, losses::{CosineEmbedding, Loss}};
///
/// let outputs = Tensor::from([[[3.0, 4.0], [4.0, 3.0]], [[1.0, 0.0], [3.0, 4.0]]]);
/// let target = Tensor::from([1.0, -1.0]);
/// let loss: f64 = CosineEmbedding::new().with_margin(0.5)?.forward(outputs.view(), (&target).into())?;
/// assert!((loss - ((1.0 - 0.96) + (0.6 - 0.5)) / 2.0).abs() < 1e-12);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CosineEmbedding {
    margin: f64,
    reduction: Reduction,
}

impl CosineEmbedding {
    /// The loss with a margin of 0 and the mean over the pairs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The cosine up to which two vectors are unlike enough.
    ///
    /// # Errors
    /// [`Error::Setting`] unless from −1 to 1.
    pub fn with_margin(mut self, margin: f64) -> Result<Self> {
        if (-1.0..=1.0).contains(&margin) {
            self.margin = margin;
            return Ok(self);
        }
        Err(Error::setting("margin", "a number from -1 to 1", margin))
    }

    with_reduction!();

    getters! {
        /// The margin.
        margin: f64;
    }
}

const KIND: &str = "cosine_embedding";

/// What is added to the square of a length.
const EPSILON: f64 = 1e-12;

/// The shape of one number for each pair.
fn pairs(outputs: Shape) -> Result<Shape> {
    match outputs.axes() {
        [leading @ .., 2, features] if !leading.is_empty() && *features > 0 => Shape::new(leading),
        _ => Err(Error::shape("outputs", "[batch, …, 2, features]", outputs)),
    }
}

/// The signs of the pairs, checked.
fn signs<T: Scalar>(outputs: Shape, target: Target<'_, T>) -> Result<&[T]> {
    let pairs = pairs(outputs)?;
    let shape = match target {
        Target::Values(values) if values.shape().axes().strip_suffix(&[1]) == Some(pairs.axes()) => {
            values.shape()
        }
        _ => pairs,
    };
    target.check_signs(KIND, shape)?;
    target.values_of(KIND, shape)
}

/// Targets that fit the outputs.
struct Rows<'a, T> {
    margin: f64,
    signs: &'a [T],
}

/// What the loss of a pair follows from, in double precision.
struct Pair {
    cosine: f64,
    squares: [f64; 2],
}

impl Pair {
    fn new<T: Scalar>(a: &[T], b: &[T]) -> Self {
        let product =
            |a: &[T], b: &[T]| -> f64 { a.iter().zip(b).map(|(a, b)| a.as_f64() * b.as_f64()).sum() };
        let squares = [a, b].map(|vector| product(vector, vector) + EPSILON);
        Self { cosine: product(a, b) / squares[0].sqrt() / squares[1].sqrt(), squares }
    }
}

impl<T: Scalar> Rows<'_, T> {
    /// The loss of a pair, and its derivative with respect to the cosine.
    fn of(&self, row: usize, cosine: f64) -> (f64, f64) {
        if self.signs[row] > T::zero() {
            return (1.0 - cosine, -1.0);
        }
        let ahead = cosine - self.margin;
        if ahead <= 0.0 { (0.0, 0.0) } else { (ahead, 1.0) }
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_, T> {
    fn value(&self, row: usize, outputs: &[T]) -> T {
        let (a, b) = outputs.split_at(outputs.len() / 2);
        T::of(self.of(row, Pair::new(a, b).cosine).0)
    }

    fn value_and_gradient(&self, row: usize, outputs: &[T], scale: T, gradient: &mut [T]) -> T {
        let (a, b) = outputs.split_at(outputs.len() / 2);
        let Pair { cosine, squares } = Pair::new(a, b);
        let (loss, slope) = self.of(row, cosine);
        let lengths = squares[0].sqrt() * squares[1].sqrt();
        let (of_a, of_b) = gradient.split_at_mut(a.len());
        for (gradient, own, other, square) in [(of_a, a, b, squares[0]), (of_b, b, a, squares[1])] {
            for (gradient, (own, other)) in gradient.iter_mut().zip(own.iter().zip(other)) {
                let of_cosine = other.as_f64() / lengths - cosine * own.as_f64() / square;
                *gradient = T::of(scale.as_f64() * slope * of_cosine);
            }
        }
        T::of(loss)
    }
}

impl<T: Scalar> Loss<T> for CosineEmbedding {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// One for each pair.
    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        let rows = Rows { margin: self.margin, signs: signs(outputs.shape(), target)? };
        rowwise::each(&rows, side_by_side(outputs)?)?.reshape(pairs(outputs.shape())?)
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
        let rows = Rows { margin: self.margin, signs: signs(outputs.shape(), target)? };
        if let Some(gradient) = &gradient {
            check_gradient(outputs, gradient)?;
        }
        let flat = side_by_side(outputs)?;
        let gradient = gradient.map(|gradient| gradient.reshape(flat.shape())).transpose()?;
        rowwise::part(&rows, flat, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        signs(outputs, target).map(|_| ())
    }
}

/// A row for each pair.
fn side_by_side<T: Scalar>(outputs: TensorView<'_, T>) -> Result<TensorView<'_, T>> {
    let pairs = pairs(outputs.shape())?.len();
    outputs.reshape([pairs, 2 * outputs.shape().axes().last().map_or(0, |&features| features)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_of_zeros_has_a_loss_and_a_gradient() {
        let outputs = Tensor::from([[[0.0_f32, 0.0], [3.0, 4.0]]]);
        let mut gradient = Tensor::full(outputs.shape(), f32::NAN).unwrap();
        let target = Tensor::from([1.0]);
        let loss = CosineEmbedding::new();
        let value = loss.value_and_gradient(outputs.view(), (&target).into(), gradient.view_mut()).unwrap();
        assert_eq!(value, 1.0);
        // ∂cos/∂a = b/(√ε·‖b‖).
        let expected = [-0.6e6, -0.8e6, 0.0, 0.0];
        let near = |(got, expected): (&f32, f32)| (got - expected).abs() <= 1e-6 * expected.abs();
        assert!(gradient.as_slice().iter().zip(expected).all(near), "{gradient:?}");
    }
}
