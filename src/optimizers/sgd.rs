//! Gradient descent, with or without momentum.

use super::rule::{Rule, Update};
use super::settings::{RuleSettings, check_share, kind_and_settings, with_weight_decay};
use crate::getters::getters;
use crate::{Error, Result, Scalar};

/// Stochastic gradient descent, as PyTorch's `SGD`; with momentum (Polyak, 1964) where that is set.
///
/// With momentum µ and dampening d, both 0 unless set,
///
/// ```text
/// b ← µ·b + (1 − d)·g (in the first step b ← g)        w ← w − learning_rate·b
/// ```
///
/// Nesterov's form (Sutskever et al., 2013) moves by g + µ·b instead of b. Keras's `SGD` keeps `learning_rate`·b in place of b, which is the
/// same as long as the learning rate does not change.
///
/// ```
/// use taper::optimizers::{Optimizer, Sgd};
///
/// let optimizer = Optimizer::<f32>::new(Sgd::new(0.1)?.with_momentum(0.9)?.with_nesterov()?);
/// assert_eq!(optimizer.rule().kind(), "sgd");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sgd {
    settings: RuleSettings,
    momentum: f64,
    dampening: f64,
    nesterov: bool,
}

impl Sgd {
    /// Plain descent: the weight moves by the gradient times the learning rate.
    ///
    /// # Errors
    /// [`Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        let settings = RuleSettings::new(learning_rate)?;
        Ok(Self { settings, momentum: 0.0, dampening: 0.0, nesterov: false })
    }

    /// Keeps moving in the direction so far: µ, 0.9 is usual.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ momentum < 1, or for 0 with Nesterov's form.
    pub fn with_momentum(mut self, momentum: f64) -> Result<Self> {
        self.momentum = check_share("momentum", momentum)?;
        self.check_nesterov()
    }

    /// Takes less of each new gradient into the momentum: d.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ dampening < 1, or with Nesterov's momentum.
    pub fn with_dampening(mut self, dampening: f64) -> Result<Self> {
        self.dampening = check_share("dampening", dampening)?;
        self.check_nesterov()
    }

    /// Moves by where the momentum leads: g + µ·b in place of b.
    ///
    /// # Errors
    /// [`Error::Setting`] without momentum, or with dampening.
    pub fn with_nesterov(mut self) -> Result<Self> {
        self.nesterov = true;
        self.check_nesterov()
    }

    with_weight_decay!();

    fn check_nesterov(self) -> Result<Self> {
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            let got = format!("momentum {} and dampening {}", self.momentum, self.dampening);
            return Err(Error::setting("nesterov", "a momentum above 0 and no dampening", got));
        }
        Ok(self)
    }

    getters! {
        /// The momentum.
        momentum: f64;
        /// How much less of a new gradient is taken.
        dampening: f64;
        /// Whether it looks ahead.
        nesterov: bool;
    }
}

impl<T: Scalar> Rule<T> for Sgd {
    kind_and_settings!("sgd");

    fn buffers(&self) -> usize {
        usize::from(self.momentum > 0.0)
    }

    fn buffer_name(&self, _: usize) -> &'static str {
        "momentum_buffer"
    }

    fn update(&self, update: Update<'_, T>) {
        let learning_rate = T::of(update.learning_rate);
        if self.momentum == 0.0 {
            update.each(move |w, g, []| (w - learning_rate * g, []));
            return;
        }
        // In the first step the velocity is zero, and takes the gradient whole.
        let fresh = if update.step == 1 { 1.0 } else { 1.0 - self.dampening };
        let (momentum, fresh) = (T::of(self.momentum), T::of(fresh));
        if self.nesterov {
            update.each(move |w, g, [velocity]| {
                let velocity = momentum * velocity + fresh * g;
                (w - learning_rate * (g + momentum * velocity), [velocity])
            });
        } else {
            update.each(move |w, g, [velocity]| {
                let velocity = momentum * velocity + fresh * g;
                (w - learning_rate * velocity, [velocity])
            });
        }
    }

    fn is_plain_descent(&self) -> bool {
        self.momentum == 0.0
    }
}
