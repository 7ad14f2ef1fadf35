//! How one parameter moves.

use std::fmt::Debug;

use crate::{Error, Result, Scalar};

/// The rule by which a parameter follows its gradient, element by element.
///
/// A rule has settings but no state: what it remembers from step to step lies in buffers of the parameter's size,
/// which the [`super::Optimizer`] owns. So a step can be made in runs, in any order and on several threads.
pub trait Rule<T: Scalar>: Debug + Send + Sync {
    /// The kind in one lower-case word: `adam`.
    fn kind(&self) -> &'static str;

    /// Learning rate and weight decay.
    fn settings(&self) -> &RuleSettings;

    /// Learning rate and weight decay, to be changed.
    fn settings_mut(&mut self) -> &mut RuleSettings;

    /// How many numbers the rule remembers for each element, at most [`MAX_BUFFERS`].
    fn buffers(&self) -> usize {
        0
    }

    /// What they are before the first step.
    fn initial(&self) -> f64 {
        0.0
    }

    /// Moves a run of a parameter. An element whose weight, gradient and buffers are zero must stay zero.
    fn update(&self, update: Update<'_, T>);
}

/// The most buffers that a rule can have.
pub const MAX_BUFFERS: usize = 3;

/// A run of a parameter that is to be moved.
#[derive(Debug)]
#[non_exhaustive]
pub struct Update<'a, T> {
    /// Which step of this parameter it is, from 1.
    pub step: u64,
    /// The learning rate for this parameter in this step.
    pub learning_rate: f64,
    /// The weights.
    pub weight: &'a mut [T],
    /// Their gradient, as it came from the backward pass.
    pub gradient: &'a [T],
    /// What the rule remembers, as many as it said, each as long as the weights; the others are empty.
    pub buffers: [&'a mut [T]; MAX_BUFFERS],
    pub(super) adjust: Adjust<T>,
}

impl<T: Scalar> Update<'_, T> {
    /// What is done to weight and gradient before every rule: clipping and weight decay. Takes the weight and the
    /// gradient of one element.
    pub fn adjust(&self) -> impl Fn(T, T) -> (T, T) + Copy + use<T> {
        let Adjust { scale, limit, decay, shrink } = self.adjust;
        move |weight, gradient| {
            let gradient = gradient * scale;
            // Comparisons, so that NaN stays NaN.
            let gradient = if gradient > limit { limit } else { gradient };
            let gradient = if gradient < -limit { -limit } else { gradient };
            (weight * shrink, gradient + decay * weight)
        }
    }
}

/// The numbers behind [`Update::adjust`]. With a scale of 1, an infinite limit, a decay of 0 and a shrinking of 1
/// nothing is changed, to the bit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adjust<T> {
    pub(super) scale: T,
    pub(super) limit: T,
    pub(super) decay: T,
    pub(super) shrink: T,
}

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
