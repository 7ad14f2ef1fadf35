//! The optimizer: a rule, and its state for each parameter of a model.

use std::fmt;

use super::apply::Apply;
use super::rule::{Adjust, Begun, MAX_BUFFERS, Rule, Update};
use super::settings::{WeightDecay, check_at_least_0};
use super::survey::{Survey, norm};
use crate::kernels::{Buffer, split_work};
use crate::layers::{GradientStore, Layer, Param};
use crate::{Error, Result, Scalar};

/// Moves the parameters of a model by a [`Rule`], and remembers what the rule needs between steps.
///
/// One optimizer belongs to one model: state is kept for each parameter. Frozen parameters are left alone;
/// [`Param::set_learning_rate_scale`] and [`Param::set_weight_decay_scale`] give a parameter a share of its own.
///
/// ```
/// use taper::{GradientStore, Mode, Sequential, Tensor};
/// use taper::losses::CrossEntropy;
/// use taper::optimizers::{Optimizer, Sgd};
///
/// let mut model = Sequential::<f32>::builder([4]).dense(3).build(&mut taper::seeded(7))?;
/// let mut workspace = model.workspace(Mode::Train, 2)?;
/// let mut gradients = GradientStore::new(&mut model);
/// let mut optimizer = Optimizer::new(Sgd::new(0.1)?);
///
/// let (x, labels) = (Tensor::full([2, 4], 1.0)?, [0, 2]);
/// model.forward(&x, &mut workspace)?;
/// let before = workspace.loss(&CrossEntropy::new(), &labels)?;
/// model.backward(&x, &mut workspace, &mut gradients)?;
/// optimizer.step(&mut model, &mut gradients)?;
///
/// model.forward(&x, &mut workspace)?;
/// assert!(workspace.loss(&CrossEntropy::new(), &labels)? < before);
/// # Ok::<(), taper::Error>(())
/// ```
pub struct Optimizer<T> {
    pub(super) rule: Box<dyn Rule<T>>,
    pub(super) clip: Option<Clip>,
    // In the order of the parameters.
    pub(super) states: Vec<State<T>>,
}

/// What is remembered of one parameter.
pub(super) struct State<T> {
    len: usize,
    steps: u64,
    buffers: Vec<Buffer<T>>,
    /// Whether a pass that hands out gradients one by one has yet to bring this one.
    awaited: bool,
}

/// A limit for gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clip {
    /// Each element is brought between −limit and limit.
    Value(f64),
    /// The gradient of each parameter that is longer than this is scaled to this length.
    Norm(f64),
    /// All gradients together, where they are longer than this, are scaled to this length.
    GlobalNorm(f64),
}

impl Clip {
    /// Whether a gradient has to be known as a whole.
    pub(crate) fn is_by_norm(self) -> bool {
        matches!(self, Self::Norm(_) | Self::GlobalNorm(_))
    }
}

impl<T: Scalar> Optimizer<T> {
    /// An optimizer with this rule.
    pub fn new(rule: impl Rule<T> + 'static) -> Self {
        Self { rule: Box::new(rule), clip: None, states: Vec::new() }
    }

    /// Limits gradients before the rule sees them.
    ///
    /// # Errors
    /// [`Error::Setting`] unless the limit is finite and at least 0.
    pub fn with_clip(mut self, clip: Clip) -> Result<Self> {
        let (Clip::Value(limit) | Clip::Norm(limit) | Clip::GlobalNorm(limit)) = clip;
        check_at_least_0("clip", limit)?;
        self.clip = Some(clip);
        Ok(self)
    }

    /// The rule.
    #[must_use]
    pub fn rule(&self) -> &dyn Rule<T> {
        &*self.rule
    }

