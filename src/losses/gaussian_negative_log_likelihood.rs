//! The negative log-likelihood of numbers under normal distributions whose variance is an output too.

use super::loss::{Loss, Reduction, check_outputs_at, class_rows_of, of_whole_batches, with_reduction};
use super::rowwise::{self, Rowwise};
use super::target::Target;
use crate::getters::getters;
#[cfg(not(feature = "std"))]
use crate::prelude::*;
use crate::scalar::sum;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Negative log-likelihood of numbers under normal distributions whose variance is an output too: PyTorch's `GaussianNLLLoss`.
///
/// For a target t and two outputs, the mean μ and the variance v of what it may be:
///
/// ```text
/// loss = (ln v + (μ − t)²/v)/2          ∂loss/∂μ = (μ − t)/v        ∂loss/∂v = (1/v − (μ − t)²/v²)/2
/// loss = (s + (μ − t)²·e⁻ˢ)/2           ∂loss/∂s = (1 − (μ − t)²·e⁻ˢ)/2        for the logarithm s of the variance
/// ```
///
/// As there, variances below ε = 1e-6 count as ε, with the derivative that there is at ε, and ln(2π)/2 is left
/// out unless the loss is to be [full](Self::with_full). By default the mean over all targets. A model learns with it how sure it
/// is (Nix and Weigend, 1994).
///
/// # Shapes
/// Outputs `[batch, …, 2·values]`, along the last axis all means and then all variances; target `[batch, …, values]`. Variances have
/// to be at least 0: a path of its own that ends in a softplus makes them
/// ([`Join::Concat`](crate::sequential::Join::Concat)). Any number is the logarithm of one
/// ([`with_log_variance`](Self::with_log_variance)), so a dense layer of 2·values outputs will do.
///
/// ```
/// use taper::{Tensor, losses::{GaussianNegativeLogLikelihood, Loss}};
///
/// let (outputs, target) = (Tensor::from([[1.0, 4.0], [3.0, 1.0]]), Tensor::from([[3.0], [3.0]]));
/// let loss: f64 = GaussianNegativeLogLikelihood::new().forward(outputs.view(), (&target).into())?;
/// assert_eq!(loss, ((4.0_f64.ln() + 4.0 / 4.0) / 2.0 + 0.0) / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GaussianNegativeLogLikelihood {
    log_variance: bool,
    full: bool,
    epsilon: f64,
    reduction: Reduction,
}

impl Default for GaussianNegativeLogLikelihood {
    fn default() -> Self {
        Self { log_variance: false, full: false, epsilon: 1e-6, reduction: Reduction::Mean }
    }
}

impl GaussianNegativeLogLikelihood {
    /// The loss of means and variances, with the mean over all targets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the second half of the outputs as logarithms of variances.
    #[must_use]
    pub fn with_log_variance(mut self) -> Self {
        self.log_variance = true;
        self
    }

    /// Adds what does not depend on the outputs, ln(2π)/2.
    #[must_use]
    pub fn with_full(mut self) -> Self {
        self.full = true;
        self
    }

