//! The `Loss` trait.

use core::fmt::Debug;

use super::parts::{Divisors, LossPart, PartOfSample};
use super::target::Target;
use crate::layers::OutputKind;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// A function of a model's outputs and of what they should have been.
///
/// To write one's own, implement [`Loss::kind`], [`Loss::each`], [`Loss::forward`] and [`Loss::backward`] and
/// put it through [`gradcheck::loss`](crate::gradcheck::loss). Which targets are errors is told in [`losses`](crate::losses#errors).
///
/// ```
/// use taper::losses::Loss;
/// use taper::{Error, Result, Target, Tensor, TensorView, TensorViewMut, gradcheck};
///
/// /// (output − target)⁴, the mean over samples of one output.
/// #[derive(Debug)]
/// struct Quartic;
///
/// fn values<'a>(outputs: TensorView<'_, f64>, target: Target<'a, f64>) -> Result<TensorView<'a, f64>> {
///     match target {
///         Target::Values(values) if values.shape() == outputs.shape() && outputs.sample_len() == 1 => Ok(values),
///         _ => Err(Error::other("expected a value for the one output of each sample")),
///     }
/// }
///
/// impl Loss<f64> for Quartic {
///     fn kind(&self) -> &'static str {
///         "quartic"
///     }
///     fn each(&self, outputs: TensorView<f64>, target: Target<f64>) -> Result<Tensor<f64>> {
///         let (y, t) = (outputs.as_slice(), values(outputs, target)?.as_slice());
///         Tensor::from_fn(outputs.shape(), |i| (y[i] - t[i]).powi(4))
///     }
///     fn forward(&self, outputs: TensorView<f64>, target: Target<f64>) -> Result<f64> {
///         let pairs = outputs.as_slice().iter().zip(values(outputs, target)?.as_slice());
///         Ok(pairs.map(|(y, t)| (y - t).powi(4)).sum::<f64>() / outputs.batch() as f64)
///     }
///     fn backward(&self, outputs: TensorView<f64>, target: Target<f64>, mut gradient: TensorViewMut<f64>) -> Result<()> {
///         let pairs = outputs.as_slice().iter().zip(values(outputs, target)?.as_slice());
///         for (gradient, (y, t)) in gradient.as_mut_slice().iter_mut().zip(pairs) {
///             *gradient = 4.0 * (y - t).powi(3) / outputs.batch() as f64;
///         }
///         Ok(())
///     }
/// }
///
/// gradcheck::loss(&Quartic, &Tensor::from([[0.5], [2.0]]), &Tensor::from([[1.0], [1.0]]))?;
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # Batches that belong together
///
/// The loss of a batch is a sum over its samples and a number that it is divided by, [`Loss::divisor`]. Whoever looks at a large batch
/// piece by piece ([`Trainer::evaluate`](crate::Trainer::evaluate), a trainer that accumulates, the loss of an epoch) adds up sums and
/// divisors and divides once, so it comes to the number that the large batch would have, to rounding. A loss of one's own that is
/// neither a mean over samples nor has a weight for each of them says so in [`Loss::divisor`].
pub trait Loss<T: Scalar>: Debug + Send + Sync {
    /// The kind in lower-case words: `cross_entropy`.
    fn kind(&self) -> &'static str;

    /// The losses before they are reduced: one for each element, or for each sample where the loss is of a whole distribution.
    /// Allocates its result.
    ///
    /// # Errors
    /// Where the target does not fit the outputs.
    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>>;

