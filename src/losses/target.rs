//! Targets: what outputs should have been.

use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView};

/// What the outputs should have been.
///
/// Made from a slice of class indices, a tensor or a view. Which kind a loss takes is in the table of [`losses`](crate::losses).
///
/// ```
/// use taper::{Target, Tensor};
///
/// let (labels, values) = (vec![2, 0, 1], Tensor::from([[0.5], [1.5]]));
/// let of_classes: Target<'_, f64> = (&labels).into();
/// let of_values = Target::from(&values);
/// assert_eq!((of_classes.batch(), of_values.batch()), (3, 2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target<'a, T> {
    /// The class of each sample, from 0; of each row of classes where a sample has several, in their order.
    Classes(&'a [usize]),
    /// A value for each output, in the shape of the outputs unless the loss says otherwise.
    Values(TensorView<'a, T>),
}

impl<'a, T: Scalar> Target<'a, T> {
    /// The number of samples.
    #[must_use]
    pub fn batch(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values(values) => values.batch(),
        }
    }

    /// The number of values, or of classes.
    pub(super) fn elements(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values(values) => values.as_slice().len(),
        }
    }

    /// The number of distributions over classes.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values(values) => {
                values.as_slice().len() / values.shape().axes().last().map_or(1, |&classes| classes.max(1))
            }
        }
    }

    /// The share of a class in the target of a row of so many.
    pub(super) fn share(&self, row: usize, class: usize, classes: usize) -> T {
        match self {
            Self::Classes(indices) if indices[row] == class => T::one(),
            Self::Classes(_) => T::zero(),
            Self::Values(values) => values.as_slice()[row * classes + class],
        }
    }

    /// That of one sample.
    ///
    /// # Panics
    /// Where there is no such sample.
    pub(crate) fn sample(self, index: usize) -> Self {
        match self {
            Self::Classes(classes) => Self::Classes(&classes[index..=index]),
            Self::Values(values) => {
                let (_, sample) = values.shape().split_batch().expect("values with an axis of samples");
                let shape = sample.with_batch(1).expect("one sample is no larger than all");
                Self::Values(TensorView::trusted(shape, values.sample(index)))
            }
        }
    }

    /// The values, in the shape of the outputs, for a loss that takes no others.
    pub(crate) fn values(self, by: &'static str, outputs: TensorView<'_, T>) -> Result<&'a [T]> {
        self.values_of(by, outputs.shape())
    }

    /// The same for outputs, or a part of them, of this shape.
    pub(super) fn values_of(self, by: &'static str, outputs: Shape) -> Result<&'a [T]> {
        match self {
            Self::Values(values) if values.shape() == outputs => Ok(values.as_slice()),
            Self::Values(values) => Err(Error::shape("target", outputs, values.shape())),
            Self::Classes(_) => Err(Error::Target { by, expected: "values", got: "class indices" }),
        }
    }

    /// Whether the values have the shape of the outputs and all are finite.
    pub(super) fn check_finite(self, by: &'static str, outputs: Shape) -> Result<()> {
        self.check_values(by, outputs, "a finite number", T::is_finite)
    }

    /// The same for shares and probabilities. A mixture of two that are 1 may be rounded to a little more.
    pub(super) fn check_shares(self, by: &'static str, outputs: Shape) -> Result<()> {
        let most = T::one() + T::of(8.0) * T::epsilon();
        let is_share = |value| (T::zero()..=most).contains(&value);
        self.check_values(by, outputs, "a number from 0 to 1", is_share)
    }

    /// The same for logarithms of shares: −∞ is that of 0.
    pub(super) fn check_log_shares(self, by: &'static str, outputs: Shape) -> Result<()> {
        let most = T::of(8.0) * T::epsilon();
        let is_logarithm = |value: T| value <= most;
        self.check_values(by, outputs, "the logarithm of a number from 0 to 1", is_logarithm)
    }

    /// The same for classes that are right or wrong.
    pub(super) fn check_yes_or_no(self, by: &'static str, outputs: Shape) -> Result<()> {
        let is_answer = |value| value == T::zero() || value == T::one();
        self.check_values(by, outputs, "0 or 1", is_answer)
    }

    /// The same for the two sides of a margin.
    pub(super) fn check_signs(self, by: &'static str, outputs: Shape) -> Result<()> {
        self.check_values(by, outputs, "-1 or 1", |value| value.abs() == T::one())
    }

    /// The same for counts, and the rates that they are of.
    pub(super) fn check_at_least_0(self, by: &'static str, outputs: Shape) -> Result<()> {
        let is_count = |value: T| value.is_finite() && value >= T::zero();
        self.check_values(by, outputs, "a finite number of at least 0", is_count)
    }

    fn check_values(
        self,
        by: &'static str,
        outputs: Shape,
        expected: &'static str,
        is_right: impl Fn(T) -> bool,
    ) -> Result<()> {
        let values = self.values_of(by, outputs)?;
        let Some(place) = values.iter().position(|&value| !is_right(value)) else { return Ok(()) };
        let sample = place / (values.len() / self.batch()).max(1);
        Err(Error::TargetValue { sample, expected, got: values[place].as_f64() })
    }
}

impl<'a, T> From<&'a [usize]> for Target<'a, T> {
    fn from(classes: &'a [usize]) -> Self {
        Self::Classes(classes)
    }
}

impl<'a, T, const N: usize> From<&'a [usize; N]> for Target<'a, T> {
    fn from(classes: &'a [usize; N]) -> Self {
        Self::Classes(classes)
    }
}

impl<'a, T> From<&'a Vec<usize>> for Target<'a, T> {
    fn from(classes: &'a Vec<usize>) -> Self {
        Self::Classes(classes)
    }
}

impl<'a, T> From<TensorView<'a, T>> for Target<'a, T> {
    fn from(values: TensorView<'a, T>) -> Self {
        Self::Values(values)
    }
}

impl<'a, T: Scalar> From<&'a Tensor<T>> for Target<'a, T> {
    fn from(values: &'a Tensor<T>) -> Self {
        Self::Values(values.view())
    }
}
