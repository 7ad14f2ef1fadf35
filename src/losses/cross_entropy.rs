//! Cross-entropy, for one of several classes.

use super::class_targets::ClassTargets;
use super::loss::{Loss, Reduction, class_rows, class_rows_of, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::getters::getters;
use crate::layers::OutputKind;
use crate::layers::{max_and_log_sum, softmax_of_row};
use crate::scalar::sum;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Cross-entropy of one of several classes, from logits: PyTorch's `CrossEntropyLoss`, Keras's `SparseCategoricalCrossentropy` and
/// `CategoricalCrossentropy` with `from_logits=True`.
///
/// For logits x of C classes and a target distribution q, with p = softmax(x) and class weights w:
///
/// ```text
/// loss = −Σ w_c·q_c·ln p_c        ∂loss/∂x_c = p_c·Σ w·q − w_c·q_c
/// ```
///
/// A target of class indices means q = 1 for that class. Label smoothing ε (Szegedy et al., 2015) makes q into
/// (1 − ε)·q + ε/C.
///
/// # What the mean is divided by
///
/// As PyTorch's, by the sum of the weights of the target classes that are not ignored, for class indices, and by the number
/// of rows of classes for probabilities, which are not left out. A batch all of whose targets are ignored has a loss and a gradient of 0 (PyTorch's
/// is NaN), and so has one of classes that weigh 0.
///
/// With label smoothing, a target whose class weighs 0 still has a loss, that of the other classes' shares. Among
/// others it counts, as in PyTorch. In a batch where all targets weigh 0 there would be a loss and nothing to divide it by: the
/// mean grows without bound as the weights approach 0, PyTorch's is infinite, and here it is an error.
///
/// Weights may be negative, as in PyTorch: the loss of such a class is turned around, and it counts by its weight in what
/// the mean is divided by, which may be negative then. Where the weights of a batch add up to 0 there is no mean: an
/// error, where PyTorch's is infinite or NaN.
///
/// # Shapes
/// Outputs `[batch, …, classes]`; one class index for each row of classes, or probabilities of the same shape.
///
/// ```
/// use taper::{Tensor, losses::{CrossEntropy, Loss}};
///
/// let logits = Tensor::from([[0.0, 0.0], [1e4, -1e4]]);
/// let loss: f64 = CrossEntropy::new().forward(logits.view(), (&[1, 0]).into())?;
/// assert_eq!(loss, 2.0_f64.ln() / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CrossEntropy {
    label_smoothing: f64,
    classes: ClassTargets,
    reduction: Reduction,
}

impl CrossEntropy {
    /// The loss with the mean over the samples, or over their rows of classes where they have several; without class weights,
    /// smoothing or an ignored class.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Spreads a share of the target evenly over all classes; 0 unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless from 0 to 1.
    pub fn with_label_smoothing(mut self, share: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::setting("label_smoothing", "a number from 0 to 1", share));
        }
        self.label_smoothing = share;
        Ok(self)
    }

    /// Weights the classes: one weight for each, PyTorch's `weight`. A negative one turns the loss of its class around. Another number
    /// of them than of classes is an error where the loss is asked for.
    ///
    /// # Errors
    /// [`Error::Setting`] unless all are finite.
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

    fn check_weights(&self, classes: usize) -> Result<()> {
        self.classes.check_weights("class_weights of cross_entropy", classes)
    }

    fn check_classes(&self, indices: &[usize], outputs: Shape) -> Result<()> {
        self.classes.check("target of cross_entropy", indices, outputs)
    }

    /// The target of each row, checked.
    fn rows<'a, T: Scalar>(
        &'a self,
        outputs: TensorView<'_, T>,
        target: Target<'a, T>,
    ) -> Result<Rows<'a, T>> {
        let classes = class_rows(outputs)?;
        self.check_weights(classes)?;
        match target {
            Target::Values(_) => {
                target.values("cross_entropy", outputs)?;
            }
            Target::Classes(indices) => {
                self.check_classes(indices, outputs.shape())?;
            }
        }
        let smoothing = T::of(self.label_smoothing);
        let (keep, spread) = (T::one() - smoothing, smoothing / T::of(classes as f64));
        Ok(Rows { loss: self, classes, target, keep, spread })
    }

    getters! {
        /// The share of each target that is spread over all classes.
        label_smoothing: f64;
        /// The weight of each class, where there are any.
        class_weights: Option<&[f64]> = |this| this.classes.weights();
        /// The label that is left out, where there is one.
        ignored: Option<usize> = |this| this.classes.ignored();
    }
}