    /// What variances are taken for at least; 1e-6 unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and above 0 in single precision too: at least 1.2e-38.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        if epsilon.is_finite() && epsilon >= f64::from(f32::MIN_POSITIVE) {
            self.epsilon = epsilon;
            return Ok(self);
        }
        Err(Error::setting("epsilon", "a finite number of at least 1.2e-38", epsilon))
    }

    with_reduction!();

    getters! {
        /// Whether the second half of the outputs are logarithms of variances.
        log_variance: bool;
        /// Whether the part is there that depends on nothing.
        full: bool;
        /// What variances are taken for at least.
        epsilon: f64;
    }

    /// The values of the target, where they fit the outputs.
    fn target<T: Scalar>(outputs: Shape, target: Target<'_, T>) -> Result<&[T]> {
        let last = class_rows_of(outputs)?;
        if !last.is_multiple_of(2) {
            let expected = "[batch, …, 2·values], means and then variances";
            return Err(Error::shape("outputs", expected, outputs));
        }
        target.values_of(KIND, outputs.with_last(last / 2))
    }

    /// The same, where every variance is one.
    fn rows<'a, T: Scalar>(
        &'a self,
        outputs: TensorView<'_, T>,
        target: Target<'a, T>,
    ) -> Result<Rows<'a, T>> {
        let target = Self::target(outputs.shape(), target)?;
        let last = class_rows_of(outputs.shape())?;
        let is_right = |place, value| self.log_variance || place % last < last / 2 || value >= T::zero();
        check_outputs_at(OUTPUT, outputs, "a variance of at least 0", is_right)?;
        Ok(Rows { loss: self, target })
    }

    /// The loss of one target, and its derivatives with respect to mean and variance.
    fn of<T: Scalar>(&self, mean: T, spread: T, target: T) -> [T; 3] {
        let (half, difference) = (T::of(0.5), mean - target);
        let rest = if self.full { T::of(0.5 * core::f64::consts::TAU.ln()) } else { T::zero() };
        if self.log_variance {
            // e⁻ˢ may be infinite where there is no difference.
            let slope = if difference == T::zero() { T::zero() } else { difference * (-spread).exp() };
            return [
                half * (spread + difference * slope) + rest,
                slope,
                half * (T::one() - difference * slope),
            ];
        }
        // Not `max`, which would turn NaN into ε.
        let epsilon = T::of(self.epsilon);
        let variance = if spread < epsilon { epsilon } else { spread };
        let slope = difference / variance;
        let loss = half * (variance.ln() + difference * slope) + rest;
        [loss, slope, half * (variance.recip() - slope * slope)]
    }
}

const KIND: &str = "gaussian_negative_log_likelihood";
const OUTPUT: &str = "output of gaussian_negative_log_likelihood";

/// Targets that fit the outputs.
struct Rows<'a, T> {
    loss: &'a GaussianNegativeLogLikelihood,
    target: &'a [T],
}

impl<T: Scalar> Rows<'_, T> {
    /// The targets of a row, each with its mean and its variance.
    fn row<'a>(&'a self, row: usize, outputs: &'a [T]) -> impl Iterator<Item = [T; 3]> + 'a {
        let (means, spreads) = outputs.split_at(outputs.len() / 2);
        let target = &self.target[row * means.len()..];
        means
            .iter()
            .zip(spreads)
            .zip(target)
            .map(|((&mean, &spread), &target)| self.loss.of(mean, spread, target))
    }
}

impl<T: Scalar> Rowwise<T> for Rows<'_, T> {
    fn value(&self, row: usize, outputs: &[T]) -> T {
        T::of(sum(self.row(row, outputs).map(|[loss, ..]| loss)))
    }

    fn value_and_gradient(&self, row: usize, outputs: &[T], scale: T, gradient: &mut [T]) -> T {
        let (means, spreads) = gradient.split_at_mut(outputs.len() / 2);
        let places = means.iter_mut().zip(spreads);
        T::of(sum(self.row(row, outputs).zip(places).map(|([loss, of_mean, of_spread], (mean, spread))| {
            (*mean, *spread) = (scale * of_mean, scale * of_spread);
            loss
        })))
    }
}

impl<T: Scalar> Loss<T> for GaussianNegativeLogLikelihood {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// One for each target.
    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        let rows = self.rows(outputs, target)?;
        let last = class_rows_of(outputs.shape())?;
        let losses = outputs.as_slice().chunks_exact(last).enumerate();
        let losses = losses.flat_map(|(row, outputs)| rows.row(row, outputs).map(|[loss, ..]| loss));
        Tensor::from_vec(outputs.shape().with_last(last / 2), losses.collect())
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
        rowwise::part(&self.rows(outputs, target)?, outputs, divisor, gradient)
    }

    of_whole_batches!();

    fn target_columns(&self, outputs: usize) -> usize {
        outputs / 2
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        Self::target(outputs, target)?;
        target.check_finite(KIND, outputs.with_last(outputs.axes().last().map_or(0, |last| last / 2)))
    }
}
