//! The sink that moves parameters during the backward pass.

use std::fmt;
use std::ops::Range;

use super::average::MovingAverage;
use super::optimizer::{Optimizer, UPDATE_WORK};
use super::rule::{MAX_BUFFERS, Update, split_buffers};
use super::state::State;
use crate::kernels::{Pair, Parallelism, Run, Split, fetch_beginnings, round_panels, split_work};
use crate::layers::{GradientSink, GradientSource, Layer, Param};
use crate::{Error, Result, Scalar};

/// Moves every parameter as soon as a backward pass knows its gradient; made by [`Optimizer::apply`].
///
/// A block of the gradient is computed, and the rule moves that block while it is in the cache. A large gradient is never in memory
/// as a whole, and plain descent adds it right onto the weight. One backward pass is one step. The weights are the same to the bit as with a [`crate::GradientStore`] and
/// [`Optimizer::step`].
///
/// ```
/// use taper::{Mode, Optimizer, Sequential, Tensor};
/// use taper::{losses::CrossEntropy, optimizers::Adam};
///
/// let mut model = Sequential::<f32>::builder([4]).dense(3).build(&mut taper::seeded(7))?;
/// let mut workspace = model.workspace(Mode::Train, 2)?;
/// let mut optimizer = Optimizer::new(Adam::new(0.1)?);
///
/// let (x, labels) = (Tensor::full([2, 4], 1.0)?, [0, 2]);
/// model.forward_pass(&x, &mut workspace)?;
/// workspace.loss(&CrossEntropy::new(), &labels)?;
/// let mut apply = optimizer.apply(&model)?;
/// model.backward_pass(&x, &mut workspace, &mut apply)?;
/// apply.finish(&model)?;
/// # Ok::<(), taper::Error>(())
/// ```
pub struct Apply<'a, T: Scalar> {
    optimizer: &'a mut Optimizer<T>,
    average: Option<&'a mut MovingAverage<T>>,
    parallelism: Parallelism,
    /// By what every gradient is multiplied, to stay within a limit for all of them together.
    scale: f64,
}

/// The elements of a block of a gradient that is computed on the stack: with what a rule needs of them, they stay in
/// the cache (L1). With half as many a step of the reference network with Adam takes 4 % longer, with AVX2.
pub(super) const BLOCK: usize = 2048;

impl<T: Scalar> Optimizer<T> {
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
        Ok(Apply { optimizer: self, average: None, parallelism: Parallelism::default(), scale })
    }
}

impl<'a, T: Scalar> Apply<'a, T> {
    /// The same, with another number of threads.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: Parallelism) -> Self {
        self.parallelism = parallelism;
        self
    }

    /// Takes the parameters that move into an average, too, in the same sweep.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`] or [`Error::Length`] where the average or the optimizer is of another
    /// model.
    pub fn with_average(mut self, average: &'a mut MovingAverage<T>, model: &dyn Layer<T>) -> Result<Self> {
        self.optimizer.check_model(model)?;
        average.check(model)?;
        self.average = Some(average);
        Ok(self)
    }

    /// Ends the step.
    ///
    /// # Errors
    /// [`Error::MissingGradient`] where a parameter that is not frozen got none. The others have moved then: only a
    /// layer of one's own whose `backward` hands out a gradient now and then can bring that about.
    /// [`Error::UnknownParameter`] or [`Error::Length`] for another model than the optimizer's.
    pub fn finish(self, model: &dyn Layer<T>) -> Result<()> {
        self.optimizer.check_model(model)?;
        if let Some(average) = self.average {
            average.update_where(model, Param::is_frozen);
        }
        self.optimizer.check_complete(model)
    }
}

impl<T: Scalar> GradientSink<T> for Apply<'_, T> {
    fn take(&mut self, param: &mut Param<T>, gradient: &dyn GradientSource<T>) -> Result<()> {
        if param.is_frozen() {
            return Ok(());
        }
        let Optimizer { rule, clip, states } = &mut *self.optimizer;
        let state = State::awaited(states, param)?;
        let begun = state.begin(&**rule, param, self.scale, *clip);
        let work = gradient.multiply_adds().max(UPDATE_WORK * param.buffer().len() as u64);
        let (pieces, granule, block) =
            (self.parallelism.small_pieces(work), param.granule(), param.block(BLOCK));
        let descends = rule.is_plain_descent() && begun.adjust.only_shrinks();
        let descend = |run: Range<usize>, weight: &mut [T]| {
            gradient.write(run, -T::of(begun.learning_rate), begun.adjust.shrink, weight);
        };
        let slot = param.slot();
        let (weight, copy) = param.sweep();
        if descends && self.average.is_none() && copy.is_empty() {
            let whole = Run { start: 0, values: weight };
            split_work(whole, granule, pieces, &|run: Run<'_, T>| {
                descend(run.start..run.start + run.values.len(), run.values);
            });
            return Ok(());
        }
        let buffers = state.buffers();
        let average = self.average.as_mut().map(|average| average.follow(slot));
        let (follow, average) = average.unzip();
        let is_copied = !copy.is_empty();
        let whole = Piece { start: 0, weight, copy, buffers, average: average.unwrap_or_default() };
        split_work(whole, granule, pieces, &|piece: Piece<'_, T>| {
            let (mut scratch, mut left) = ([T::zero(); BLOCK], piece);
            while left.len() > 0 {
                let middle = block.min(left.len());
                let (front, rest) = left.split(middle);
                left = rest;
                if descends {
                    descend(front.run(), front.weight);
                } else {
                    // What the rule will touch comes from memory while the gradient is computed.
                    fetch_beginnings(front.buffers.iter().map(|buffer| &**buffer).chain([&*front.weight]));
                    let scratch = &mut scratch[..front.len()];
                    gradient.write(front.run(), T::one(), T::zero(), scratch);
                    rule.update(Update::of(begun, front.weight, scratch, front.buffers));
                }
                if let Some(follow) = follow {
                    follow.run(front.average, front.weight);
                }
                if !front.copy.is_empty() {
                    round_panels(front.weight, 2, Parallelism::Threads(1), front.copy);
                }
            }
        });
        if is_copied {
            param.end_sweep();
        }
        Ok(())
    }
}

/// A run of a parameter with all that moves along.
struct Piece<'a, T> {
    start: usize,
    weight: &'a mut [T],
    /// Half as long as the weight, or empty.
    copy: &'a mut [Pair],
    buffers: [&'a mut [T]; MAX_BUFFERS],
    /// As long as the weight, or empty.
    average: &'a mut [T],
}

impl<T> Piece<'_, T> {
    /// Its place in the parameter.
    fn run(&self) -> Range<usize> {
        self.start..self.start + self.weight.len()
    }
}

impl<T: Scalar> Split for Piece<'_, T> {
    fn len(&self) -> usize {
        self.weight.len()
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let (weight, weight_right) = self.weight.split_at_mut(middle);
        let (buffers, buffers_right) = split_buffers(self.buffers, middle);
        let (copy, copy_right) = self.copy.split_at_mut((middle / 2).min(self.copy.len()));
        let (average, average_right) = self.average.split_at_mut(middle.min(self.average.len()));
        (
            Self { start: self.start, weight, copy, buffers, average },
            Self {
                start: self.start + middle,
                weight: weight_right,
                copy: copy_right,
                buffers: buffers_right,
                average: average_right,
            },
        )
    }
}

impl<T: Scalar> fmt::Debug for Apply<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apply").field("optimizer", &self.optimizer).finish_non_exhaustive()
    }
}
