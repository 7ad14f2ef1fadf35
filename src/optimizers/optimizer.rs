//! The optimizer: a rule, and its state for each parameter of a model.

use std::fmt;
use std::mem::take;

use super::clip::{Clip, finite_norm, norm, scale_within};
use super::copied::Copied;
use super::rule::{MAX_BUFFERS, Rule, Update, split_buffers};
use super::settings::check_at_least_0;
use super::state::State;
use crate::kernels::{Buffer, Parallelism, split_work};
use crate::layers::{GradientStore, KeptGradients, Layer};
use crate::{Error, Result, Scalar};

/// Moves the parameters of a model by a [`Rule`], and remembers what the rule needs between steps.
///
/// One optimizer belongs to one model: state is kept for each parameter. Frozen parameters are left alone;
/// [`Param::set_learning_rate_scale`](crate::layers::Param::set_learning_rate_scale) and
/// [`Param::set_weight_decay_scale`](crate::layers::Param::set_weight_decay_scale) give a parameter a share of its own.
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
/// model.forward_pass(&x, &mut workspace)?;
/// let before = workspace.loss(&CrossEntropy::new(), &labels)?;
/// model.backward_pass(&x, &mut workspace, &mut gradients)?;
/// optimizer.step(&mut model, &mut gradients)?;
///
/// model.forward_pass(&x, &mut workspace)?;
/// assert!(workspace.loss(&CrossEntropy::new(), &labels)? < before);
/// # Ok::<(), taper::Error>(())
/// ```
pub struct Optimizer<T> {
    pub(super) rule: Box<dyn Rule<T>>,
    pub(super) clip: Option<Clip>,
    // In the order of the parameters.
    pub(super) states: Vec<State<T>>,
}

impl<T: Scalar> Optimizer<T> {
    /// An optimizer with this rule.
    pub fn new(rule: impl Rule<T> + 'static) -> Self {
        Self { rule: Box::new(rule), clip: None, states: Vec::new() }
    }

    /// Limits gradients before the rule sees them; there is no limit unless set.
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
            self.states.push(State::new(param.buffer().len(), count, initial));
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
        self.step_by(model, gradients, gradients.parallelism())?;
        gradients.clear();
        Ok(())
    }

    /// The same by gradients that lie elsewhere, which are left as they are.
    pub(crate) fn step_by(
        &mut self,
        model: &mut dyn Layer<T>,
        gradients: &dyn KeptGradients<T>,
        parallelism: Parallelism,
    ) -> Result<()> {
        self.prepare(model);
        let global_norm = self.check(model, gradients)?;
        let mut states = self.states.iter_mut();
        let (rule, clip) = (&*self.rule, self.clip);
        model.params_mut(&mut |param| {
            let state = states.next().expect("`prepare` made a state for each parameter");
            if param.is_frozen() {
                return;
            }
            let (slot, len) = (param.slot(), param.buffer().len());
            let scale = match clip {
                Some(Clip::GlobalNorm(limit)) => scale_within(limit, global_norm),
                Some(Clip::Norm(limit)) => {
                    let square = square_norm(gradients, slot, len);
                    scale_within(limit, square.expect("`check` found a gradient").sqrt())
                }
                _ => 1.0,
            };
            let begun = state.begin(rule, param, scale, clip);
            let (mut weight, mut copy) = param.sweep();
            let is_copied = !copy.is_empty();
            let (mut buffers, mut done) = (state.buffers(), 0);
            gradients.runs(slot, len, &mut |start, gradient| {
                assert_eq!(start, done, "runs come one after another");
                done += gradient.len();
                let (own, rest) = take(&mut weight).split_at_mut(gradient.len());
                let (own_buffers, rest_buffers) = split_buffers(take(&mut buffers), gradient.len());
                // A copy is of pairs: two numbers each.
                let middle = (gradient.len() / 2).min(copy.len());
                let (own_copy, rest_copy) = take(&mut copy).split_at_mut(middle);
                (weight, buffers, copy) = (rest, rest_buffers, rest_copy);
                let whole = Copied { update: Update::of(begun, own, gradient, own_buffers), copy: own_copy };
                let pieces = parallelism.small_pieces(UPDATE_WORK * gradient.len() as u64);
                split_work(whole, 64, pieces, &|run: Copied<'_, T>| run.carry_out(rule));
            });
            if is_copied {
                param.end_sweep();
            }
        });
        Ok(())
    }

    /// The limit for gradients.
    #[must_use]
    pub fn clip(&self) -> Option<Clip> {
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

    /// Expects a gradient of each parameter.
    pub(super) fn await_gradients(&mut self, model: &dyn Layer<T>) -> Result<()> {
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
        self.check_rule()?;
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

    /// Whether there is room for what the rule remembers.
    pub(super) fn check_rule(&self) -> Result<()> {
        if self.rule.buffers() > MAX_BUFFERS {
            return Err(Error::setting("buffers of the rule", "at most 3", self.rule.buffers()));
        }
        Ok(())
    }

    /// Whether a step can be made; the norm of all gradients, where it is needed.
    fn check(&self, model: &dyn Layer<T>, gradients: &dyn KeptGradients<T>) -> Result<f64> {
        self.check_model(model)?;
        let (mut missing, mut square) = (None, 0.0);
        let measure = self.clip.is_some_and(Clip::is_by_norm);
        model.params(&mut |param| {
            let (slot, len) = (param.slot(), param.buffer().len());
            if param.is_frozen() {
                return;
            }
            if measure && let Some(own) = square_norm(gradients, slot, len) {
                square += own;
            } else if !gradients.runs(slot, len, &mut |_, _| {}) {
                missing.get_or_insert_with(|| format!("`{}`", param.name()));
            }
        });
        match missing {
            Some(parameter) => Err(Error::MissingGradient { parameter }),
            None => finite_norm(square),
        }
    }
}

/// The square of the norm of a gradient, where there is one.
fn square_norm<T: Scalar>(gradients: &dyn KeptGradients<T>, slot: usize, len: usize) -> Option<f64> {
    let mut square = 0.0;
    gradients.runs(slot, len, &mut |_, gradient| square += norm(gradient).powi(2)).then_some(square)
}

/// An update is bound by memory: an element takes about as long as eight multiply-adds.
pub(super) const UPDATE_WORK: u64 = 8;

impl<T: Scalar> fmt::Debug for Optimizer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optimizer")
            .field("rule", &self.rule)
            .field("clip", &self.clip)
            .finish_non_exhaustive()
    }
}
