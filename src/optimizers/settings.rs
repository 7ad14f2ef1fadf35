//! Settings of all rules: learning rate and weight decay.

use crate::{Error, Result, Scalar};

/// What all rules have: a learning rate and a weight decay.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSettings {
    learning_rate: f64,
    weight_decay: WeightDecay,
}

impl RuleSettings {
    /// A learning rate, and no weight decay.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn new(learning_rate: f64) -> Result<Self> {
        let mut settings = Self { learning_rate: 0.0, weight_decay: WeightDecay::None };
        settings.set_learning_rate(learning_rate)?;
        Ok(settings)
    }

    /// The learning rate.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Changes the learning rate.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        self.learning_rate = check_at_least_0("learning_rate", learning_rate)?;
        Ok(())
    }

    /// The weight decay.
    #[must_use]
    pub fn weight_decay(&self) -> WeightDecay {
        self.weight_decay
    }

    /// Changes the weight decay.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn set_weight_decay(&mut self, weight_decay: WeightDecay) -> Result<()> {
        if let WeightDecay::Coupled(decay) | WeightDecay::Decoupled(decay) = weight_decay {
            check_at_least_0("weight_decay", decay)?;
        }
        self.weight_decay = weight_decay;
        Ok(())
    }
}

/// How weights are drawn to zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum WeightDecay {
    /// Not at all.
    #[default]
    None,
    /// decay·w is added to the gradient and goes through the rule: the derivative of decay·w²/2 in the loss.
    Coupled(f64),
    /// w is multiplied by 1 − learning rate·decay before the rule (Loshchilov and Hutter, 2017).
    Decoupled(f64),
}

pub(super) fn check_at_least_0(name: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() && value >= 0.0 {
        return Ok(value);
    }
    Err(Error::setting(name, "a finite number of at least 0", value))
}

pub(super) fn check_share(name: &'static str, value: f64) -> Result<f64> {
    if (0.0..1.0).contains(&value) {
        return Ok(value);
    }
    Err(Error::setting(name, "a number of at least 0 and below 1", value))
}

/// What to add to the root of a running square: ε, and no less than the smallest gradient g of which `take`·g² is
/// remembered. With an ε of 0, a smaller one would be divided by nearly nothing.
pub(super) fn least_divisor<T: Scalar>(epsilon: f64, take: f64) -> T {
    T::of(epsilon.max((T::min_positive_value().as_f64() / take).sqrt()))
}
