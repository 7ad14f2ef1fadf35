//! What makes a model imitate another one.

use super::loss::{Loss, Reduction, class_rows, class_rows_of, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::getters::getters;
use crate::layers::{OutputKind, max_and_log_sum};
use crate::scalar::sum;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// What makes a model imitate another one: the squared error of their logits, or a divergence at a temperature.
///
/// For a model's logits x and another one's logits t of the same input, of C classes:
///
/// ```text
/// squared error          loss = Σ (x_c − t_c)²/C                   ∂loss/∂x_c = 2·(x_c − t_c)/C
/// at a temperature τ     loss = τ²·Σ q_c·(ln q_c − ln p_c)         ∂loss/∂x_c = τ·(p_c − q_c)
/// ```
///
/// with p = softmax(x/τ) and q = softmax(t/τ) (Hinton, Vinyals and Dean, 2015, whose factor τ² keeps the gradient as large as that of a
/// loss of labels). The mean over the rows of classes, unless it is the sum.
///
/// With labels, which count as much as their share says, it is (1 − share)·loss + share·cross-entropy; the target has the labels as
/// shares of the classes behind t then.
///
/// A [`Teacher`](crate::train::Teacher) makes such targets of a model, batch by batch.
///
/// # Shapes
/// Outputs `[batch, …, classes]`, target the same, or with labels `[batch, …, 2·classes]`.
///
/// ```
/// use taper::{Tensor, losses::{Distillation, Loss}};
///
/// let (x, t) = (Tensor::from([[1.0, 0.0]]), Tensor::from([[3.0, 2.0]]));
/// assert_eq!(Distillation::new().forward(x.view(), (&t).into())?, 4.0);
/// // The same probabilities: only differences of logits count.
/// let warm = Distillation::new().with_temperature(2.0)?;
/// assert_eq!(warm.forward(x.view(), (&t).into())?, 0.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Distillation {
    temperature: Option<f64>,
    labels: f64,
    reduction: Reduction,
}

impl Distillation {
    /// The squared error of the logits, without labels.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The Kullback–Leibler divergence at this temperature in place of the squared error. 1 compares the probabilities as they are; the higher, the
    /// more the classes count that are not the likeliest.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and above 0.
    pub fn with_temperature(mut self, temperature: f64) -> Result<Self> {
        if !(temperature.is_finite() && temperature > 0.0) {
            return Err(Error::setting("temperature", "a finite number above 0", temperature));
        }
        self.temperature = Some(temperature);
        Ok(self)
    }

    /// How much labels count beside the other model, as a share of the loss. 0 unless set, and then a target has none.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ share < 1.
    pub fn with_labels(mut self, share: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&share) {
            return Err(Error::setting("share of the labels", "a number of at least 0 and below 1", share));
        }
        self.labels = share;
        Ok(self)
    }

    with_reduction!();

    getters! {
        /// The temperature; `None` for the squared error.
        temperature: Option<f64>;
        /// How much labels count.
        labels: f64;
    }

    /// The target of each row, checked.
    fn rows<'a, T: Scalar>(&self, outputs: TensorView<'_, T>, target: Target<'a, T>) -> Result<Rows<'a, T>> {
        let classes = class_rows(outputs)?;
        let target = target.values_of("distillation", self.target_shape(outputs.shape(), classes))?;
        Ok(Rows { target, temperature: self.temperature.map(T::of), labels: T::of(self.labels) })
    }

    fn target_shape(&self, outputs: Shape, classes: usize) -> Shape {
        if self.labels > 0.0 { outputs.with_last(2 * classes) } else { outputs }
    }
}

/// Targets that fit the outputs.
struct Rows<'a, T> {
    target: &'a [T],
    temperature: Option<T>,
    labels: T,
}

