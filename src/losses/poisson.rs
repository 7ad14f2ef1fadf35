//! The negative log-likelihood of counts under Poisson's distribution.

use super::elementwise::{Elementwise, loss_of_elements};
use super::loss::{Reduction, check_outputs, with_reduction};
use super::target::Target;
use crate::getters::getters;
use crate::{Error, Result, Scalar, Shape, TensorView};

/// Negative log-likelihood of counts under Poisson's distribution: PyTorch's `PoissonNLLLoss`, Keras's `Poisson`.
///
/// For a count t and an output x, which is the logarithm of the expected count, or, without `log_input`, that itself:
///
/// ```text
/// loss = eˣ − t·x                ∂loss/∂x = eˣ − t
/// loss = x − t·ln(x + ε)         ∂loss/∂x = 1 − t/(x + ε)        without log_input
/// ```
///
/// As in PyTorch, ε = 1e-8 unless set, and what does not depend on x is left out unless it is to be
/// [full](Self::with_full). By default the mean over all elements. Keras's is the one without `log_input`, and an ε
/// of 1e-7.
///
/// # Shapes
/// Outputs and target have the same shape, `[batch, …]`. Without `log_input`, outputs have to be at least 0.
///
/// ```
/// use taper::{Tensor, losses::{Loss, Poisson}};
///
/// let (outputs, target) = (Tensor::from([[0.0, 1.0]]), Tensor::from([[2.0, 1.0]]));
/// let loss: f64 = Poisson::new().forward(outputs.view(), (&target).into())?;
/// assert_eq!(loss, (1.0 + (1.0_f64.exp() - 1.0)) / 2.0);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Poisson {
    log_input: bool,
    full: bool,
    epsilon: f64,
    reduction: Reduction,
}

impl Default for Poisson {
    fn default() -> Self {
        Self { log_input: true, full: false, epsilon: 1e-8, reduction: Reduction::Mean }
    }
}

impl Poisson {
    /// The loss of logarithms of expected counts, with the mean over all elements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the outputs as expected counts instead of their logarithms.
    #[must_use]
    pub fn without_log_input(mut self) -> Self {
        self.log_input = false;
        self
    }

    /// Adds what does not depend on the outputs, ln t!, in Stirling's approximation t·ln t − t + ln(2πt)/2, and for
    /// t ≤ 1 nothing.
    #[must_use]
    pub fn with_full(mut self) -> Self {
        self.full = true;
        self
    }

    /// What is added to an expected count before its logarithm is taken; 1e-8 unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        if epsilon.is_finite() && epsilon >= 0.0 {
            self.epsilon = epsilon;
            return Ok(self);
        }
        Err(Error::setting("epsilon", "a finite number of at least 0", epsilon))
    }

    with_reduction!();

    getters! {
        /// Whether outputs are logarithms of rates.
        log_input: bool;
        /// Whether the part is there that depends on the target alone.
        full: bool;
        /// What is added to a rate before its logarithm is taken.
        epsilon: f64;
    }
}

/// ln t! for large t.
fn stirling<T: Scalar>(t: T) -> T {
    t * t.ln() - t + T::of(0.5) * (T::of(core::f64::consts::TAU) * t).ln()
}

impl<T: Scalar> Elementwise<T> for Poisson {
    const KIND: &'static str = "poisson";

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn value(&self, _: usize, output: T, target: T) -> T {
        let rest = if self.full && target > T::one() { stirling(target) } else { T::zero() };
        let loss = if self.log_input {
            output.exp() - target * output
        } else if target == T::zero() {
            output
        } else {
            output - target * (output + T::of(self.epsilon)).ln()
        };
        loss + rest
    }

    fn slope(&self, _: usize, output: T, target: T) -> T {
        if self.log_input {
            output.exp() - target
        } else if target == T::zero() {
            T::one()
        } else {
            T::one() - target / (output + T::of(self.epsilon))
        }
    }

    fn check_outputs(&self, outputs: TensorView<'_, T>) -> Result<()> {
        if self.log_input {
            return Ok(());
        }
        check_outputs("output of poisson", outputs, "a count of at least 0", |x| x >= T::zero())
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_at_least_0("poisson", outputs)
    }
}

loss_of_elements!(Poisson);
