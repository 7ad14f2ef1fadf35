//! `RAdam`: Adam that waits until it knows how large gradients are.

use super::rule::{Rule, Update};
use super::settings::{
    RuleSettings, kind_and_settings, least_divisor, power, with_betas, with_epsilon, with_weight_decay,
};
use crate::{Result, Scalar};

/// `RAdam` (Liu et al., 2019), as PyTorch's: rectified Adam, whose first steps are not divided by a size that is not yet known.
///
/// In step t, from 1, with ρ∞ = 2/(1 − β₂) − 1 and ρ = ρ∞ − 2t·β₂ᵗ/(1 − β₂ᵗ),
///
/// ```text
/// m ← β₁·m + (1 − β₁)·g        v ← β₂·v + (1 − β₂)·g²        r = √((ρ − 4)·(ρ − 2)·ρ∞ / ((ρ∞ − 4)·(ρ∞ − 2)·ρ))
/// w ← w − learning_rate·m/(1 − β₁ᵗ)·r·√(1 − β₂ᵗ)/(√v + ε)        where ρ > 5
/// w ← w − learning_rate·m/(1 − β₁ᵗ)                              in the steps before
/// ```
///
/// β₁ = 0.9, β₂ = 0.999, ε = 1e-8 unless set.
///
/// ```
/// use taper::optimizers::{Optimizer, RAdam};
///
/// let optimizer = Optimizer::<f32>::new(RAdam::new(1e-3)?);
/// assert_eq!(optimizer.rule().kind(), "radam");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RAdam {
    settings: RuleSettings,
    betas: (f64, f64),
    epsilon: f64,
}

impl RAdam {
    /// `RAdam` with this learning rate; 1e-3 is usual.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        Ok(Self { settings: RuleSettings::new(learning_rate)?, betas: (0.9, 0.999), epsilon: 1e-8 })
    }

    with_betas!();

    with_epsilon!();

    with_weight_decay!();

    /// r, once there have been enough gradients to know their size.
    fn rectification(&self, step: u64) -> Option<f64> {
        let (beta2, power) = (self.betas.1, power(self.betas.1, step));
        let most = 2.0 / (1.0 - beta2) - 1.0;
        let length = most - 2.0 * step as f64 * power / (1.0 - power);
        let square = (length - 4.0) * (length - 2.0) * most / ((most - 4.0) * (most - 2.0) * length);
        (length > 5.0).then(|| square.sqrt())
    }
}

impl<T: Scalar> Rule<T> for RAdam {
    kind_and_settings!("radam");

    fn buffers(&self) -> usize {
        2
    }

    fn buffer_name(&self, buffer: usize) -> &'static str {
        ["exp_avg", "exp_avg_sq"][buffer]
    }

    fn is_never_negative(&self, buffer: usize) -> bool {
        buffer == 1
    }

    fn update(&self, update: Update<'_, T>) {
        let ((beta1, beta2), step) = (self.betas, update.step);
        let rate = update.learning_rate / (1.0 - power(beta1, step));
        let (keep1, take1) = (T::of(beta1), T::of(1.0 - beta1));
        let (keep2, take2) = (T::of(beta2), T::of(1.0 - beta2));
        let Some(rectification) = self.rectification(step) else {
            let rate = T::of(rate);
            update.each(move |w, g, [first, second]| {
                let first = keep1 * first + take1 * g;
                (w - rate * first, [first, keep2 * second + take2 * g * g])
            });
            return;
        };
        let rate = T::of(rate * rectification * (1.0 - power(beta2, step)).sqrt());
        let epsilon = least_divisor::<T>(self.epsilon, 1.0 - beta2);
        update.each(move |w, g, [first, second]| {
            let first = keep1 * first + take1 * g;
            let second = keep2 * second + take2 * g * g;
            (w - rate * (first / (second.sqrt() + epsilon)), [first, second])
        });
    }
}
