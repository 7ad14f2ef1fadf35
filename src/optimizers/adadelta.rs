//! Adadelta: steps as long as those before, in proportion to gradients as large as those before.

use super::rule::{Rule, Update};
use super::settings::{RuleSettings, check_share, kind_and_settings, with_epsilon, with_weight_decay};
use crate::getters::getters;
use crate::{Result, Scalar};

/// Adadelta (Zeiler, 2012), as PyTorch's: gradients divided by their running size, times that of the steps so far.
///
/// ```text
/// s ← ρ·s + (1 − ρ)·g²        Δ = √(d + ε)/√(s + ε)·g        d ← ρ·d + (1 − ρ)·Δ²
/// w ← w − learning_rate·Δ
/// ```
///
/// ρ = 0.9, ε = 1e-6 unless set. Keras's `Adadelta` has ρ = 0.95 and ε = 1e-7. An ε too small for the number type is taken for
/// its smallest one: without any, no step would ever be made.
///
/// ```
/// use taper::optimizers::{Adadelta, Optimizer};
///
/// let optimizer = Optimizer::<f32>::new(Adadelta::new(1.0)?.with_smoothing(0.95)?);
/// assert_eq!(optimizer.rule().kind(), "adadelta");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Adadelta {
    settings: RuleSettings,
    smoothing: f64,
    epsilon: f64,
}

impl Adadelta {
    /// Adadelta with this learning rate; 1 is usual, and the original's.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        Ok(Self { settings: RuleSettings::new(learning_rate)?, smoothing: 0.9, epsilon: 1e-6 })
    }

    /// How slowly the two running squares forget: ρ.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless at least 0 and below 1.
    pub fn with_smoothing(mut self, smoothing: f64) -> Result<Self> {
        self.smoothing = check_share("smoothing", smoothing)?;
        Ok(self)
    }

    with_epsilon!();

    with_weight_decay!();

    getters! {
        /// How slowly the two running squares forget.
        smoothing: f64;
    }
}

impl<T: Scalar> Rule<T> for Adadelta {
    kind_and_settings!("adadelta");

    /// The squares of gradients and of steps.
    fn buffers(&self) -> usize {
        2
    }

    fn buffer_name(&self, buffer: usize) -> &'static str {
        ["square_avg", "acc_delta"][buffer]
    }

    fn is_never_negative(&self, _: usize) -> bool {
        true
    }

    fn update(&self, update: Update<'_, T>) {
        let learning_rate = T::of(update.learning_rate);
        let (keep, take) = (T::of(self.smoothing), T::of(1.0 - self.smoothing));
        let epsilon = T::of(self.epsilon).max(T::min_positive_value());
        update.each(move |w, g, [square, steps]| {
            let square = keep * square + take * g * g;
            let step = (steps + epsilon).sqrt() / (square + epsilon).sqrt() * g;
            (w - learning_rate * step, [square, keep * steps + take * step * step])
        });
    }
}