    /// The learning rate of the next step.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.rule.settings().learning_rate()
    }

    /// Sets the learning rate of the next step.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        self.rule.settings_mut().set_learning_rate(learning_rate)
    }

    /// Makes the state for a model's parameters. The first step does it by itself; after this no step allocates.
    pub fn prepare(&mut self, model: &dyn Layer<T>) {
        if !self.states.is_empty() {
            return;
        }
        let (count, initial) = (self.rule.buffers(), T::of(self.rule.initial()));
        model.params(&mut |param| {
            let len = param.buffer().len();
            let buffer = |_| {
                let mut buffer = Buffer::zeroed(len);
                buffer.fill(initial);
                buffer
            };
            let buffers = (0..count).map(buffer).collect();
            self.states.push(State { len, steps: 0, buffers, awaited: false });
        });
    }

    /// Forgets all steps.
    pub(crate) fn forget(&mut self, model: &dyn Layer<T>) {
        self.states.clear();
        self.prepare(model);
    }

    /// Moves every parameter that is not frozen, and clears the gradients.
    ///
    /// # Errors
    /// [`Error::MissingGradient`] where a parameter that is not frozen got none since the last step,
    /// [`Error::UnknownParameter`] or [`Error::Length`] where the optimizer has worked on another model,
    /// [`Error::NotFinite`] where a norm to be limited is not finite, [`Error::Setting`] for a rule that remembers
    /// more than [`MAX_BUFFERS`] numbers. Nothing is changed then.
    pub fn step(&mut self, model: &mut dyn Layer<T>, gradients: &mut GradientStore<T>) -> Result<()> {
        self.prepare(model);
        let global_norm = self.check(model, gradients)?;
        let parallelism = gradients.parallelism();
        let mut states = self.states.iter_mut();
        let (rule, clip) = (&*self.rule, self.clip);
        model.params_mut(&mut |param| {
            let state = states.next().expect("`prepare` made a state for each parameter");
            let Some(gradient) = gradients.buffer(param).filter(|_| !param.is_frozen()) else { return };
            let scale = match clip {
                Some(Clip::GlobalNorm(limit)) if global_norm > limit => limit / global_norm,
                Some(Clip::Norm(limit)) => limit / norm(gradient).max(limit).max(f64::MIN_POSITIVE),
                _ => 1.0,
            };
            let begun = state.begin(rule, param, scale, clip);
            let whole = Update::of(begun, param.buffer_mut(), gradient, state.buffers());
            split_work(whole, 64, parallelism.small_pieces(UPDATE_WORK * gradient.len()), &|run| {
                rule.update(run);
            });
        });
        gradients.clear();
        Ok(())
    }

    /// A sink that moves the parameters while the backward pass goes on: a step without gradients in memory.
    ///
    /// # Errors
    /// [`Error::Setting`] where gradients are limited by a norm, which has to be known before the first parameter
    /// moves, and for a rule that remembers more than [`MAX_BUFFERS`] numbers; [`Error::UnknownParameter`] or
    /// [`Error::Length`] where the optimizer has worked on another model.
    pub fn apply(&mut self, model: &dyn Layer<T>) -> Result<Apply<'_, T>> {
        if let Some(clip) = self.clip.filter(|clip| clip.is_by_norm()) {
            let expected = "no limit or one for each element, for gradients that are applied as they come";
            return Err(Error::setting("clip", expected, format!("{clip:?}")));
        }
        self.apply_scaled(model, 1.0)
    }

    /// The same for gradients that were surveyed and are to be scaled.
    pub(crate) fn apply_scaled(&mut self, model: &dyn Layer<T>, scale: f64) -> Result<Apply<'_, T>> {
        self.await_gradients(model)?;
        Ok(Apply::new(self).with_scale(scale))
    }

    /// A sink that looks at the gradients of a pass and moves nothing.
    pub(crate) fn survey(&mut self, model: &dyn Layer<T>) -> Result<Survey<'_, T>> {
        self.await_gradients(model)?;
        Ok(Survey::new(self))
    }

    /// The limit for gradients.
    pub(crate) fn clip(&self) -> Option<Clip> {
        self.clip
    }

    /// Whether a step was made, and so the model is known to hand out all gradients.
    pub(crate) fn has_stepped(&self) -> bool {
        self.states.iter().any(|state| state.steps > 0)
    }

    /// The steps of each parameter and what the rule remembers of it.
    pub(crate) fn memory(&self) -> impl Iterator<Item = (u64, &[Buffer<T>])> {
        self.states.iter().map(|state| (state.steps, &*state.buffers))
    }

    /// The steps of each parameter and what the rule remembers of it, to be replaced.
    pub(crate) fn memory_mut(&mut self) -> impl Iterator<Item = (&mut u64, &mut [Buffer<T>])> {
        self.states.iter_mut().map(|state| (&mut state.steps, &mut *state.buffers))
    }

    fn await_gradients(&mut self, model: &dyn Layer<T>) -> Result<()> {
        self.prepare(model);
        self.check_model(model)?;
        self.states.iter_mut().for_each(|state| state.awaited = true);
        Ok(())
    }

    /// Whether every gradient has come that was awaited.
    pub(super) fn check_complete(&self, model: &dyn Layer<T>) -> Result<()> {
        let mut missing = None;
        if !self.states.iter().any(|state| state.awaited) {
            return Ok(());
        }
        model.params(&mut |param| {
            if self.states[param.slot()].awaited && !param.is_frozen() {
                missing.get_or_insert_with(|| format!("`{}`", param.name()));
            }
        });
        missing.map_or(Ok(()), |parameter| Err(Error::MissingGradient { parameter }))
    }

    /// Whether the model is the one that the state was made for.
    pub(super) fn check_model(&self, model: &dyn Layer<T>) -> Result<()> {
        if self.rule.buffers() > MAX_BUFFERS {
            return Err(Error::setting("buffers of the rule", "at most 3", self.rule.buffers()));
        }
        let (mut unknown, mut count) = (None, 0);
        model.params(&mut |param| {
            if self.states.get(count).is_none_or(|state| state.len != param.buffer().len()) {
                unknown.get_or_insert_with(|| format!("`{}`", param.name()));
            }
            count += 1;
        });
        if let Some(parameter) = unknown {
            return Err(Error::UnknownParameter { parameter, by: "optimizer" });
        }
        if count == self.states.len() {
            return Ok(());
        }
        let what = "parameters of the optimizer".into();
        Err(Error::Length { what, expected: self.states.len(), got: count })
    }

    /// Whether a step can be made; the norm of all gradients, where it is needed.
    fn check(&self, model: &dyn Layer<T>, gradients: &GradientStore<T>) -> Result<f64> {
        self.check_model(model)?;
        let (mut missing, mut square) = (None, 0.0);
        let measure = self.clip.is_some_and(Clip::is_by_norm);
        model.params(&mut |param| match gradients.buffer(param) {
            _ if param.is_frozen() => {}
            None => {
                missing.get_or_insert_with(|| format!("`{}`", param.name()));
            }
            Some(gradient) if measure => square += norm(gradient).powi(2),
            Some(_) => {}
        });
        match missing {
            Some(parameter) => Err(Error::MissingGradient { parameter }),
            None => finite_norm(square),
        }
    }
}

/// The norm of all gradients from the sum of their squares.
pub(super) fn finite_norm(square: f64) -> Result<f64> {
    if square.is_finite() {
        return Ok(square.sqrt());
    }
    Err(Error::NotFinite { what: "norm of the gradients".into(), got: square.sqrt() })
}

/// An update is bound by memory: an element takes about as long as eight multiply-adds.
pub(super) const UPDATE_WORK: usize = 8;

impl<T: Scalar> State<T> {
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
        self.steps += 1;
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

impl<T: Scalar> fmt::Debug for Optimizer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optimizer")
            .field("rule", &self.rule)
            .field("clip", &self.clip)
            .finish_non_exhaustive()
    }
}
