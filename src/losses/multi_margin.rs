//! The multi-class margin: the right class ahead of every other.

use super::class_targets::{ClassTargets, indices};
use super::loss::{Loss, Reduction, class_rows_of, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::getters::getters;
use crate::scalar::sum;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Margin of one of several classes: the right one ahead of every other. PyTorch's `MultiMarginLoss`.
///
/// For scores x of C classes, a target class c and class weights w:
///
/// ```text
/// loss = w_c/C·Σ_{i≠c} m_i^p        m_i = max(margin − x_c + x_i, 0)
/// ∂loss/∂x_i = w_c/C·p·m_i^(p−1), and 0 where m_i = 0        ∂loss/∂x_c = −Σ_{i≠c} ∂loss/∂x_i
/// ```
///
/// As there, the margin is 1 and p 1 unless set, and p may be 2 ([`squared`](Self::squared)). By
/// default the mean over the rows of classes; the weights are no part of what it is divided by.
///
/// # Shapes
/// Outputs `[batch, …, classes]`; one class index for each row of classes.
///
/// ```
/// use taper::{Tensor, losses::{Loss, MultiMargin}};
///
/// let outputs = Tensor::from([[0.1, 0.2, 0.4, 0.8]]);
/// let loss: f64 = MultiMargin::new().forward(outputs.view(), (&[3]).into())?;
/// assert!((loss - (0.3 + 0.4 + 0.6) / 4.0).abs() < 1e-15);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MultiMargin {
    margin: f64,
    squared: bool,
    classes: ClassTargets,
    reduction: Reduction,
}

impl Default for MultiMargin {
    fn default() -> Self {
        Self { margin: 1.0, squared: false, classes: ClassTargets::default(), reduction: Reduction::Mean }
    }
}

impl MultiMargin {
    /// The loss with a margin of 1 and the mean over the samples.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// By how much the right class has to be ahead; 1 unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite.
    pub fn with_margin(mut self, margin: f64) -> Result<Self> {
        if margin.is_finite() {
            self.margin = margin;
            return Ok(self);
        }
        Err(Error::setting("margin", "a finite number", margin))
    }

    /// Squares what is missing of the margin: a p of 2.
    #[must_use]
    pub fn squared(mut self) -> Self {
        self.squared = true;
        self
    }

    /// Weights the classes: one weight for each. A negative one turns the loss of its class around.
    ///
    /// # Errors
    /// [`Error::Setting`] unless all are finite.
    pub fn with_class_weights(mut self, weights: &[f64]) -> Result<Self> {
        self.classes.set_weights(weights)?;
        Ok(self)
    }

    with_reduction!();

    /// The target of each row of the outputs, checked.
    fn rows<'a, T: Scalar>(&'a self, outputs: Shape, target: Target<'a, T>) -> Result<Rows<'a>> {
        let classes = class_rows_of(outputs)?;
        self.classes.check_weights("class_weights of multi_margin", classes)?;
        let indices = indices("multi_margin", target)?;
        self.classes.check("target of multi_margin", indices, outputs)?;
        Ok(Rows { loss: self, indices })
    }

    getters! {
        /// The margin.
        margin: f64;
        /// Whether what is missing to the margin is squared.
        is_squared: bool = |this| this.squared;
        /// The weight of each class, where there are any.
        class_weights: Option<&[f64]> = |this| this.classes.weights();
    }
}

/// Targets that fit the outputs.
struct Rows<'a> {
    loss: &'a MultiMargin,
    indices: &'a [usize],
}

impl Rows<'_> {
    /// w/C for the target of a row.
    fn share<T: Scalar>(&self, row: usize, classes: usize) -> T {
        self.loss.classes.weight::<T>(self.indices[row]) / T::of(classes as f64)
    }

    /// What is missing of the margin between the target of a row and another class; NaN where it is NaN.
    fn missing<T: Scalar>(&self, row: usize, class: usize, outputs: &[T]) -> T {
        let missing = T::of(self.loss.margin) - outputs[self.indices[row]] + outputs[class];
        if class == self.indices[row] || missing < T::zero() { T::zero() } else { missing }
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_> {
    fn value(&self, row: usize, outputs: &[T]) -> T {
        let terms = (0..outputs.len()).map(|class| {
            let missing = self.missing(row, class, outputs);
            if self.loss.squared { missing * missing } else { missing }
        });
        T::of(sum(terms)) * self.share(row, outputs.len())
    }

    fn value_and_gradient(&self, row: usize, outputs: &[T], scale: T, gradient: &mut [T]) -> T {
        let share = scale * self.share::<T>(row, outputs.len());
        for (class, gradient) in gradient.iter_mut().enumerate() {
            let missing = self.missing(row, class, outputs);
            *gradient = if missing == T::zero() {
                T::zero()
            } else if self.loss.squared {
                share * T::of(2.0) * missing
            } else {
                share
            };
        }
        // That of the target is 0 so far.
        gradient[self.indices[row]] = T::of(-sum(gradient.iter().copied()));
        self.value(row, outputs)
    }
}

impl<T: Scalar> Loss<T> for MultiMargin {
    fn kind(&self) -> &'static str {
        "multi_margin"
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        rowwise::each(&self.rows(outputs.shape(), target)?, outputs)
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
        rowwise::part(&self.rows(outputs.shape(), target)?, outputs, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        self.rows(outputs, target).map(|_| ())
    }
}
