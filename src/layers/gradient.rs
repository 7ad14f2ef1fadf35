//! Gradients of parameters: how a layer hands them on, and the store that keeps them.

use core::ops::Range;

use super::Param;
use crate::{Result, Scalar};

/// The gradient of one parameter, written where and when the sink wants it.
///
/// A sink that stores gradients, one that adds them up and one that updates the weight at once all ask for the
/// same thing; so a large gradient need never lie in memory as a whole.
pub trait GradientSource<T>: Sync {
    /// out ← beta·out + alpha·gradient, for this run of the parameter's buffer. Where `beta` is 0, `out` holds
    /// anything and is not read. Runs start at multiples of [`Param::granule`]; several may be asked for at once.
    fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]);

    /// The sum of the squares of all elements, where that takes less than computing the elements.
    fn square_norm(&self) -> Option<f64> {
        None
    }

    /// Multiply-adds for the whole: from this the sink tells whether several threads pay.
    fn multiply_adds(&self) -> u64 {
        0
    }
}

/// A gradient that is small and computed already, in the order of the parameter's buffer.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a, T>(pub &'a [T]);

impl<T: Scalar> GradientSource<T> for Whole<'_, T> {
    fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        let gradient = &self.0[run];
        if beta == T::zero() {
            out.iter_mut().zip(gradient).for_each(|(out, &g)| *out = alpha * g);
        } else {
            out.iter_mut().zip(gradient).for_each(|(out, &g)| *out = beta * *out + alpha * g);
        }
    }
}

/// What a backward pass hands gradients to, on the thread that called it.
pub trait GradientSink<T>: Send {
    /// Takes the gradient of one parameter.
    ///
    /// # Errors
    /// [`UnknownParameter`](crate::Error::UnknownParameter) where the sink was made for another model.
    fn take(&mut self, param: &mut Param<T>, gradient: &dyn GradientSource<T>) -> Result<()>;

    /// Whether the pass is one that only looks: another with the same inputs follows before the step is done. A layer
    /// that keeps [statistics](Param::statistic) leaves them alone then, so that they move once a step. False unless
    /// written.
    fn only_looks(&self) -> bool {
        false
    }
}
