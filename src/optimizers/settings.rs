//! Settings of all rules: learning rate and weight decay.

use crate::{Error, Result, Scalar};

/// What all rules have: a learning rate and a weight decay; for a [`Rule`](super::Rule) of one's own.
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

/// How weights are drawn to zero: each rule's `with_weight_decay`, and each parameter's
/// [share](crate::layers::Param::set_weight_decay_scale) of it. PyTorch's `weight_decay` is coupled, but for `AdamW`; Keras's is decoupled.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum WeightDecay {
    /// Not at all.
    #[default]
    None,
    /// decay·w is added to the gradient and goes through the rule: the derivative of decay·w²/2 in the loss.
    Coupled(f64),
    /// w is multiplied by 1 − `learning_rate`·decay before the rule (Loshchilov and Hutter, 2017).
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

/// βᵗ in step t. By products, some twenty of them for each block of elements: with `powf`, a step of the reference network
/// with Adam at batch 32 takes 4 % longer.
pub(super) fn power(beta: f64, step: u64) -> f64 {
    beta.powi(i32::try_from(step).unwrap_or(i32::MAX))
}

/// The larger of two numbers; NaN where the first of them is NaN, unlike `max`.
pub(super) fn larger<T: Scalar>(number: T, other: T) -> T {
    if other >= number { other } else { number }
}

/// What each rule says of itself whose settings are in its field `settings`.
macro_rules! kind_and_settings {
    ($kind:literal) => {
        fn kind(&self) -> &'static str {
            $kind
        }

        fn settings(&self) -> &$crate::optimizers::RuleSettings {
            &self.settings
        }

        fn settings_mut(&mut self) -> &mut $crate::optimizers::RuleSettings {
            &mut self.settings
        }
    };
}
pub(super) use kind_and_settings;

/// The learning rate and the weight decay of a rule with a field `settings`.
macro_rules! with_weight_decay {
    () => {
        /// Draws weights to zero; not at all unless set.
        ///
        /// # Errors
        /// [`crate::Error::Setting`] unless finite and at least 0.
        pub fn with_weight_decay(
            mut self,
            weight_decay: $crate::optimizers::WeightDecay,
        ) -> $crate::Result<Self> {
            self.settings.set_weight_decay(weight_decay)?;
            Ok(self)
        }

        /// How weights are drawn to zero.
        #[must_use]
        pub fn weight_decay(&self) -> $crate::optimizers::WeightDecay {
            self.settings.weight_decay()
        }

        /// The learning rate.
        #[must_use]
        pub fn learning_rate(&self) -> f64 {
            self.settings.learning_rate()
        }
    };
}
pub(super) use with_weight_decay;

/// For a rule with a field `epsilon`.
macro_rules! with_epsilon {
    () => {
        /// What is added to the divisor, so that it is not 0: ε. One that is too small for the numbers of the model is taken for
        /// the least with which steps are bounded.
        ///
        /// # Errors
        /// [`crate::Error::Setting`] unless finite and at least 0.
        pub fn with_epsilon(mut self, epsilon: f64) -> $crate::Result<Self> {
            self.epsilon = $crate::optimizers::settings::check_at_least_0("epsilon", epsilon)?;
            Ok(self)
        }

        /// What is added to the divisor: ε.
        #[must_use]
        pub fn epsilon(&self) -> f64 {
            self.epsilon
        }
    };
}
pub(super) use with_epsilon;

/// For a rule with a field `betas`.
macro_rules! with_betas {
    () => {
        /// How slowly the two moments forget: β₁ and β₂.
        ///
        /// # Errors
        /// [`crate::Error::Setting`] unless both are at least 0 and below 1.
        pub fn with_betas(mut self, first: f64, second: f64) -> $crate::Result<Self> {
            self.betas = $crate::optimizers::settings::check_betas(first, second)?;
            Ok(self)
        }

        /// How slowly the two moments forget: β₁ and β₂.
        #[must_use]
        pub fn betas(&self) -> (f64, f64) {
            self.betas
        }
    };
}
pub(super) use with_betas;

pub(super) fn check_betas(first: f64, second: f64) -> Result<(f64, f64)> {
    Ok((check_share("beta 1", first)?, check_share("beta 2", second)?))
}
