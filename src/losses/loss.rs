//! What a loss is.

use std::fmt::Debug;

use crate::{Error, Result, Scalar, Tensor, TensorView, TensorViewMut};

/// A function of a model's outputs and of what they should have been.
///
/// To write one's own, implement [`Loss::kind`], [`Loss::each`], [`Loss::forward`] and [`Loss::backward`] and
/// put it through [`crate::gradcheck::loss`].
pub trait Loss<T: Scalar>: Debug + Send + Sync {
    /// The kind in lower-case words: `cross_entropy`.
    fn kind(&self) -> &'static str;

    /// The losses before they are reduced: one for each element, or for each sample where the loss is of a whole
    /// distribution. Allocates its result.
    ///
    /// # Errors
    /// Where the target does not fit the outputs.
    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>>;

    /// The loss, reduced to one number. Allocates nothing.
    ///
    /// # Errors
    /// Where the target does not fit the outputs.
    fn forward(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<T>;

    /// The gradient of [`Loss::forward`] with respect to the outputs, in the shape of the outputs. Allocates
    /// nothing.
    ///
    /// # Errors
    /// Where the target does not fit the outputs.
    fn backward(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        gradient: TensorViewMut<'_, T>,
    ) -> Result<()>;

    /// [`Loss::forward`] and [`Loss::backward`] at once, to the same bits: what training calls. To be written where the two
    /// have something to share. Allocates nothing.
    ///
    /// # Errors
    /// Where the target does not fit the outputs.
    fn value_and_gradient(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        gradient: TensorViewMut<'_, T>,
    ) -> Result<T> {
        let value = self.forward(outputs, target)?;
        self.backward(outputs, target, gradient)?;
        Ok(value)
    }
}

/// What the outputs should have been.
///
/// Made from a slice of class indices, a tensor or a view: `loss.forward(outputs, (&labels).into())`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target<'a, T> {
    /// The class of each sample, from 0.
    Classes(&'a [usize]),
    /// A value for each output.
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

    /// The values, in the shape of the outputs, for a loss that takes no others.
    pub(crate) fn values(self, by: &'static str, outputs: TensorView<'_, T>) -> Result<&'a [T]> {
        match self {
            Self::Values(values) if values.shape() == outputs.shape() => Ok(values.as_slice()),
            Self::Values(values) => Err(Error::shape("target", outputs.shape(), values.shape())),
            Self::Classes(_) => Err(Error::Target { by, expected: "values", got: "class indices" }),
        }
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

/// How many losses become one number. For none of this there is [`Loss::each`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reduction {
    /// Their mean: over the samples for losses of a whole distribution, over all elements for the others.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

impl Reduction {
    /// What the sum over `count` losses (or a gradient of it) is multiplied by.
    pub(super) fn scale<T: Scalar>(self, count: T) -> T {
        match self {
            // Nothing to average: the sum is 0 and so is the mean.
            Self::Mean if count > T::zero() => count.recip(),
            _ => T::one(),
        }
    }
}

/// The rows of outputs that hold scores of classes along their last axis.
pub(super) fn class_rows<T: Scalar>(outputs: TensorView<'_, T>) -> Result<usize> {
    match outputs.shape().axes() {
        [_, .., classes] if *classes > 0 => Ok(*classes),
        _ => Err(Error::shape("outputs", "[batch, classes]", outputs.shape())),
    }
}

pub(super) fn check_gradient<T: Scalar>(
    outputs: TensorView<'_, T>,
    gradient: &TensorViewMut<'_, T>,
) -> Result<()> {
    if outputs.shape() == gradient.shape() {
        return Ok(());
    }
    Err(Error::shape("gradient", outputs.shape(), gradient.shape()))
}
