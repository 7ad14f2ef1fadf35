//! Adam and AdamW: steps from running first and second moments of the gradient.

use super::rule::{Rule, Update};
use super::settings::{
    RuleSettings, WeightDecay, kind_and_settings, larger, least_divisor, power, with_betas, with_epsilon,
    with_weight_decay,
};
use crate::getters::getters;
use crate::{Result, Scalar};

/// Adam (Kingma and Ba, 2014), as PyTorch's: steps along the running mean of gradients, divided by their running size.
///
/// In step t, from 1,
///
/// ```text
/// m ← β₁·m + (1 − β₁)·g        v ← β₂·v + (1 − β₂)·g²
/// w ← w − learning_rate·m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
/// ```
///
/// β₁ = 0.9, β₂ = 0.999, ε = 1e-8 unless set. With [`with_amsgrad`](Self::with_amsgrad), the largest v so far stands for v in
/// the last line. Keras's `Adam` has ε = 1e-7, and adds it to √v itself.
///
/// ```
/// use taper::optimizers::{Adam, Optimizer};
///
/// let optimizer = Optimizer::<f32>::new(Adam::new(1e-3)?.with_betas(0.9, 0.99)?.with_amsgrad());
/// assert_eq!(optimizer.rule().kind(), "adam");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Adam {
    settings: RuleSettings,
    betas: (f64, f64),
    epsilon: f64,
    amsgrad: bool,
}

impl Adam {
    /// Adam with this learning rate; 1e-3 is usual.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        let settings = RuleSettings::new(learning_rate)?;
        Ok(Self { settings, betas: (0.9, 0.999), epsilon: 1e-8, amsgrad: false })
    }

    with_betas!();

    with_epsilon!();

    /// Divides by the largest second moment so far: steps do not become longer again where gradients vanish (Reddi et al.,
    /// 2018).
    #[must_use]
    pub fn with_amsgrad(mut self) -> Self {
        self.amsgrad = true;
        self
    }

    with_weight_decay!();

    getters! {
        /// Whether the largest second moment so far divides.
        amsgrad: bool;
    }
}

impl<T: Scalar> Rule<T> for Adam {
    kind_and_settings!("adam");

    /// The moments, and with `with_amsgrad` the largest of the second ones.
    fn buffers(&self) -> usize {
        2 + usize::from(self.amsgrad)
    }

    fn buffer_name(&self, buffer: usize) -> &'static str {
        ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"][buffer]
    }

    fn is_never_negative(&self, buffer: usize) -> bool {
        buffer >= 1
    }

    fn update(&self, update: Update<'_, T>) {
        let (beta1, beta2) = self.betas;
        let rate = T::of(update.learning_rate / (1.0 - power(beta1, update.step)));
        let correction = T::of((1.0 - power(beta2, update.step)).sqrt().recip());
        let (keep1, take1) = (T::of(beta1), T::of(1.0 - beta1));
        let (keep2, take2) = (T::of(beta2), T::of(1.0 - beta2));
        let epsilon = least_divisor::<T>(self.epsilon, 1.0 - beta2);
        if self.amsgrad {
            update.each(move |w, g, [first, second, largest]| {
                let first = keep1 * first + take1 * g;
                let second = keep2 * second + take2 * g * g;
                let largest = larger(second, largest);
                (w - rate * (first / (largest.sqrt() * correction + epsilon)), [first, second, largest])
            });
            return;
        }
        update.each(move |w, g, [first, second]| {
            let first = keep1 * first + take1 * g;
            let second = keep2 * second + take2 * g * g;
            (w - rate * (first / (second.sqrt() * correction + epsilon)), [first, second])
        });
    }
}

/// [`Adam`] with decoupled weight decay (Loshchilov and Hutter, 2017), as PyTorch's `AdamW`: 0.01 unless set.
///
/// The same as an [`Adam`] with [`WeightDecay::Decoupled`].
///
/// ```
/// use taper::optimizers::{AdamW, Optimizer};
///
/// let optimizer = Optimizer::<f32>::new(AdamW::new(1e-3)?.with_weight_decay(0.05)?);
/// assert_eq!(optimizer.rule().kind(), "adamw");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AdamW {
    adam: Adam,
}

impl AdamW {
    /// `AdamW` with this learning rate and a weight decay of 0.01.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        Ok(Self { adam: Adam::new(learning_rate)?.with_weight_decay(WeightDecay::Decoupled(0.01))? })
    }

    /// How slowly the two moments forget: β₁ and β₂.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless both are at least 0 and below 1.
    pub fn with_betas(self, first: f64, second: f64) -> Result<Self> {
        Ok(Self { adam: self.adam.with_betas(first, second)? })
    }

    /// What is added to the divisor, so that it is not 0: ε, as [`Adam::with_epsilon`].
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless finite and at least 0.
    pub fn with_epsilon(self, epsilon: f64) -> Result<Self> {
        Ok(Self { adam: self.adam.with_epsilon(epsilon)? })
    }

    /// Divides by the largest second moment so far, as [`Adam::with_amsgrad`].
    #[must_use]
    pub fn with_amsgrad(self) -> Self {
        Self { adam: self.adam.with_amsgrad() }
    }

    /// Draws weights to zero: each step multiplies them by 1 − `learning_rate`·`weight_decay`.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless finite and at least 0.
    pub fn with_weight_decay(self, weight_decay: f64) -> Result<Self> {
        Ok(Self { adam: self.adam.with_weight_decay(WeightDecay::Decoupled(weight_decay))? })
    }

    getters! {
        /// How slowly the two moments forget.
        betas: (f64, f64) = |this| this.adam.betas;
        /// What keeps the divisor away from 0.
        epsilon: f64 = |this| this.adam.epsilon;
        /// Whether the largest second moment so far divides.
        amsgrad: bool = |this| this.adam.amsgrad;
        /// The learning rate.
        learning_rate: f64 = |this| this.adam.learning_rate();
        /// How strongly weights are drawn to zero.
        weight_decay: f64 = |this| match this.adam.settings.weight_decay() {
            WeightDecay::None => 0.0,
            WeightDecay::Coupled(decay) | WeightDecay::Decoupled(decay) => decay,
        };
    }
}

impl<T: Scalar> Rule<T> for AdamW {
    fn kind(&self) -> &'static str {
        "adamw"
    }

    fn settings(&self) -> &RuleSettings {
        &self.adam.settings
    }

    fn settings_mut(&mut self) -> &mut RuleSettings {
        &mut self.adam.settings
    }

    fn buffers(&self) -> usize {
        Rule::<T>::buffers(&self.adam)
    }

    fn buffer_name(&self, buffer: usize) -> &'static str {
        Rule::<T>::buffer_name(&self.adam, buffer)
    }

    fn is_never_negative(&self, buffer: usize) -> bool {
        Rule::<T>::is_never_negative(&self.adam, buffer)
    }

    fn update(&self, update: Update<'_, T>) {
        self.adam.update(update);
    }
}
