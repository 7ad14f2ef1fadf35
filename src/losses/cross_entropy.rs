//! Cross-entropy, for one of several classes.

use super::loss::{
    Loss, Reduction, Target, check_gradient, class_rows, class_rows_of, of_whole_batches, scale_of,
};
use crate::layers::{max_and_log_sum, softmax_of_row};
use crate::scalar::sum;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

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
/// of rows of classes for probabilities. A batch all of whose targets are ignored has a loss and a gradient of 0 (PyTorch's
/// is NaN), and so has one of classes that weigh 0.
///
/// With label smoothing, a target whose class weighs 0 still has a loss, that of the other classes' shares. Among
/// others it counts, as in PyTorch. In a batch where all targets weigh 0 there would be a loss and nothing to divide it by: the
/// mean grows without bound as the weights approach 0, PyTorch's is infinite, and here it is an error.
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
    class_weights: Option<Vec<f64>>,
    ignored: Option<usize>,
    reduction: Reduction,
}

impl CrossEntropy {
    /// The loss with the mean over the samples.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Spreads a share of the target evenly over all classes.
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

    /// Weights the classes: one weight for each.
    ///
    /// # Errors
    /// [`Error::Setting`] unless all are finite and at least 0.
    pub fn with_class_weights(mut self, weights: &[f64]) -> Result<Self> {
        if !weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0) {
            return Err(Error::setting(
                "class_weights",
                "finite numbers of at least 0",
                format!("{weights:?}"),
            ));
        }
        self.class_weights = Some(weights.to_vec());
        Ok(self)
    }

    /// Leaves out samples whose target is this index, which need not be a class.
    #[must_use]
    pub fn with_ignored(mut self, index: usize) -> Self {
        self.ignored = Some(index);
        self
    }

    /// Reduces by the sum instead of the mean, or the mean again.
    #[must_use]
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    fn check_weights(&self, classes: usize) -> Result<()> {
        match &self.class_weights {
            Some(weights) if weights.len() != classes => {
                let what = "class_weights of cross_entropy".into();
                Err(Error::Length { what, expected: classes, got: weights.len() })
            }
            _ => Ok(()),
        }
    }

    /// Whether there is an index for each of so many rows, and each is a class or ignored.
    fn check_classes(&self, indices: &[usize], count: usize, classes: usize) -> Result<()> {
        if indices.len() != count {
            let what = "target of cross_entropy".into();
            return Err(Error::Length { what, expected: count, got: indices.len() });
        }
        match indices.iter().position(|&class| class >= classes && Some(class) != self.ignored) {
            Some(sample) => Err(Error::Class { sample, classes, got: indices[sample] }),
            None => Ok(()),
        }
    }

    /// The target of each row, checked.
    fn rows<'a, T: Scalar>(
        &'a self,
        outputs: TensorView<'_, T>,
        target: Target<'a, T>,
    ) -> Result<Rows<'a, T>> {
        let classes = class_rows(outputs)?;
        let count = outputs.as_slice().len() / classes;
        self.check_weights(classes)?;
        match target {
            Target::Values(_) => {
                target.values("cross_entropy", outputs)?;
            }
            Target::Classes(indices) => {
                self.check_classes(indices, count, classes)?;
            }
        }
        let smoothing = T::of(self.label_smoothing);
        let (keep, spread) = (T::one() - smoothing, smoothing / T::of(classes as f64));
        Ok(Rows { loss: self, classes, count, target, keep, spread })
    }
}

/// The targets of a batch that fit its outputs.
struct Rows<'a, T> {
    loss: &'a CrossEntropy,
    classes: usize,
    count: usize,
    target: Target<'a, T>,
    /// What smoothing leaves of a target, and what it gives to every class.
    keep: T,
    spread: T,
}

