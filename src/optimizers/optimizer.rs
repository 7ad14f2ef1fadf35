//! A rule carried out for a whole model.

use std::fmt;

use super::rule::{Adjust, MAX_BUFFERS, Rule, Update, WeightDecay, check_at_least_0};
use crate::kernels::{Buffer, Parallelism, Split, split_work};
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
    rule: Box<dyn Rule<T>>,
    clip: Option<Clip>,
    // In the order of the parameters.
    states: Vec<State<T>>,
}

/// What is remembered of one parameter.
struct State<T> {
    len: usize,
    steps: u64,
    buffers: Vec<Buffer<T>>,
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
            self.states.push(State { len, steps: 0, buffers: (0..count).map(buffer).collect() });
        });
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
            let limit = if let Some(Clip::Value(limit)) = clip { limit } else { f64::INFINITY };
            state.move_param(rule, param, gradient, scale, limit, parallelism);
        });
        gradients.clear();
        Ok(())
    }

    /// Whether a step can be made; the norm of all gradients, where it is needed.
    fn check(&self, model: &dyn Layer<T>, gradients: &GradientStore<T>) -> Result<f64> {
        if self.rule.buffers() > MAX_BUFFERS {
            return Err(Error::setting("buffers of the rule", "at most 3", self.rule.buffers()));
        }
        let (mut error, mut square, mut slot) = (None, 0.0, 0);
        let measure = matches!(self.clip, Some(Clip::Norm(_) | Clip::GlobalNorm(_)));
        model.params(&mut |param| {
            let known = self.states.get(slot).is_some_and(|state| state.len == param.buffer().len());
            slot += 1;
            let name = || format!("`{}`", param.name());
            match gradients.buffer(param) {
                _ if !known => {
                    error.get_or_insert(Error::UnknownParameter { parameter: name(), by: "optimizer" });
                }
                None if !param.is_frozen() => {
                    error.get_or_insert(Error::MissingGradient { parameter: name() });
                }
                Some(gradient) if measure && !param.is_frozen() => square += norm(gradient).powi(2),
                _ => {}
            }
        });
        match error {
            Some(error) => Err(error),
            None if slot != self.states.len() => {
                let what = "parameters of the optimizer".into();
                Err(Error::Length { what, expected: self.states.len(), got: slot })
            }
            None if square.is_finite() => Ok(square.sqrt()),
            None => Err(Error::NotFinite { what: "norm of the gradients".into(), got: square.sqrt() }),
        }
    }
}

impl<T: Scalar> State<T> {
    fn move_param(
        &mut self,
        rule: &dyn Rule<T>,
        param: &mut Param<T>,
        gradient: &[T],
        scale: f64,
        limit: f64,
        parallelism: Parallelism,
    ) {
        self.steps += 1;
        let settings = rule.settings();
        let learning_rate = settings.learning_rate() * param.learning_rate_scale();
        let (decay, shrink) = match settings.weight_decay() {
            WeightDecay::None => (0.0, 1.0),
            WeightDecay::Coupled(decay) => (decay * param.weight_decay_scale(), 1.0),
            WeightDecay::Decoupled(decay) => (0.0, 1.0 - learning_rate * decay * param.weight_decay_scale()),
        };
        let adjust =
            Adjust { scale: T::of(scale), limit: T::of(limit), decay: T::of(decay), shrink: T::of(shrink) };
        let mut buffers = self.buffers.iter_mut();
        let whole = Update {
            step: self.steps,
            learning_rate,
            gradient,
            buffers: std::array::from_fn(|_| {
                buffers.next().map(|buffer| &mut buffer[..]).unwrap_or_default()
            }),
            adjust,
            weight: param.buffer_mut(),
        };
        // An update is bound by memory: an element takes about as long as eight multiply-adds.
        let pieces = parallelism.pieces(8 * gradient.len());
        split_work(whole, 64, pieces, &|run| rule.update(run));
    }
}

impl<T: Scalar> Split for Update<'_, T> {
    fn len(&self) -> usize {
        self.weight.len()
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let (weight, weight_right) = self.weight.split_at_mut(middle);
        let (gradient, gradient_right) = self.gradient.split_at(middle);
        let mut right: [&mut [T]; MAX_BUFFERS] = Default::default();
        let mut left: [&mut [T]; MAX_BUFFERS] = Default::default();
        for (buffer, (left, right)) in self.buffers.into_iter().zip(left.iter_mut().zip(&mut right)) {
            let middle = middle.min(buffer.len());
            (*left, *right) = buffer.split_at_mut(middle);
        }
        let Self { step, learning_rate, adjust, .. } = self;
        (
            Self { step, learning_rate, weight, gradient, buffers: left, adjust },
            Self {
                step,
                learning_rate,
                weight: weight_right,
                gradient: gradient_right,
                buffers: right,
                adjust,
            },
        )
    }
}

/// The Euclidean length, summed in double precision in a fixed order: sixteen running sums, then their sum.
fn norm<T: Scalar>(values: &[T]) -> f64 {
    let mut sums = [0.0; 16];
    for chunk in values.chunks(16) {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            let value = value.as_f64();
            *sum += value * value;
        }
    }
    sums.iter().sum::<f64>().sqrt()
}

impl<T: Scalar> fmt::Debug for Optimizer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optimizer")
            .field("rule", &self.rule)
            .field("clip", &self.clip)
            .finish_non_exhaustive()
    }
}
