//! The focal loss of yes or no, for each output.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, with_reduction};
use super::target::Target;
use crate::getters::getters;
use crate::layers::OutputKind;
use crate::{Error, Result, Scalar, Shape};

/// Focal loss of each output, from logits: binary cross-entropy in which outputs that are right already count little (Lin et al., 2017).
///
/// For a logit x, p = σ(x) and a target t from 0 to 1:
///
/// ```text
/// loss = αₜ·(1 − pₜ)^γ·(−t·ln p − (1 − t)·ln(1 − p))
/// pₜ = t·p + (1 − t)·(1 − p)        αₜ = t·α + (1 − t)·(1 − α)
/// ```
///
/// γ = 2 and α = 0.25 unless set, as in the paper and in torchvision's `sigmoid_focal_loss`. Keras's
/// `BinaryFocalCrossentropy` has no αₜ unless `apply_class_balancing` is set: [`without_alpha`](Self::without_alpha). By
/// default the mean over all elements (torchvision's default is no reduction).
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`.
///
/// ```
/// use taper::{Tensor, losses::{BinaryFocal, Loss}};
///
/// let (logits, target) = (Tensor::from([[0.0, 1e4]]), Tensor::from([[1.0, 1.0]]));
/// let loss: f64 = BinaryFocal::new().forward(logits.view(), (&target).into())?;
/// assert_eq!(loss, 0.25 * 0.25 * 2.0_f64.ln() / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BinaryFocal {
    gamma: f64,
    alpha: Option<f64>,
    reduction: Reduction,
}

impl Default for BinaryFocal {
    fn default() -> Self {
        Self { gamma: 2.0, alpha: Some(0.25), reduction: Reduction::Mean }
    }
}

impl BinaryFocal {
    /// The loss with γ = 2, α = 0.25 and the mean over all elements.
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

    /// The weight of targets of 1, α, 0.25 unless set; those of 0 weigh 1 − α.
    ///
    /// # Errors
    /// [`Error::Setting`] unless from 0 to 1.
    pub fn with_alpha(mut self, alpha: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&alpha) {
            return Err(Error::setting("alpha", "a number from 0 to 1", alpha));
        }
        self.alpha = Some(alpha);
        Ok(self)
    }

    /// All targets weigh 1.
    #[must_use]
    pub fn without_alpha(mut self) -> Self {
        self.alpha = None;
        self
    }

    with_reduction!();

    /// αₜ.
    fn weight<T: Scalar>(&self, target: T) -> T {
        let Some(alpha) = self.alpha.map(T::of) else { return T::one() };
        target * alpha + (T::one() - target) * (T::one() - alpha)
    }

    getters! {
        /// How much less an output counts that is nearly right.
        gamma: f64;
        /// The weight of targets of 1, where there is one.
        alpha: Option<f64>;
    }
}

pub(super) fn check_gamma(gamma: f64) -> Result<f64> {
    if gamma.is_finite() && gamma >= 0.0 {
        return Ok(gamma);
    }
    Err(Error::setting("gamma", "a finite number of at least 0", gamma))
}

/// σ(x), σ(−x) and the binary cross-entropy, each without a difference of large numbers.
fn parts<T: Scalar>(x: T, target: T) -> (T, T, T) {
    let (above, below) = if x < T::zero() { (T::zero(), -x) } else { (x, T::zero()) };
    let rest = (-x.abs()).exp().ln_1p();
    let sigmoid = |x: T| T::one() / (T::one() + (-x).exp());
    let entropy = target * (below + rest) + (T::one() - target) * (above + rest);
    (sigmoid(x), sigmoid(-x), entropy)
}

impl<T: Scalar> Elementwise<T> for BinaryFocal {
    const KIND: &'static str = "binary_focal";

    fn takes(&self, outputs: OutputKind) -> bool {
        outputs.is_of_any_numbers()
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        let (yes, no, entropy) = parts(output, target);
        let wrong = target * no + (T::one() - target) * yes;
        self.weight(target) * wrong.powf(T::of(self.gamma)) * entropy
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        let (yes, no, entropy) = parts(output, target);
        let wrong = target * no + (T::one() - target) * yes;
        // The derivative of 1 − pₜ, divided by it; where that is 0, so is the loss with all of its derivatives.
        let fall = (T::one() - T::of(2.0) * target) * yes * no;
        let fall = if wrong == T::zero() { T::zero() } else { fall / wrong };
        let slope = (T::one() - target) * yes - target * no;
        let gamma = T::of(self.gamma);
        self.weight(target) * wrong.powf(gamma) * (gamma * fall * entropy + slope)
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_shares("binary_focal", outputs)
    }
}

loss_of_elements!(BinaryFocal);