impl<T: Scalar> Rows<'_, T> {
    /// The other model's logits, and the labels where they count.
    fn target(&self, row: usize, classes: usize) -> (&[T], &[T]) {
        let columns = if self.labels > T::zero() { 2 * classes } else { classes };
        self.target[row * columns..][..columns].split_at(classes)
    }

    fn imitation(&self, logits: &[T], target: &[T]) -> T {
        let pairs = logits.iter().zip(target);
        let Some(temperature) = self.temperature else {
            return T::of(sum(pairs.map(|(&x, &t)| (x - t) * (x - t))) / logits.len() as f64);
        };
        let (x_max, x_sum) = log_sum(logits, temperature);
        let (t_max, t_sum) = log_sum(target, temperature);
        let terms = pairs.map(|(&x, &t)| {
            let (ln_p, ln_q) = ((x - x_max) / temperature - x_sum, (t - t_max) / temperature - t_sum);
            ln_q.exp() * (ln_q - ln_p)
        });
        temperature * temperature * T::of(sum(terms))
    }

    /// gradient ← scale times that of the part that is not labels.
    fn imitation_gradient(&self, logits: &[T], target: &[T], scale: T, gradient: &mut [T]) {
        let pairs = gradient.iter_mut().zip(logits.iter().zip(target));
        let Some(temperature) = self.temperature else {
            let scale = scale * T::of(2.0 / logits.len() as f64);
            pairs.for_each(|(gradient, (&x, &t))| *gradient = scale * (x - t));
            return;
        };
        let (x_max, x_sum) = log_sum(logits, temperature);
        let (t_max, t_sum) = log_sum(target, temperature);
        for (gradient, (&x, &t)) in pairs {
            let p = ((x - x_max) / temperature - x_sum).exp();
            let q = ((t - t_max) / temperature - t_sum).exp();
            *gradient = scale * temperature * (p - q);
        }
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_, T> {
    fn value(&self, row: usize, logits: &[T]) -> T {
        let (target, labels) = self.target(row, logits.len());
        let imitation = self.imitation(logits, target);
        if labels.is_empty() {
            return imitation;
        }
        let (max, log_sum) = max_and_log_sum(logits);
        let terms = logits.iter().zip(labels).map(|(&x, &label)| label * (max - x + log_sum));
        (T::one() - self.labels) * imitation + self.labels * T::of(sum(terms))
    }

    fn value_and_gradient(&self, row: usize, logits: &[T], scale: T, gradient: &mut [T]) -> T {
        let (target, labels) = self.target(row, logits.len());
        self.imitation_gradient(logits, target, scale * (T::one() - self.labels), gradient);
        if !labels.is_empty() {
            let (max, log_sum) = max_and_log_sum(logits);
            let total = T::of(sum(labels.iter().copied()));
            for (gradient, (&x, &label)) in gradient.iter_mut().zip(logits.iter().zip(labels)) {
                *gradient += scale * self.labels * ((x - max - log_sum).exp() * total - label);
            }
        }
        self.value(row, logits)
    }
}

/// The largest of the logits, and the logarithm of the sum of the exponentials of what they are below it, over τ.
fn log_sum<T: Scalar>(logits: &[T], temperature: T) -> (T, T) {
    let max =
        logits.iter().copied().fold(T::neg_infinity(), |max, x| if x > max || x.is_nan() { x } else { max });
    (max, T::of(sum(logits.iter().map(|&x| ((x - max) / temperature).exp()))).ln())
}

impl<T: Scalar> Loss<T> for Distillation {
    fn kind(&self) -> &'static str {
        "distillation"
    }

    /// Logits, where it makes probabilities of them.
    fn takes(&self, outputs: OutputKind) -> bool {
        let is_probabilities =
            matches!(outputs, OutputKind::Probabilities | OutputKind::IndependentProbabilities);
        !is_probabilities || self.temperature.is_none() && self.labels == 0.0
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

    fn target_columns(&self, outputs: usize) -> usize {
        if self.labels > 0.0 { 2 * outputs } else { outputs }
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        let classes = class_rows_of(outputs)?;
        target.check_finite("distillation", self.target_shape(outputs, classes))
    }
}