    /// The loss, reduced to one number. Allocates nothing.
    ///
    /// # Errors
    /// Where the target does not fit the outputs.
    fn forward(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<T>;

    /// The gradient of [`Loss::forward`] with respect to the outputs, in the shape of the outputs. Allocates nothing.
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

    /// What the sum of the losses is divided by: the number of samples unless written, or that of the elements, or the sum
    /// of the targets' weights. `None` for a loss that is a sum and is not divided.
    ///
    /// It follows from the target alone, and that of a batch is the sum of those of its samples: a sample that is left out
    /// has 0, and one whose class has a negative weight a negative one. A target that does not fit may have any.
    fn divisor(&self, target: Target<'_, T>) -> Option<f64> {
        Some(target.batch() as f64)
    }

    /// The loss of a batch that is a part of a larger one: its sum, divided by the `divisor` of the whole, and in `gradient`,
    /// if there is one, the same of its gradient. These parts add up to the loss and the gradient of the whole. Allocates
    /// nothing.
    ///
    /// Unless written, [`Loss::value_and_gradient`] is multiplied by what [`Loss::divisor`] is of the whole's; a part whose
    /// own divisor is 0 adds nothing. For a loss that is a sum, give 1.
    ///
    /// ```
    /// use taper::losses::{CrossEntropy, Loss};
    /// use taper::{Target, Tensor};
    ///
    /// let loss = CrossEntropy::new().with_ignored(1);
    /// let (logits, labels) = (Tensor::from([[2.0, 0.0], [0.5, 0.0], [0.0, 3.0]]), [0, 1, 0]);
    /// let whole: f64 = loss.forward(logits.view(), (&labels).into())?;
    ///
    /// let divisor = Loss::<f64>::divisor(&loss, (&labels).into()).expect("a mean is divided");
    /// let first = loss.part(Tensor::from([[2.0, 0.0]]).view(), (&labels[..1]).into(), divisor, None)?;
    /// let rest = Tensor::from([[0.5, 0.0], [0.0, 3.0]]);
    /// let rest = loss.part(rest.view(), (&labels[1..]).into(), divisor, None)?;
    /// assert!((first + rest - whole).abs() < 1e-15);
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// Where the target does not fit the outputs; [`Error::Setting`] for a divisor that is not finite, or that is 0 where there is a
    /// loss to divide, and for one below 0 unless class weights are.
    fn part(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        divisor: f64,
        gradient: Option<TensorViewMut<'_, T>>,
    ) -> Result<T> {
        let own = self.divisor(target).unwrap_or(1.0);
        if checked_divisor(divisor)? == 0.0 && own != 0.0 {
            return Err(no_divisor(divisor));
        }
        let share = T::of(own / divisor);
        // What is left out may be anything, NaN too.
        let scaled = |value: T| if own == 0.0 { T::zero() } else { value * share };
        let Some(mut gradient) = gradient else { return self.forward(outputs, target).map(scaled) };
        let place = TensorViewMut::trusted(gradient.shape(), gradient.as_mut_slice());
        let value = self.value_and_gradient(outputs, target, place)?;
        gradient.as_mut_slice().iter_mut().for_each(|gradient| *gradient = scaled(*gradient));
        Ok(scaled(value))
    }

    /// [`Loss::divisor`], and beside it that of each part of a loss that is made of several. That of a batch is the sum of those of its
    /// samples.
    fn divisors(&self, target: Target<'_, T>) -> Divisors {
        Divisors::one(self.divisor(target))
    }

    /// [`Loss::part`] for a loss that is made of several: each of its own is divided by what that of the whole is. Allocates nothing.
    ///
    /// # Errors
    /// As [`Loss::part`].
    fn part_of(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        whole: &Divisors,
        gradient: Option<TensorViewMut<'_, T>>,
    ) -> Result<T> {
        self.part(outputs, target, whole.whole().unwrap_or(1.0), gradient)
    }

    /// What a loss that is made of several has for parts: an evaluation measures each. Of others it is empty.
    fn parts(&self) -> Vec<LossPart> {
        Vec::new()
    }

    /// Tells what each of the [parts](Loss::parts) comes to for each sample, not weighted.
    ///
    /// # Errors
    /// As [`Loss::part_of`].
    fn each_part(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        whole: &Divisors,
        tell: &mut dyn FnMut(PartOfSample),
    ) -> Result<()> {
        let _ = (outputs, target, whole, tell);
        Ok(())
    }

    /// Whether targets of this class are left out, as accuracy and confusion matrix then do too. None are unless written.
    fn ignores(&self, class: usize) -> bool {
        let _ = class;
        false
    }

    /// How many values the target of so many outputs has: as many unless written. [`Slices`](super::Slices) asks for it.
    fn target_columns(&self, outputs: usize) -> usize {
        outputs
    }

    /// Whether a target is one for outputs of this shape, the batch axis in front: its kind, its shape and its values.
    /// [`Trainer`](crate::Trainer) asks for all targets of a data set at once, before the first step. A loss that does
    /// not say takes everything until [`Loss::forward`] refuses it.
    ///
    /// # Errors
    /// Where the target does not fit the outputs, or has a value that is none for this loss.
    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        let _ = (outputs, target);
        Ok(())
    }

    /// Whether this is what the loss starts from. A loss that makes probabilities of its outputs itself does not take those
    /// that are probabilities already: it would still fall, and learn slowly and to the wrong ones.
    /// [`Trainer::fit`](crate::Trainer::fit) warns of it in its history. Everything is taken unless written.
    fn takes(&self, outputs: OutputKind) -> bool {
        let _ = outputs;
        true
    }

    /// The same of one of the [parts](Loss::parts).
    fn part_takes(&self, part: usize, outputs: OutputKind) -> bool {
        let _ = (part, outputs);
        true
    }
}

