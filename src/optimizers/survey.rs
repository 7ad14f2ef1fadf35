//! A sink that moves nothing: it notes which gradients come, and their norm.

use super::apply::BLOCK;
use super::clip::{Clip, finite_norm, norm, scale_within};
use super::optimizer::Optimizer;
use super::state::State;
use crate::layers::{GradientSink, GradientSource, Layer, Param};
use crate::{Result, Scalar};

/// Takes note of which gradients come and, where all of them together are limited, adds up their squares.
///
/// A gradient whose norm costs less than its elements ([`GradientSource::square_norm`]) is never computed.
pub(crate) struct Survey<'a, T: Scalar> {
    optimizer: &'a mut Optimizer<T>,
    square: f64,
}

impl<T: Scalar> Optimizer<T> {
    /// A sink that looks at the gradients of a pass and moves nothing.
    pub(crate) fn survey(&mut self, model: &dyn Layer<T>) -> Result<Survey<'_, T>> {
        self.await_gradients(model)?;
        Ok(Survey { optimizer: self, square: 0.0 })
    }
}

impl<T: Scalar> Survey<'_, T> {
    /// By what the gradients have to be multiplied to stay within the limit.
    ///
    /// # Errors
    /// [`crate::Error::MissingGradient`], [`crate::Error::NotFinite`].
    pub(crate) fn finish(self, model: &dyn Layer<T>) -> Result<f64> {
        self.optimizer.check_complete(model)?;
        let Some(Clip::GlobalNorm(limit)) = self.optimizer.clip else { return Ok(1.0) };
        Ok(scale_within(limit, finite_norm(self.square)?))
    }
}

impl<T: Scalar> GradientSink<T> for Survey<'_, T> {
    fn take(&mut self, param: &mut Param<T>, gradient: &dyn GradientSource<T>) -> Result<()> {
        if param.is_frozen() {
            return Ok(());
        }
        State::awaited(&mut self.optimizer.states, param)?;
        if matches!(self.optimizer.clip, Some(Clip::GlobalNorm(_))) {
            self.square += gradient.square_norm().unwrap_or_else(|| computed_square_norm(param, gradient));
        }
        Ok(())
    }

    fn only_looks(&self) -> bool {
        true
    }
}

fn computed_square_norm<T: Scalar>(param: &Param<T>, gradient: &dyn GradientSource<T>) -> f64 {
    let (len, mut scratch) = (param.buffer().len(), [T::zero(); BLOCK]);
    let (block, mut square) = (param.block(BLOCK), 0.0);
    for start in (0..len).step_by(block) {
        let run = start..len.min(start + block);
        let scratch = &mut scratch[..run.len()];
        gradient.write(run, T::one(), T::zero(), scratch);
        square += norm(scratch).powi(2);
    }
    square
}
