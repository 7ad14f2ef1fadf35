//! The hinge loss of distances: small where two things are alike, large enough where they are not.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use super::target::Target;
use crate::getters::getters;
use crate::{Error, Result, Scalar, Shape};

/// Hinge of distances: small where two things are alike, large enough where they are not. PyTorch's `HingeEmbeddingLoss`.
///
/// For a distance x and a target t:
///
/// ```text
/// loss = x                      ∂loss/∂x = 1                              for t = 1
/// loss = max(margin − x, 0)     ∂loss/∂x = −1, and 0 where x ≥ margin     for t = −1
/// ```
///
/// By default the mean over all elements. The margin is 1 unless set.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{HingeEmbedding, Loss}};
///
/// let (outputs, target) = (Tensor::from([[0.25, 0.25, 3.0]]), Tensor::from([[1.0, -1.0, -1.0]]));
/// let loss = HingeEmbedding::new().forward(outputs.view(), (&target).into())?;
/// assert_eq!(loss, (0.25 + 0.75 + 0.0) / 3.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HingeEmbedding {
    margin: f64,
    reduction: Reduction,
}

impl Default for HingeEmbedding {
    fn default() -> Self {
        Self { margin: 1.0, reduction: Reduction::Mean }
    }
}

impl HingeEmbedding {
    /// The loss with a margin of 1 and the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How far apart is far enough.
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

    with_reduction!();

    getters! {
        /// The margin.
        margin: f64;
    }
}

impl<T: Scalar> Elementwise<T> for HingeEmbedding {
    const KIND: &'static str = "hinge_embedding";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        let short = T::of(self.margin) - output;
        if target > T::zero() {
            output
        } else if short < T::zero() {
            T::zero()
        } else {
            short
        }
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        if target > T::zero() {
            T::one()
        } else if T::of(self.margin) - output <= T::zero() {
            T::zero()
        } else {
            -T::one()
        }
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_signs("hinge_embedding", outputs)
    }
}

loss_of_elements!(HingeEmbedding);
