//! Rprop: the sign of the gradient, and a step for each element that grows while the sign stays.

use super::rule::{Rule, Update};
use super::settings::{RuleSettings, kind_and_settings, with_weight_decay};
use crate::getters::getters;
use crate::{Error, Result, Scalar};

/// Rprop (Riedmiller and Braun, 1993), resilient propagation, as PyTorch's: each element has a step of its own, which grows while the
/// sign of its gradient stays.
///
/// With s = sign(g)·sign(p), where p is the gradient of the step before,
///
/// ```text
/// s > 0: d ← min(d·η⁺, most)        s < 0: d ← max(d·η⁻, least), g ← 0        s = 0: d as it is
/// w ← w − d·sign(g)                  p ← g
/// ```
///
/// d starts as the learning rate, p as 0; η⁻ = 0.5, η⁺ = 1.2, and steps are from 1e-6 to 50 unless set. Later learning rates,
/// as of a schedule, change nothing. It is for gradients of all data: the sign of the gradient of a batch is chance.
///
/// ```
/// use taper::optimizers::{Optimizer, Rprop};
///
/// let optimizer = Optimizer::<f32>::new(Rprop::new(1e-2)?.with_steps(1e-6, 1.0)?);
/// assert_eq!(optimizer.rule().kind(), "rprop");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rprop {
    settings: RuleSettings,
    factors: (f64, f64),
    steps: (f64, f64),
}

impl Rprop {
    /// Rprop whose first step is this learning rate; 1e-2 is usual.
    ///
    /// # Errors
    /// [`Error::Setting`] for a learning rate that is negative or not finite.
    pub fn new(learning_rate: f64) -> Result<Self> {
        Ok(Self { settings: RuleSettings::new(learning_rate)?, factors: (0.5, 1.2), steps: (1e-6, 50.0) })
    }

    /// By what a step is multiplied whose gradient has turned, η⁻, and one whose gradient has not, η⁺: PyTorch's `etas`.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 < η⁻ < 1 < η⁺ and both are finite.
    pub fn with_factors(mut self, down: f64, up: f64) -> Result<Self> {
        if 0.0 < down && down < 1.0 && 1.0 < up && up.is_finite() {
            self.factors = (down, up);
            return Ok(self);
        }
        let expected = "one above 0 and below 1, and a finite one above 1";
        Err(Error::setting("factors", expected, format!("{down} and {up}")))
    }

    /// The shortest and the longest step: PyTorch's `step_sizes`.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite, at least 0 and in this order.
    pub fn with_steps(mut self, least: f64, most: f64) -> Result<Self> {
        if 0.0 <= least && least <= most && most.is_finite() {
            self.steps = (least, most);
            return Ok(self);
        }
        let expected = "finite numbers of at least 0, the smaller first";
        Err(Error::setting("steps", expected, format!("{least} and {most}")))
    }

    with_weight_decay!();

    getters! {
        /// By what steps are multiplied, down and up.
        factors: (f64, f64);
        /// The shortest and the longest step.
        steps: (f64, f64);
    }
}

/// −1, 0 or 1, and NaN of NaN.
fn sign<T: Scalar>(number: T) -> T {
    if number > T::zero() {
        T::one()
    } else if number < T::zero() {
        -T::one()
    } else {
        number
    }
}

impl<T: Scalar> Rule<T> for Rprop {
    kind_and_settings!("rprop");

    /// The gradient of the step before, and the length of the step.
    fn buffers(&self) -> usize {
        2
    }

    fn buffer_name(&self, buffer: usize) -> &'static str {
        ["prev", "step_size"][buffer]
    }

    fn is_never_negative(&self, buffer: usize) -> bool {
        buffer == 1
    }

    fn update(&self, update: Update<'_, T>) {
        let (down, up) = (T::of(self.factors.0), T::of(self.factors.1));
        let (least, most) = (T::of(self.steps.0), T::of(self.steps.1));
        // In the first step there is no length yet.
        let (first, begins) = (T::of(update.learning_rate), update.step == 1);
        update.each(move |w, g, [before, length]| {
            let length = if begins { first } else { length };
            let turn = sign(g) * sign(before);
            let factor = if turn > T::zero() { up } else { T::one() };
            let factor = if turn < T::zero() { down } else { factor };
            let length = (length * factor).min(most).max(least);
            let g = if turn < T::zero() { T::zero() } else { g };
            (w - length * sign(g), [g, length])
        });
    }
}
