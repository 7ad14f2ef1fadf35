//! Gradients of parameters: how a layer hands them on, and the store that keeps them.

use core::ops::Range;

use super::Param;
use crate::{Result, Scalar};

/// The gradient of one parameter, written where and when the sink wants it.
///
/// A sink that stores gradients, one that adds them up and one that updates the weight at once all ask for the
/// same thing; so a large gradient need never lie in memory as a whole. One that is small and there already is [`Whole`].
///
/// ```
/// use core::ops::Range;
/// use taper::layers::GradientSource;
///
/// /// The gradient of a weight that decays: 0.1 of the weight itself.
/// struct OfDecay<'a>(&'a [f64]);
///
/// impl GradientSource<f64> for OfDecay<'_> {
///     fn write(&self, run: Range<usize>, alpha: f64, beta: f64, out: &mut [f64]) {
///         for (out, weight) in out.iter_mut().zip(&self.0[run]) {
///             let before = if beta == 0.0 { 0.0 } else { beta * *out };
///             *out = before + alpha * (0.1 * weight);
///         }
///     }
/// }
///
/// let mut sum = [1.0, 1.0];
/// OfDecay(&[10.0, 20.0, 30.0]).write(1..3, 1.0, 1.0, &mut sum);
/// assert_eq!(sum, [3.0, 4.0]);
/// ```
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

/// A gradient that is small and computed already, in the order of the parameter's [buffer](Param::buffer): row-major for a parameter made
/// by [`Param::new`]. [`Layer`](crate::Layer) has an example.
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

/// What a backward pass hands gradients to, on the thread that called it: a [`GradientStore`](super::GradientStore) keeps them, an
/// [`Apply`](crate::optimizers::Apply) moves each parameter at once, and one of your own does what it likes.
///
/// ```
/// use taper::layers::{GradientSink, GradientSource};
/// use taper::losses::MeanSquaredError;
/// use taper::{Mode, Param, Result, Sequential, Tensor};
///
/// /// Plain descent, which keeps no gradient.
/// struct Descent(f64);
///
/// impl GradientSink<f64> for Descent {
///     fn take(&mut self, param: &mut Param<f64>, gradient: &dyn GradientSource<f64>) -> Result<()> {
///         let all = 0..param.buffer().len();
///         gradient.write(all, -self.0, 1.0, param.buffer_mut());
///         Ok(())
///     }
/// }
///
/// let mut model = Sequential::<f64>::builder([2]).dense(1).build(&mut taper::seeded(7))?;
/// let mut workspace = model.workspace(Mode::Train, 1)?;
/// let (x, target, loss) = (Tensor::from([[1.0, -1.0]]), Tensor::from([[2.0]]), MeanSquaredError::new());
/// let mut losses = Vec::new();
/// for _ in 0..20 {
///     model.forward_pass(&x, &mut workspace)?;
///     losses.push(workspace.loss(&loss, &target)?);
///     model.backward_pass(&x, &mut workspace, &mut Descent(0.1))?;
/// }
/// assert!(losses[19] < 1e-4 * losses[0]);
/// # Ok::<(), taper::Error>(())
/// ```
pub trait GradientSink<T>: Send {
    /// Takes the gradient of one parameter.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`](crate::Error::UnknownParameter) where the sink was made for another model; those of a sink of one's own.
    fn take(&mut self, param: &mut Param<T>, gradient: &dyn GradientSource<T>) -> Result<()>;

    /// Whether the pass is one that only looks: another with the same inputs follows before the step is done. A layer
    /// that keeps [statistics](Param::statistic) leaves them alone then, so that they move once a step. False unless
    /// written.
    fn only_looks(&self) -> bool {
        false
    }
}