/// The targets of a batch that fit its outputs.
struct Rows<'a, T> {
    loss: &'a CrossEntropy,
    classes: usize,
    target: Target<'a, T>,
    /// What smoothing leaves of a target, and what it gives to every class.
    keep: T,
    spread: T,
}

impl<T: Scalar> Rows<'_, T> {
    fn is_ignored(&self, row: usize) -> bool {
        match self.target {
            Target::Classes(indices) => self.loss.classes.ignores(indices[row]),
            Target::Values(_) => false,
        }
    }

    /// The weight of a class times its share of the target, smoothing included.
    fn weighted(&self, row: usize, class: usize) -> T {
        let share = self.target.share(row, class, self.classes) * self.keep + self.spread;
        share * self.loss.classes.weight::<T>(class)
    }

    /// The sum of that over the classes of a row.
    fn weight(&self, row: usize) -> T {
        T::of(sum((0..self.classes).map(|class| self.weighted(row, class))))
    }

    /// Whether a row may have a loss.
    fn counts(&self, row: usize) -> bool {
        !self.is_ignored(row) && (0..self.classes).any(|class| self.weighted(row, class) != T::zero())
    }

    /// The class of a row that is all of its target and weighs 1. Nothing else of the row has to be looked at.
    fn only_class(&self, row: usize) -> Option<usize> {
        match self.target {
            Target::Classes(indices) if self.spread == T::zero() && !self.loss.classes.is_weighted() => {
                Some(indices[row])
            }
            _ => None,
        }
    }

    /// The loss of a row that is not ignored.
    fn terms(&self, row: usize, logits: &[T], max: T, log_sum: T) -> T {
        if let Some(class) = self.only_class(row) {
            return max - logits[class] + log_sum;
        }
        let terms = logits.iter().enumerate().map(|(class, &x)| {
            let weighted = self.weighted(row, class);
            // A class of probability 0 may have an infinite logarithm: nothing times it is nothing.
            if weighted == T::zero() && !x.is_nan() { T::zero() } else { weighted * (max - x + log_sum) }
        });
        T::of(sum(terms))
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_, T> {
    fn value(&self, row: usize, logits: &[T]) -> T {
        if self.is_ignored(row) {
            return T::zero();
        }
        let (max, log_sum) = max_and_log_sum(logits);
        self.terms(row, logits, max, log_sum)
    }

    /// The exponentials are computed once.
    fn value_and_gradient(&self, row: usize, logits: &[T], scale: T, gradient: &mut [T]) -> T {
        if self.is_ignored(row) {
            gradient.fill(T::zero());
            return T::zero();
        }
        gradient.copy_from_slice(logits);
        let (max, sum) = softmax_of_row(gradient);
        if let Some(class) = self.only_class(row) {
            gradient[class] -= T::one();
            gradient.iter_mut().for_each(|gradient| *gradient *= scale);
        } else {
            let total = self.weight(row);
            for (class, gradient) in gradient.iter_mut().enumerate() {
                *gradient = scale * (*gradient * total - self.weighted(row, class));
            }
        }
        self.terms(row, logits, max, sum.ln())
    }

    fn scale(&self, rows: usize, divisor: f64) -> Result<Option<T>> {
        self.loss.classes.scale(divisor, || (0..rows).any(|row| self.counts(row)))
    }
}

impl<T: Scalar> Loss<T> for CrossEntropy {
    fn kind(&self) -> &'static str {
        "cross_entropy"
    }

    /// Logits. Log-probabilities are logits of the same probabilities.
    fn takes(&self, outputs: OutputKind) -> bool {
        !matches!(outputs, OutputKind::Probabilities | OutputKind::IndependentProbabilities)
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        rowwise::each(&self.rows(outputs, target)?, outputs)
    }

    fn divisor(&self, target: Target<'_, T>) -> Option<f64> {
        self.reduction.divisor(match target {
            Target::Values(_) => target.rows() as f64,
            Target::Classes(indices) => self.classes.sum_of_weights(indices),
        })
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

    fn ignores(&self, class: usize) -> bool {
        self.classes.ignores(class)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        let classes = class_rows_of(outputs)?;
        self.check_weights(classes)?;
        match target {
            Target::Values(_) => target.check_shares("cross_entropy", outputs),
            Target::Classes(indices) => self.check_classes(indices, outputs),
        }
    }
}
