//! What an optimizer remembers of a parameter.

use super::adjust::Adjust;
use super::clip::Clip;
use super::rule::{Begun, MAX_BUFFERS, Rule};
use super::settings::WeightDecay;
use crate::kernels::Buffer;
use crate::layers::Param;
use crate::{Error, Result, Scalar};

/// What is remembered of one parameter.
pub(super) struct State<T> {
    pub(super) len: usize,
    pub(super) steps: u64,
    pub(super) buffers: Vec<Buffer<T>>,
    /// Whether a pass that hands out gradients one by one has yet to bring this one.
    pub(super) awaited: bool,
}

impl<T: Scalar> State<T> {
    /// So many buffers of so many numbers, before the first step.
    pub(super) fn new(len: usize, buffers: usize, initial: T) -> Self {
        let buffer = |_| {
            let mut buffer = Buffer::zeroed(len);
            buffer.fill(initial);
            buffer
        };
        Self { len, steps: 0, buffers: (0..buffers).map(buffer).collect(), awaited: false }
    }

    /// The state of a parameter whose gradient is awaited, and is there now.
    pub(super) fn awaited<'s>(states: &'s mut [Self], param: &Param<T>) -> Result<&'s mut Self> {
        let parameter = || format!("`{}`", param.name());
        match states.get_mut(param.slot()).filter(|state| state.len == param.buffer().len()) {
            None => Err(Error::UnknownParameter { parameter: parameter(), by: "optimizer" }),
            Some(state) if !state.awaited => Err(Error::RepeatedGradient { parameter: parameter() }),
            Some(state) => {
                state.awaited = false;
                Ok(state)
            }
        }
    }

    /// The numbers of this parameter's next step.
    pub(super) fn begin(
        &mut self,
        rule: &dyn Rule<T>,
        param: &Param<T>,
        scale: f64,
        clip: Option<Clip>,
    ) -> Begun<T> {
        // What was set or read from a file may be any number.
        self.steps = self.steps.saturating_add(1);
        let settings = rule.settings();
        let learning_rate = settings.learning_rate() * param.learning_rate_scale();
        let (decay, shrink) = match settings.weight_decay() {
            WeightDecay::None => (0.0, 1.0),
            WeightDecay::Coupled(decay) => (decay * param.weight_decay_scale(), 1.0),
            WeightDecay::Decoupled(decay) => (0.0, 1.0 - learning_rate * decay * param.weight_decay_scale()),
        };
        let limit = if let Some(Clip::Value(limit)) = clip { limit } else { f64::INFINITY };
        let adjust =
            Adjust { scale: T::of(scale), limit: T::of(limit), decay: T::of(decay), shrink: T::of(shrink) };
        Begun { step: self.steps, learning_rate, adjust }
    }

    /// What the rule remembers; the others are empty.
    pub(super) fn buffers(&mut self) -> [&mut [T]; MAX_BUFFERS] {
        let mut buffers = self.buffers.iter_mut();
        std::array::from_fn(|_| buffers.next().map(|buffer| &mut buffer[..]).unwrap_or_default())
    }
}