/// What a loss with a [`Loss::part`] of its own does with a batch that is the whole.
macro_rules! of_whole_batches {
    () => {
        fn forward(
            &self,
            outputs: $crate::TensorView<'_, T>,
            target: $crate::Target<'_, T>,
        ) -> $crate::Result<T> {
            let divisor = $crate::Loss::<T>::divisor(self, target).unwrap_or(1.0);
            self.part(outputs, target, divisor, None)
        }

        fn backward(
            &self,
            outputs: $crate::TensorView<'_, T>,
            target: $crate::Target<'_, T>,
            gradient: $crate::TensorViewMut<'_, T>,
        ) -> $crate::Result<()> {
            self.value_and_gradient(outputs, target, gradient).map(|_: T| ())
        }

        fn value_and_gradient(
            &self,
            outputs: $crate::TensorView<'_, T>,
            target: $crate::Target<'_, T>,
            gradient: $crate::TensorViewMut<'_, T>,
        ) -> $crate::Result<T> {
            let divisor = $crate::Loss::<T>::divisor(self, target).unwrap_or(1.0);
            self.part(outputs, target, divisor, Some(gradient))
        }
    };
}
pub(super) use of_whole_batches;

/// The setting that every loss of this crate has in its field `reduction`.
macro_rules! with_reduction {
    () => {
        /// Reduces by the sum instead of the mean, or the mean again.
        #[must_use]
        pub fn with_reduction(mut self, reduction: Reduction) -> Self {
            self.reduction = reduction;
            self
        }

        /// By what losses are reduced.
        #[must_use]
        pub fn reduction(&self) -> Reduction {
            self.reduction
        }
    };
}
pub(super) use with_reduction;

/// How many losses become one number. For none of this, PyTorch's `reduction="none"`, there is [`Loss::each`].
///
/// ```
/// use taper::losses::{Loss, MeanSquaredError, Reduction};
/// use taper::Tensor;
///
/// let (outputs, target) = (Tensor::from([[1.0, 2.0]]), Tensor::from([[0.0, 4.0]]));
/// let sum = MeanSquaredError::new().with_reduction(Reduction::Sum);
/// assert_eq!(sum.forward(outputs.view(), (&target).into())?, 1.0 + 4.0);
/// assert_eq!(sum.each(outputs.view(), (&target).into())?, Tensor::from([[1.0, 4.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reduction {
    /// Their mean: over the samples for losses of a whole distribution, over all elements for the others.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

impl Reduction {
    /// What the sum of losses is divided by that count as so many.
    pub(super) fn divisor(self, count: f64) -> Option<f64> {
        match self {
            Self::Mean => Some(count),
            Self::Sum => None,
        }
    }
}

/// What gradients are multiplied by for a divisor; `None` where that is no number of this type, as for 0.
pub(super) fn scale_of<T: Scalar>(divisor: f64) -> Result<Option<T>> {
    Ok(finite_scale(checked_divisor(divisor)?))
}

/// The same where weights may be negative, and so may be what they add up to.
pub(super) fn scale_of_weights<T: Scalar>(divisor: f64) -> Result<Option<T>> {
    if divisor.is_finite() {
        return Ok(finite_scale(divisor));
    }
    Err(Error::setting("divisor of a loss", "a finite number", divisor))
}

fn finite_scale<T: Scalar>(divisor: f64) -> Option<T> {
    let scale = T::of(divisor.recip());
    scale.is_finite().then_some(scale)
}

fn checked_divisor(divisor: f64) -> Result<f64> {
    if divisor.is_finite() && divisor >= 0.0 {
        return Ok(divisor);
    }
    Err(Error::setting("divisor of a loss", "a finite number of at least 0", divisor))
}

/// For a loss that cannot be divided by this.
pub(super) fn no_divisor(divisor: f64) -> Error {
    Error::setting("divisor of a loss", "a number above 0 where there is a loss to divide", divisor)
}

/// The rows of outputs that hold scores of classes along their last axis.
pub(super) fn class_rows<T: Scalar>(outputs: TensorView<'_, T>) -> Result<usize> {
    class_rows_of(outputs.shape())
}

/// The same of outputs of this shape.
pub(super) fn class_rows_of(outputs: Shape) -> Result<usize> {
    match outputs.axes() {
        [_, .., classes] if *classes > 0 => Ok(*classes),
        _ => Err(Error::shape("outputs", "[batch, classes]", outputs)),
    }
}

/// Whether every output is one that the loss is defined for; `what` names outputs and loss. NaN is left to the loss, which
/// becomes NaN.
pub(super) fn check_outputs<T: Scalar>(
    what: &'static str,
    outputs: TensorView<'_, T>,
    expected: &'static str,
    is_right: impl Fn(T) -> bool,
) -> Result<()> {
    check_outputs_at(what, outputs, expected, |_, value| is_right(value))
}

/// The same where it depends on the place of an output.
pub(super) fn check_outputs_at<T: Scalar>(
    what: &'static str,
    outputs: TensorView<'_, T>,
    expected: &'static str,
    is_right: impl Fn(usize, T) -> bool,
) -> Result<()> {
    let values = outputs.as_slice();
    let is_wrong = |(place, &value): (usize, &T)| !(is_right(place, value) || value.is_nan());
    let Some(place) = values.iter().enumerate().position(is_wrong) else { return Ok(()) };
    let sample = place / outputs.sample_len().max(1);
    Err(Error::setting(what, expected, format!("{} in sample {sample} of the batch", values[place])))
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
