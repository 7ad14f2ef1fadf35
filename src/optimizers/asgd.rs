//! ASGD: descent whose weights are averaged.

use super::rule::{Rule, Update};
use super::settings::{RuleSettings, check_at_least_0, kind_and_settings, with_weight_decay};
use crate::getters::getters;
use crate::{Result, Scalar};

/// Averaged stochastic gradient descent (Polyak and Juditsky, 1992), as PyTorch's `ASGD`: descent that also remembers the mean of the
/// weights.
///
/// In step t, from 1,
///
/// ```text
/// η = learning_rate/(1 + λ·learning_rate·(t − 1))^α        µ = 1/max(1, t − 1 − t₀)
/// w ← (1 − λ·η)·w − η·g                                    a ← a + µ·(w − a)
/// ```
///
/// λ = 1e-4, α = 0.75, t₀ = 1e6 unless set. a, which the rule remembers of each parameter, is the mean of the weights since step
/// t₀ + 1, and before it the weights themselves. The model keeps w; an average that a model can be given is
/// [`super::MovingAverage`]. Where a schedule changes the learning rate, η follows at once, PyTorch's a step later.
///
/// ```
/// use taper::optimizers::{Asgd, Optimizer};
///
/// let optimizer = Optimizer::<f32>::new(Asgd::new(1e-2)?.with_start(1000.0)?);
/// assert_eq!(optimizer.rule().kind(), "asgd");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Asgd {
    settings: RuleSettings,
    decay: f64,
    power: f64,
    start: f64,
}

impl Asgd {
    /// ASGD with this learning rate; 1e-2 is usual.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        let settings = RuleSettings::new(learning_rate)?;
        Ok(Self { settings, decay: 1e-4, power: 0.75, start: 1e6 })
    }

    /// By how much weights are drawn to zero and steps become shorter: λ, PyTorch's `lambd`. The weight decay is another setting.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless finite and at least 0.
    pub fn with_decay(mut self, decay: f64) -> Result<Self> {
        self.decay = check_at_least_0("decay", decay)?;
        Ok(self)
    }

    /// The power by which steps become shorter: α, PyTorch's `alpha`.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless finite and at least 0.
    pub fn with_power(mut self, power: f64) -> Result<Self> {
        self.power = check_at_least_0("power", power)?;
        Ok(self)
    }

    /// After how many steps the mean begins: t₀, PyTorch's `t0`.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] unless finite and at least 0.
    pub fn with_start(mut self, start: f64) -> Result<Self> {
        self.start = check_at_least_0("start", start)?;
        Ok(self)
    }

    with_weight_decay!();

    getters! {
        /// By how much weights are drawn to zero and steps become shorter.
        decay: f64;
        /// The power by which steps become shorter.
        power: f64;
        /// After how many steps the mean begins.
        start: f64;
    }
}

impl<T: Scalar> Rule<T> for Asgd {
    kind_and_settings!("asgd");

    /// The average.
    fn buffers(&self) -> usize {
        1
    }

    fn buffer_name(&self, _: usize) -> &'static str {
        "ax"
    }

    fn update(&self, update: Update<'_, T>) {
        let (learning_rate, before) = (update.learning_rate, (update.step - 1) as f64);
        let rate = learning_rate / (1.0 + self.decay * learning_rate * before).powf(self.power);
        let (keep, share) = (T::of(1.0 - self.decay * rate), T::of((before - self.start).max(1.0).recip()));
        let rate = T::of(rate);
        if share == T::one() {
            update.each(move |w, g, [_]| {
                let w = keep * w - rate * g;
                (w, [w])
            });
            return;
        }
        update.each(move |w, g, [average]| {
            let w = keep * w - rate * g;
            (w, [average + share * (w - average)])
        });
    }
}
