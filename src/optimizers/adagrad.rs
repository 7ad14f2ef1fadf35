//! Adagrad: steps divided by the root of the sum of all squared gradients.

use super::rule::{Rule, Update};
use super::settings::{
    RuleSettings, check_at_least_0, kind_and_settings, least_divisor, with_epsilon, with_weight_decay,
};
use crate::getters::getters;
use crate::{Result, Scalar};

/// Adagrad (Duchi et al., 2011), as PyTorch's: steps divided by the root of the sum of all squared gradients.
///
/// In step t, from 1,
///
/// ```text
/// s ← s + g²        w ← w − learning_rate/(1 + (t − 1)·decay)·g/(√s + ε)
/// ```
///
/// s starts at 0, decay = 0, ε = 1e-10 unless set. Keras's `Adagrad` starts at 0.1 and adds ε = 1e-7 under the root.
///
/// ```
/// use taper::optimizers::{Adagrad, Optimizer};
///
/// let optimizer = Optimizer::<f32>::new(Adagrad::new(1e-2)?.with_initial(0.1)?);
/// assert_eq!(optimizer.rule().kind(), "adagrad");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Adagrad {
    settings: RuleSettings,
    learning_rate_decay: f64,
    initial: f64,
    epsilon: f64,
}

impl Adagrad {
    /// Adagrad with this learning rate; 1e-2 is usual.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        let settings = RuleSettings::new(learning_rate)?;
        Ok(Self { settings, learning_rate_decay: 0.0, initial: 0.0, epsilon: 1e-10 })
    }

    /// Lowers the learning rate step by step: PyTorch's `lr_decay`.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless finite and at least 0.
    pub fn with_learning_rate_decay(mut self, decay: f64) -> Result<Self> {
        self.learning_rate_decay = check_at_least_0("learning_rate_decay", decay)?;
        Ok(self)
    }

    /// What the sum of squares starts from: PyTorch's and Keras's `initial_accumulator_value`.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless finite and at least 0.
    pub fn with_initial(mut self, initial: f64) -> Result<Self> {
        self.initial = check_at_least_0("initial", initial)?;
        Ok(self)
    }

    with_epsilon!();

    with_weight_decay!();

    getters! {
        /// How fast the learning rate falls.
        learning_rate_decay: f64;
        /// What sums of squares begin with.
        initial: f64;
    }
}

impl<T: Scalar> Rule<T> for Adagrad {
    kind_and_settings!("adagrad");

    fn buffers(&self) -> usize {
        1
    }

    fn buffer_name(&self, _: usize) -> &'static str {
        "sum"
    }

    fn is_never_negative(&self, _: usize) -> bool {
        true
    }

    fn initial(&self) -> f64 {
        self.initial
    }

    fn update(&self, update: Update<'_, T>) {
        let rate = update.learning_rate / (1.0 + (update.step - 1) as f64 * self.learning_rate_decay);
        let (rate, epsilon) = (T::of(rate), least_divisor::<T>(self.epsilon, 1.0));
        update.each(move |w, g, [sum]| {
            let sum = sum + g * g;
            (w - rate * g / (sum.sqrt() + epsilon), [sum])
        });
    }
}
