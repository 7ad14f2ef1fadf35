//! The focal loss of one of several classes.

use super::binary_focal::check_gamma;
use super::class_targets::ClassTargets;
use super::loss::{Loss, Reduction, class_rows, class_rows_of, of_whole_batches, with_reduction};
use super::output_weights::OutputWeights;
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::getters::getters;
use crate::layers::OutputKind;
use crate::layers::max_and_log_sum;
use crate::scalar::sum;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Focal loss of one of several classes, from logits: cross-entropy in which classes that are right already count little (Lin et al.,
/// 2017).
///
/// For logits x of C classes, p = softmax(x) and a target distribution q:
///
/// ```text
/// loss = −Σ α_c·(1 − p_c)^γ·q_c·ln p_c
/// ∂loss/∂x_c = g_c − p_c·Σ g        g_c = α_c·q_c·(γ·p_c·(1 − p_c)^(γ−1)·ln p_c − (1 − p_c)^γ)
/// ```
///
/// A target of class indices means q = 1 for that class. Label smoothing ε makes q into (1 − ε)·q + ε/C. γ = 2 and α = 0.25 for
/// all classes unless set, as in Keras's `CategoricalFocalCrossentropy` with `from_logits`. By default the mean over the rows of
/// classes; α is no part of what it is divided by.
///
/// # Shapes
/// Outputs `[batch, …, classes]`; one class index for each row of classes, or probabilities of the same shape.
///
/// ```
/// use taper::{Tensor, losses::{CategoricalFocal, Loss}};
///
/// let logits = Tensor::from([[0.0, 0.0], [1e4, -1e4]]);
/// let loss: f64 = CategoricalFocal::new().forward(logits.view(), (&[1, 0]).into())?;
/// assert_eq!(loss, 0.25 * 0.25 * 2.0_f64.ln() / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CategoricalFocal {
    gamma: f64,
    alpha: OutputWeights,
    label_smoothing: f64,
    reduction: Reduction,
}

impl Default for CategoricalFocal {
    fn default() -> Self {
        let alpha = OutputWeights::of_all(0.25);
        Self { gamma: 2.0, alpha, label_smoothing: 0.0, reduction: Reduction::Mean }
    }
}

impl CategoricalFocal {
    /// The loss with γ = 2, α = 0.25 and the mean over the samples.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How little counts what is right already: γ, 2 unless set. With 0, it counts like everything else.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn with_gamma(mut self, gamma: f64) -> Result<Self> {
        self.gamma = check_gamma(gamma)?;
        Ok(self)
    }

    /// The weights of the classes, α: one number for all of them, 0.25 unless set, or one for each.
    ///
    /// # Errors
    /// [`Error::Setting`] unless there is at least one and all are finite.
    pub fn with_alpha(mut self, alpha: &[f64]) -> Result<Self> {
        self.alpha = OutputWeights::new("alpha", alpha)?;
        Ok(self)
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

    with_reduction!();

    fn check_alpha(&self, classes: usize) -> Result<()> {
        self.alpha.check("alpha of categorical_focal", classes)
    }

    /// The target of each row, checked.
    fn rows<'a, T: Scalar>(
        &'a self,
        outputs: TensorView<'_, T>,
        target: Target<'a, T>,
    ) -> Result<Rows<'a, T>> {
        let classes = class_rows(outputs)?;
        self.check_alpha(classes)?;
        match target {
            Target::Values(_) => drop(target.values("categorical_focal", outputs)?),
            Target::Classes(indices) => check_classes(outputs.shape(), indices)?,
        }
        Ok(Rows { loss: self, target })
    }

    getters! {
        /// How much less an output counts that is nearly right.
        gamma: f64;
        /// The weights: one for all classes, or one for each.
        alpha: &[f64] = |this| this.alpha.as_slice();
        /// The share of each target that is spread over all classes.
        label_smoothing: f64;
    }
}

fn check_classes(outputs: Shape, indices: &[usize]) -> Result<()> {
    ClassTargets::default().check("target of categorical_focal", indices, outputs)
}

/// Targets that fit the outputs.
struct Rows<'a, T> {
    loss: &'a CategoricalFocal,
    target: Target<'a, T>,
}

impl<T: Scalar> Rows<'_, T> {
    /// The weight of a class times its share of the target, smoothing included.
    fn weighted(&self, row: usize, class: usize, classes: usize) -> T {
        let (smoothing, share) = (T::of(self.loss.label_smoothing), self.target.share(row, class, classes));
        let share = share * (T::one() - smoothing) + smoothing / T::of(classes as f64);
        self.loss.alpha.times(class, share)
    }

    fn terms(&self, row: usize, logits: &[T], max: T, log_sum: T) -> T {
        let gamma = T::of(self.loss.gamma);
        T::of(sum(logits.iter().enumerate().map(|(class, &x)| {
            let weighted = self.weighted(row, class, logits.len());
            // A class of probability 0 may have an infinite logarithm: nothing times it is nothing.
            if weighted == T::zero() && !x.is_nan() {
                return T::zero();
            }
            let logarithm = x - max - log_sum;
            // 1 − p, without a difference where p is near 1.
            let wrong = -logarithm.exp_m1();
            -weighted * wrong.powf(gamma) * logarithm
        })))
    }

    /// g of a class: the derivative of its term with respect to ln p.
    fn slope(&self, weighted: T, logarithm: T) -> T {
        if weighted == T::zero() && !logarithm.is_nan() {
            return T::zero();
        }
        let (gamma, wrong) = (T::of(self.loss.gamma), -logarithm.exp_m1());
        // Where p is 1 its logarithm is 0, and the product approaches −1.
        let ratio = if wrong == T::zero() { -T::one() } else { logarithm / wrong };
        weighted * wrong.powf(gamma) * (gamma * logarithm.exp() * ratio - T::one())
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_, T> {
    fn value(&self, row: usize, logits: &[T]) -> T {
        let (max, log_sum) = max_and_log_sum(logits);
        self.terms(row, logits, max, log_sum)
    }

    fn value_and_gradient(&self, row: usize, logits: &[T], scale: T, gradient: &mut [T]) -> T {
        let (max, log_sum) = max_and_log_sum(logits);
        for (class, (gradient, &x)) in gradient.iter_mut().zip(logits).enumerate() {
            *gradient = self.slope(self.weighted(row, class, logits.len()), x - max - log_sum);
        }
        let total = T::of(sum(gradient.iter().copied()));
        for (gradient, &x) in gradient.iter_mut().zip(logits) {
            *gradient = scale * (*gradient - (x - max - log_sum).exp() * total);
        }
        self.terms(row, logits, max, log_sum)
    }
}

impl<T: Scalar> Loss<T> for CategoricalFocal {
    fn kind(&self) -> &'static str {
        "categorical_focal"
    }

    /// Logits. Log-probabilities are logits of the same probabilities.
    fn takes(&self, outputs: OutputKind) -> bool {
        !matches!(outputs, OutputKind::Probabilities | OutputKind::IndependentProbabilities)
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        rowwise::each(&self.rows(outputs, target)?, outputs)
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
        rowwise::part(&self.rows(outputs, target)?, outputs, divisor, gradient)
    }

    of_whole_batches!();

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        let classes = class_rows_of(outputs)?;
        self.check_alpha(classes)?;
        match target {
            Target::Values(_) => target.check_shares("categorical_focal", outputs),
            Target::Classes(indices) => check_classes(outputs, indices),
        }
    }
}
