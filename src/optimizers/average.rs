//! The exponential moving average of a model's parameters.

use std::fmt;

use super::settings::check_share;
use crate::kernels::{self, Buffer, Kernel, Simd};
use crate::layers::{Layer, Param};
use crate::{Error, Result, Scalar};

/// An exponential moving average of a model's parameters, which is often the better model.
///
/// ```text
/// a ← decay·a + (1 − decay)·w        after each step
/// ```
///
/// (Polyak and Juditsky, 1992, in its exponential form.) [Statistics](Param::statistic), which are averages already, are taken over as
/// they are, as PyTorch's `AveragedModel` does. [`Trainer::with_moving_average`](crate::Trainer::with_moving_average) keeps one by itself.
///
/// ```
/// use taper::{Dense, Sequential, Tensor, optimizers::MovingAverage};
///
/// let dense = Dense::from_parts(&Tensor::from([[1.0]]), None)?;
/// let mut model = Sequential::builder([1]).layer(dense).build(&mut taper::seeded(0))?;
/// let mut average = MovingAverage::new(&model, 0.75)?;
/// model.param_mut("0.weight")?.set(&Tensor::from([[2.0]]))?;
/// average.update(&model)?;
/// average.swap(&mut model)?; // the model has the average, the average what the model had
/// assert_eq!(model.param("0.weight")?.to_tensor(), Tensor::from([[1.25]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone)]
pub struct MovingAverage<T> {
    decay: f64,
    values: Vec<Buffer<T>>,
}

impl<T: Scalar> MovingAverage<T> {
    /// An average that starts from the model as it is. 0.99 to 0.9999 is usual.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ decay < 1.
    pub fn new(model: &dyn Layer<T>, decay: f64) -> Result<Self> {
        check_share("decay", decay)?;
        let mut average = Self { decay, values: Vec::new() };
        average.restart(model);
        Ok(average)
    }

    /// Starts from the model as it is.
    pub(crate) fn restart(&mut self, model: &dyn Layer<T>) {
        self.values.clear();
        model.params(&mut |param| {
            let mut buffer = Buffer::zeroed(param.buffer().len());
            buffer.copy_from_slice(param.buffer());
            self.values.push(buffer);
        });
    }

    /// Takes the model's parameters in.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`] or [`Error::Length`] where it is another model; nothing is changed then.
    pub fn update(&mut self, model: &dyn Layer<T>) -> Result<()> {
        self.check(model)?;
        self.update_where(model, |_| true);
        Ok(())
    }

    /// Takes those parameters in for which `condition` holds, of a model that is known.
    pub(super) fn update_where(&mut self, model: &dyn Layer<T>, condition: impl Fn(&Param<T>) -> bool) {
        model.params(&mut |param| {
            if condition(param) {
                let (follow, average) = self.follow(param.slot());
                if param.is_statistic() {
                    average.copy_from_slice(param.buffer());
                } else {
                    follow.run(average, param.buffer());
                }
            }
        });
    }

    /// The share of the average that each step keeps.
    #[must_use]
    pub fn decay(&self) -> f64 {
        self.decay
    }

    /// The averages, as they lie in the parameters' buffers.
    pub(crate) fn values(&self) -> &[Buffer<T>] {
        &self.values
    }

    /// The averages, to be replaced.
    pub(crate) fn values_mut(&mut self) -> &mut [Buffer<T>] {
        &mut self.values
    }

    /// How the average of one parameter follows it, and that average.
    pub(super) fn follow(&mut self, slot: usize) -> (Follow<T>, &mut [T]) {
        let follow = Follow { keep: T::of(self.decay), take: T::of(1.0 - self.decay) };
        (follow, &mut self.values[slot])
    }

    /// Exchanges the average and the model's parameters; doing it again undoes it.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`] or [`Error::Length`] where it is another model; nothing is changed then.
    pub fn swap(&mut self, model: &mut dyn Layer<T>) -> Result<()> {
        self.check(model)?;
        let mut values = self.values.iter_mut();
        model.params_mut(&mut |param| {
            param.buffer_mut().swap_with_slice(values.next().expect("checked above"));
        });
        Ok(())
    }

    pub(super) fn check(&self, model: &dyn Layer<T>) -> Result<()> {
        let (mut unknown, mut count) = (None, 0);
        model.params(&mut |param| {
            if self.values.get(count).is_none_or(|values| values.len() != param.buffer().len()) {
                unknown.get_or_insert(format!("`{}`", param.name()));
            }
            count += 1;
        });
        if let Some(parameter) = unknown {
            return Err(Error::UnknownParameter { parameter, by: "moving average" });
        }
        if count == self.values.len() {
            return Ok(());
        }
        let what = "parameters of the moving average".into();
        Err(Error::Length { what, expected: self.values.len(), got: count })
    }
}

/// a ← keep·a + take·w.
#[derive(Debug, Clone, Copy)]
pub(super) struct Follow<T> {
    keep: T,
    take: T,
}

impl<T: Scalar> Follow<T> {
    pub(super) fn run(self, average: &mut [T], weight: &[T]) {
        kernels::run(FollowKernel { follow: self, average, weight });
    }
}

struct FollowKernel<'a, T> {
    follow: Follow<T>,
    average: &'a mut [T],
    weight: &'a [T],
}

impl<T: Scalar> Kernel<T> for FollowKernel<'_, T> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "it must end up inside the function with the instruction set")]
    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) {
        let Follow { keep, take } = self.follow;
        for (average, &weight) in self.average.iter_mut().zip(self.weight) {
            *average = keep * *average + take * weight;
        }
    }
}

impl<T> fmt::Debug for MovingAverage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MovingAverage").field("decay", &self.decay).finish_non_exhaustive()
    }
}
