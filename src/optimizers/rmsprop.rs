//! RMSprop: steps divided by the running root mean square of the gradient.

use super::rule::{Rule, Update};
use super::settings::{
    RuleSettings, check_share, kind_and_settings, least_divisor, with_epsilon, with_weight_decay,
};
use crate::getters::getters;
use crate::{Result, Scalar};

/// `RMSprop` (Tieleman and Hinton, 2012), as PyTorch's: gradients divided by their running root mean square.
///
/// ```text
/// v ← α·v + (1 − α)·g²        w ← w − learning_rate·g/(√v + ε)
/// ```
///
/// Centered, v − a² stands for v, with a ← α·a + (1 − α)·g. With momentum µ, b ← µ·b + g/(√v + ε) and the weight
/// moves by b. α = 0.99, ε = 1e-8, µ = 0 unless set. Keras's `RMSprop` has α = 0.9 (`rho`) and adds ε = 1e-7 under the root.
///
/// ```
/// use taper::optimizers::{Optimizer, RmsProp};
///
/// let optimizer = Optimizer::<f32>::new(RmsProp::new(1e-2)?.with_momentum(0.9)?.centered());
/// assert_eq!(optimizer.rule().kind(), "rmsprop");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RmsProp {
    settings: RuleSettings,
    smoothing: f64,
    epsilon: f64,
    momentum: f64,
    centered: bool,
}

impl RmsProp {
    /// `RMSprop` with this learning rate; 1e-2 is usual.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        let settings = RuleSettings::new(learning_rate)?;
        Ok(Self { settings, smoothing: 0.99, epsilon: 1e-8, momentum: 0.0, centered: false })
    }

    /// How slowly the running size forgets: α.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless at least 0 and below 1.
    pub fn with_smoothing(mut self, smoothing: f64) -> Result<Self> {
        self.smoothing = check_share("smoothing", smoothing)?;
        Ok(self)
    }

    with_epsilon!();

    /// Keeps moving in the direction so far: µ, 0 unless set.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless 0 ≤ momentum < 1.
    pub fn with_momentum(mut self, momentum: f64) -> Result<Self> {
        self.momentum = check_share("momentum", momentum)?;
        Ok(self)
    }

    /// Divides by the standard deviation of the gradient instead of its root mean square.
    #[must_use]
    pub fn centered(mut self) -> Self {
        self.centered = true;
        self
    }

    with_weight_decay!();

    getters! {
        /// How slowly the mean of squares forgets.
        smoothing: f64;
        /// The momentum.
        momentum: f64;
        /// Whether the variance is taken instead of the mean of squares.
        is_centered: bool = |this| this.centered;
    }
}

impl<T: Scalar> Rule<T> for RmsProp {
    kind_and_settings!("rmsprop");

    /// The square, the velocity and the mean: always all three, so that a rule's settings do not change the
    /// layout of its state.
    fn buffers(&self) -> usize {
        3
    }

    fn buffer_name(&self, buffer: usize) -> &'static str {
        ["square_avg", "momentum_buffer", "grad_avg"][buffer]
    }

    fn is_never_negative(&self, buffer: usize) -> bool {
        buffer == 0
    }

    fn update(&self, update: Update<'_, T>) {
        let learning_rate = T::of(update.learning_rate);
        let (keep, take) = (T::of(self.smoothing), T::of(1.0 - self.smoothing));
        let (momentum, epsilon) =
            (T::of(self.momentum), least_divisor::<T>(self.epsilon, 1.0 - self.smoothing));
        let centered = self.centered;
        update.each(move |w, g, [square, velocity, mean]| {
            let square = keep * square + take * g * g;
            let (variance, mean) = if centered {
                let mean = keep * mean + take * g;
                // Rounding can leave a little less than nothing.
                ((square - mean * mean).max(T::zero()), mean)
            } else {
                (square, mean)
            };
            let velocity = momentum * velocity + g / (variance.sqrt() + epsilon);
            (w - learning_rate * velocity, [square, velocity, mean])
        });
    }
}
