//! The negative log-likelihood of a class.

use super::class_targets::{ClassTargets, indices};
use super::loss::{Loss, Reduction, class_rows_of, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::getters::getters;
use crate::layers::OutputKind;
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Negative log-likelihood of one of several classes, from logarithms of probabilities: PyTorch's `NLLLoss`.
///
/// For logarithms x of probabilities of C classes, as [`LogSoftmax`](crate::layers::LogSoftmax) gives them, a target class c and class
/// weights w:
///
/// ```text
/// loss = −w_c·x_c        ∂loss/∂x_c = −w_c, and 0 for the other classes
/// ```
///
/// As there, the mean is divided by the sum of the weights of the target classes that are not ignored. A batch
/// all of whose targets are ignored has a loss and a gradient of 0 (PyTorch's is NaN). Weights may be negative; where those
/// of a batch add up to 0 and there is a loss, there is no mean, and that is an error.
///
/// With [`CrossEntropy`](super::CrossEntropy) a model ends with its logits, and needs no log-softmax.
///
/// # Shapes
/// Outputs `[batch, …, classes]`; one class index for each row of classes.
///
/// ```
/// use taper::{Tensor, losses::{Loss, NegativeLogLikelihood}};
///
/// let outputs = Tensor::from([[-0.5, -1.0], [-0.25, -1.5]]);
/// let loss: f64 = NegativeLogLikelihood::new().forward(outputs.view(), (&[1, 0]).into())?;
/// assert_eq!(loss, (1.0 + 0.25) / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct NegativeLogLikelihood {
    classes: ClassTargets,
    reduction: Reduction,
}

impl NegativeLogLikelihood {
    /// The loss with the mean over the samples.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Weights the classes: one weight for each, PyTorch's `weight`. A negative one turns the loss of its class around. Another number
    /// of them than of classes is an error where the loss is asked for.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) unless all are finite.
    pub fn with_class_weights(mut self, weights: &[f64]) -> Result<Self> {
        self.classes.set_weights(weights)?;
        Ok(self)
    }

    /// Leaves out samples whose target is this index, which need not be a class: PyTorch's `ignore_index`. None is ignored unless set.
    #[must_use]
    pub fn with_ignored(mut self, index: usize) -> Self {
        self.classes.set_ignored(index);
        self
    }

    with_reduction!();

    /// The target of each row of the outputs, checked.
    fn rows<'a, T: Scalar>(&'a self, outputs: Shape, target: Target<'a, T>) -> Result<Rows<'a>> {
        let classes = class_rows_of(outputs)?;
        self.classes.check_weights("class_weights of negative_log_likelihood", classes)?;
        let indices = indices("negative_log_likelihood", target)?;
        self.classes.check("target of negative_log_likelihood", indices, outputs)?;
        Ok(Rows { classes: &self.classes, indices })
    }

    getters! {
        /// The weight of each class, where there are any.
        class_weights: Option<&[f64]> = |this| this.classes.weights();
        /// The label that is left out, where there is one.
        ignored: Option<usize> = |this| this.classes.ignored();
    }
}

/// Targets that fit the outputs.
struct Rows<'a> {
    classes: &'a ClassTargets,
    indices: &'a [usize],
}

impl Rows<'_> {
    /// The class of a row and its weight, unless it weighs nothing.
    fn weighted<T: Scalar>(&self, row: usize) -> Option<(usize, T)> {
        let class = self.indices[row];
        let counts = |weight: &T| *weight != T::zero();
        let weight = (!self.classes.ignores(class)).then(|| self.classes.weight(class)).filter(counts)?;
        Some((class, weight))
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_> {
    fn value(&self, row: usize, outputs: &[T]) -> T {
        self.weighted(row).map_or(T::zero(), |(class, weight): (_, T)| -weight * outputs[class])
    }

    fn value_and_gradient(&self, row: usize, outputs: &[T], scale: T, gradient: &mut [T]) -> T {
        gradient.fill(T::zero());
        if let Some((class, weight)) = self.weighted::<T>(row) {
            gradient[class] = -weight * scale;
        }
        self.value(row, outputs)
    }

    fn scale(&self, rows: usize, divisor: f64) -> Result<Option<T>> {
        self.classes.scale(divisor, || (0..rows).any(|row| self.weighted::<T>(row).is_some()))
    }
}

impl<T: Scalar> Loss<T> for NegativeLogLikelihood {
    fn kind(&self) -> &'static str {
        "negative_log_likelihood"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        rowwise::each(&self.rows(outputs.shape(), target)?, outputs)
    }

    fn divisor(&self, target: Target<'_, T>) -> Option<f64> {
        let sum = indices("negative_log_likelihood", target)
            .map_or(0.0, |indices| self.classes.sum_of_weights(indices));
        self.reduction.divisor(sum)
    }

    fn part(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        divisor: f64,
        gradient: Option<TensorViewMut<'_, T>>,
    ) -> Result<T> {
        rowwise::part(&self.rows(outputs.shape(), target)?, outputs, divisor, gradient)
    }

    of_whole_batches!();

    fn ignores(&self, class: usize) -> bool {
        self.classes.ignores(class)
    }

    fn takes(&self, outputs: OutputKind) -> bool {
        matches!(outputs, OutputKind::LogProbabilities | OutputKind::Unknown)
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        self.rows(outputs, target).map(|_| ())
    }
}
