//! Adamax: Adam that divides by the largest gradient instead of a mean.

use super::rule::{Rule, Update};
use super::settings::{
    RuleSettings, kind_and_settings, larger, power, with_betas, with_epsilon, with_weight_decay,
};
use crate::{Result, Scalar};

/// Adamax (Kingma and Ba, 2014), as PyTorch's: Adam that divides by the largest gradient so far, which it forgets slowly.
///
/// In step t, from 1,
///
/// ```text
/// m ← β₁·m + (1 − β₁)·g        u ← max(β₂·u, |g| + ε)
/// w ← w − learning_rate/(1 − β₁ᵗ)·m/u
/// ```
///
/// β₁ = 0.9, β₂ = 0.999, ε = 1e-8 unless set. Keras's `Adamax` adds ε to u when it divides.
///
/// ```
/// use taper::optimizers::{Adamax, Optimizer};
///
/// let optimizer = Optimizer::<f32>::new(Adamax::new(2e-3)?);
/// assert_eq!(optimizer.rule().kind(), "adamax");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Adamax {
    settings: RuleSettings,
    betas: (f64, f64),
    epsilon: f64,
}

impl Adamax {
    /// Adamax with this learning rate; 2e-3 is usual.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        Ok(Self { settings: RuleSettings::new(learning_rate)?, betas: (0.9, 0.999), epsilon: 1e-8 })
    }

    with_betas!();

    with_epsilon!();

    with_weight_decay!();
}

impl<T: Scalar> Rule<T> for Adamax {
    kind_and_settings!("adamax");

    fn buffers(&self) -> usize {
        2
    }

    fn buffer_name(&self, buffer: usize) -> &'static str {
        ["exp_avg", "exp_inf"][buffer]
    }

    fn is_never_negative(&self, buffer: usize) -> bool {
        buffer == 1
    }

    fn update(&self, update: Update<'_, T>) {
        let (beta1, beta2) = self.betas;
        let rate = T::of(update.learning_rate / (1.0 - power(beta1, update.step)));
        let (keep1, take1, keep2) = (T::of(beta1), T::of(1.0 - beta1), T::of(beta2));
        // With an ε of 0 an element without gradients would be divided by 0.
        let epsilon = T::of(self.epsilon).max(T::min_positive_value());
        update.each(move |w, g, [moment, largest]| {
            let moment = keep1 * moment + take1 * g;
            let largest = larger(g.abs() + epsilon, keep2 * largest);
            (w - rate * (moment / largest), [moment, largest])
        });
    }
}