impl<T: Scalar> Rows<'_, T> {
    fn is_ignored(&self, row: usize) -> bool {
        match self.target {
            Target::Classes(indices) => Some(indices[row]) == self.loss.ignored,
            Target::Values(_) => false,
        }
    }

    /// The weight of a class times its share of the target, smoothing included.
    fn weighted(&self, row: usize, class: usize) -> T {
        let share = match self.target {
            Target::Classes(indices) if indices[row] == class => T::one(),
            Target::Classes(_) => T::zero(),
            Target::Values(values) => values.as_slice()[row * self.classes + class],
        };
        let share = share * self.keep + self.spread;
        share * self.loss.class_weights.as_ref().map_or(T::one(), |weights| T::of(weights[class]))
    }

    /// The sum of that over the classes of a row.
    fn weight(&self, row: usize) -> T {
        T::of(sum((0..self.classes).map(|class| self.weighted(row, class))))
    }

    /// Whether any row may have a loss.
    fn count_at_all(&self) -> bool {
        (0..self.count).any(|row| !self.is_ignored(row) && self.weight(row) > T::zero())
    }

    /// The class of a row that is all of its target and weighs 1. Nothing else of the row has to be looked at.
    fn only_class(&self, row: usize) -> Option<usize> {
        match self.target {
            Target::Classes(indices) if self.spread == T::zero() && self.loss.class_weights.is_none() => {
                Some(indices[row])
            }
            _ => None,
        }
    }

    fn value(&self, row: usize, logits: &[T]) -> T {
        if self.is_ignored(row) {
            return T::zero();
        }
        let (max, log_sum) = max_and_log_sum(logits);
        self.terms(row, logits, max, log_sum)
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

    /// Writes the gradient of a row, and gives back its loss as well.
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
}

impl<T: Scalar> Loss<T> for CrossEntropy {
    fn kind(&self) -> &'static str {
        "cross_entropy"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        let rows = self.rows(outputs, target)?;
        let (shape, logits) = (outputs.shape(), outputs.as_slice());
        let leading = Shape::new(&shape.axes()[..shape.rank() - 1])?;
        Tensor::from_fn(leading, |row| rows.value(row, &logits[row * rows.classes..][..rows.classes]))
    }

    fn divisor(&self, target: Target<'_, T>) -> Option<f64> {
        let weight = |class: usize| match &self.class_weights {
            None => 1.0,
            Some(weights) => weights.get(class).copied().unwrap_or_default(),
        };
        self.reduction.divisor(match target {
            Target::Values(_) => target.rows() as f64,
            Target::Classes(indices) => {
                indices.iter().filter(|&&class| Some(class) != self.ignored).map(|&class| weight(class)).sum()
            }
        })
    }

    /// The exponentials are computed once.
    fn part(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        divisor: f64,
        gradient: Option<TensorViewMut<'_, T>>,
    ) -> Result<T> {
        if let Some(gradient) = &gradient {
            check_gradient(outputs, gradient)?;
        }
        let rows = self.rows(outputs, target)?;
        let Some(scale) = scale_of::<T>(divisor)? else {
            if rows.count_at_all() {
                let expected =
                    "target classes whose weights, which the mean is divided by, add up to more than 0";
                return Err(Error::setting("class_weights", expected, divisor));
            }
            gradient.into_iter().for_each(|mut gradient| gradient.as_mut_slice().fill(T::zero()));
            return Ok(T::zero());
        };
        let logits = outputs.as_slice().chunks_exact(rows.classes);
        let sum = match gradient {
            None => sum(logits.enumerate().map(|(row, logits)| rows.value(row, logits))),
            Some(mut gradient) => {
                let gradients = gradient.as_mut_slice().chunks_exact_mut(rows.classes);
                let losses = logits.zip(gradients).enumerate();
                sum(losses.map(|(row, (x, gradient))| rows.value_and_gradient(row, x, scale, gradient)))
            }
        };
        Ok(T::of(sum / divisor))
    }

    fn ignores(&self, class: usize) -> bool {
        Some(class) == self.ignored
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        let classes = class_rows_of(outputs)?;
        self.check_weights(classes)?;
        match target {
            Target::Values(_) => target.check_shares("cross_entropy", outputs),
            Target::Classes(indices) => self.check_classes(indices, outputs.len() / classes, classes),
        }
    }
}
