//! `NAdam`: Adam that looks ahead.

use super::rule::{Rule, Update};
use super::settings::{
    RuleSettings, check_at_least_0, kind_and_settings, least_divisor, power, with_betas, with_epsilon,
    with_weight_decay,
};
use crate::getters::getters;
use crate::{Result, Scalar};

/// `NAdam` (Dozat, 2016), as PyTorch's: Adam with Nesterov's momentum.
///
/// In step t, from 1, with Mₜ = µ₁·…·µₜ,
///
/// ```text
/// m ← β₁·m + (1 − β₁)·g        v ← β₂·v + (1 − β₂)·g²        µₜ = β₁·(1 − 0.96^(t·ψ)/2)
/// w ← w − learning_rate·((1 − µₜ)/(1 − Mₜ)·g + µₜ₊₁/(1 − Mₜ₊₁)·m) / (√(v/(1 − β₂ᵗ)) + ε)
/// ```
///
/// β₁ = 0.9, β₂ = 0.999, ε = 1e-8, ψ = 0.004 unless set. Keras's `Nadam` has ψ = 1 and ε = 1e-7.
///
/// ```
/// use taper::optimizers::{NAdam, Optimizer};
///
/// let optimizer = Optimizer::<f32>::new(NAdam::new(2e-3)?.with_momentum_decay(1.0)?.with_epsilon(1e-7)?);
/// assert_eq!(optimizer.rule().kind(), "nadam");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NAdam {
    settings: RuleSettings,
    betas: (f64, f64),
    epsilon: f64,
    momentum_decay: f64,
}

impl NAdam {
    /// `NAdam` with this learning rate; 2e-3 is usual.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        let settings = RuleSettings::new(learning_rate)?;
        Ok(Self { settings, betas: (0.9, 0.999), epsilon: 1e-8, momentum_decay: 4e-3 })
    }

    with_betas!();

    with_epsilon!();

    /// How soon the momentum has grown from β₁/2 to β₁: ψ.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless finite and at least 0.
    pub fn with_momentum_decay(mut self, momentum_decay: f64) -> Result<Self> {
        self.momentum_decay = check_at_least_0("momentum_decay", momentum_decay)?;
        Ok(self)
    }

    with_weight_decay!();

    getters! {
        /// How soon the momentum has grown from β₁/2 to β₁: ψ.
        momentum_decay: f64;
    }

    /// µ of a step.
    fn momentum(&self, step: u64) -> f64 {
        self.betas.0 * (1.0 - 0.5 * (step as f64 * self.rate()).exp())
    }

    /// ψ·ln 0.96, the logarithm of q = 0.96^ψ.
    fn rate(&self) -> f64 {
        self.momentum_decay * 0.96_f64.ln()
    }

    /// M of a step, the product of all µ up to it: β₁ᵗ·Π (1 − qⁱ/2). As ln (1 − x) = −Σ xᵏ/k, the logarithm of that product is
    /// −Σₖ (1/2)ᵏ/k·Σᵢ qᵏⁱ, and the inner sum is geometric. So a step needs no memory of those before it.
    fn product(&self, step: u64) -> f64 {
        let all = power(self.betas.0, step);
        // Below the last bit of 1 − M.
        if all < 1e-20 {
            return 0.0;
        }
        let (count, rate) = (step as f64, self.rate());
        // 1 − q and 1 − qᵗ, and with each turn those of the next power: a sum, where a difference would lose digits.
        let (first, first_all) = (-rate.exp_m1(), -(count * rate).exp_m1());
        let (mut rest, mut rest_all, mut half, mut sum) = (first, first_all, 0.5, 0.0);
        for power in 1..=52 {
            let geometric = if rest == 0.0 { count } else { (1.0 - rest) * rest_all / rest };
            sum += half / f64::from(power) * geometric;
            rest += (1.0 - rest) * first;
            rest_all += (1.0 - rest_all) * first_all;
            half *= 0.5;
        }
        all * (-sum).exp()
    }
}

impl<T: Scalar> Rule<T> for NAdam {
    kind_and_settings!("nadam");

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
        let (momentum, next, product) = (self.momentum(step), self.momentum(step + 1), self.product(step));
        let of_gradient = T::of(update.learning_rate * (1.0 - momentum) / (1.0 - product));
        let of_moment = T::of(update.learning_rate * next / (1.0 - product * next));
        let correction = T::of((1.0 - power(beta2, step)).sqrt().recip());
        let (keep1, take1) = (T::of(beta1), T::of(1.0 - beta1));
        let (keep2, take2) = (T::of(beta2), T::of(1.0 - beta2));
        let epsilon = least_divisor::<T>(self.epsilon, 1.0 - beta2);
        update.each(move |w, g, [first, second]| {
            let first = keep1 * first + take1 * g;
            let second = keep2 * second + take2 * g * g;
            let divisor = second.sqrt() * correction + epsilon;
            (w - (of_gradient * (g / divisor) + of_moment * (first / divisor)), [first, second])
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_of_momenta_is_that_of_a_loop() {
        for (beta1, decay) in [(0.9, 4e-3), (0.9, 0.0), (0.5, 1.0), (0.99, 1e-9), (0.999, 0.3), (0.0, 4e-3)] {
            let rule = NAdam::new(0.1).unwrap().with_betas(beta1, 0.999).unwrap();
            let rule = rule.with_momentum_decay(decay).unwrap();
            let mut expected = 1.0;
            for step in 1..=20_000 {
                expected *= beta1 * (1.0 - 0.5 * 0.96_f64.powf(step as f64 * decay));
                let got = rule.product(step);
                assert!((got - expected).abs() <= 1e-13 * expected + 1e-20, "{beta1}, {decay}, step {step}");
            }
        }
    }
}
