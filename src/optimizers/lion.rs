//! Lion: steps of one size, in the direction of a running gradient.

use super::rule::{Rule, Update};
use super::settings::{RuleSettings, check_share, kind_and_settings, with_weight_decay};
use crate::getters::getters;
use crate::{Result, Scalar};

/// Lion (Chen et al., 2023): steps of one size, in the direction of a running mean of gradients.
///
/// ```text
/// w ← w − learning_rate·sign(β₁·m + (1 − β₁)·g)        m ← β₂·m + (1 − β₂)·g
/// ```
///
/// The sign of 0 is 0. β₁ = 0.9, β₂ = 0.99 unless set. Weight decay is usually decoupled here.
///
/// ```
/// use taper::optimizers::{Lion, Optimizer, WeightDecay};
///
/// let optimizer = Optimizer::<f32>::new(Lion::new(1e-4)?.with_weight_decay(WeightDecay::Decoupled(0.1))?);
/// assert_eq!(optimizer.rule().kind(), "lion");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lion {
    settings: RuleSettings,
    betas: (f64, f64),
}

impl Lion {
    /// Lion with this learning rate; 1e-4 is usual.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        Ok(Self { settings: RuleSettings::new(learning_rate)?, betas: (0.9, 0.99) })
    }

    /// How much of the running gradient goes into a step, β₁, and how slowly it forgets, β₂.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless both are at least 0 and below 1.
    pub fn with_betas(mut self, first: f64, second: f64) -> Result<Self> {
        self.betas = (check_share("beta 1", first)?, check_share("beta 2", second)?);
        Ok(self)
    }

    with_weight_decay!();

    getters! {
        /// The shares of what is remembered, in a step and from step to step.
        betas: (f64, f64);
    }
}

impl<T: Scalar> Rule<T> for Lion {
    kind_and_settings!("lion");

    fn buffers(&self) -> usize {
        1
    }

    fn buffer_name(&self, _: usize) -> &'static str {
        "exp_avg"
    }

    fn update(&self, update: Update<'_, T>) {
        let learning_rate = T::of(update.learning_rate);
        let (beta1, beta2) = self.betas;
        let (keep1, take1) = (T::of(beta1), T::of(1.0 - beta1));
        let (keep2, take2) = (T::of(beta2), T::of(1.0 - beta2));
        update.each(move |w, g, [moment]| {
            let direction = keep1 * moment + take1 * g;
            // `signum` of 0 is 1, which would move weights that have no gradient.
            let sign = if direction == T::zero() { T::zero() } else { direction.signum() };
            (w - learning_rate * sign, [keep2 * moment + take2 * g])
        });
    }
}
