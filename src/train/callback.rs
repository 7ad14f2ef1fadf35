//! Callbacks of `fit`.

use super::{Epoch, Training};
use crate::{Result, Scalar};

/// What [`crate::Trainer::fit`] calls after each step and each epoch, on the thread that called it.
///
/// For a function of one's own there are [`Fit::after_step`](crate::train::Fit::after_step) and
/// [`Fit::after_epoch`](crate::train::Fit::after_epoch). A callback sees the model through the [`Training`], which also
/// changes its parameters and the learning rate.
///
/// ```
/// use taper::train::{Callback, Control, Epoch, StepReport, Training};
/// use taper::{Result, Tensor};
///
/// /// Stops where a loss of a step is tiny, and shrinks a weight by 1 % after each epoch.
/// struct Shrink;
///
/// impl Callback<f32> for Shrink {
///     fn after_step(&mut self, step: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
///         Ok(if step.loss < 1e-6 { Control::Stop } else { Control::Continue })
///     }
///
///     fn after_epoch(&mut self, _: &Epoch, training: &mut Training<'_, f32>) -> Result<Control> {
///         let weight = training.param_mut("fc1.weight")?;
///         let old = weight.to_tensor();
///         weight.set(&Tensor::from_fn(old.shape(), |index| 0.99 * old.as_slice()[index])?)?;
///         Ok(Control::Continue)
///     }
/// }
/// ```
///
/// # Trainings that are cut short
///
/// A checkpoint is written after the callbacks of its step or epoch, so it has what they changed. Callbacks themselves are
/// in no file and begin anew. So a training goes on to the same bits where what a callback changes follows from what it is
/// given, the number of the step ([`StepReport::number`]) or the epoch, the parameters and the history, and from
/// nothing that it has counted itself.
pub trait Callback<T: Scalar>: Send {
    /// After a step.
    ///
    /// # Errors
    /// An error ends the training and is returned from it; [`Error::other`](crate::Error::other) makes one of any other.
    fn after_step(&mut self, step: &StepReport, training: &mut Training<'_, T>) -> Result<Control> {
        let _ = (step, training);
        Ok(Control::Continue)
    }

    /// After an epoch and its validation.
    ///
    /// # Errors
    /// As [`Callback::after_step`].
    fn after_epoch(&mut self, epoch: &Epoch, training: &mut Training<'_, T>) -> Result<Control> {
        let _ = (epoch, training);
        Ok(Control::Continue)
    }

    /// Whether [`Training::outputs`] is looked at; false unless written. Unless that is said, the outputs of a validation are not kept.
    fn needs_outputs(&self) -> bool {
        false
    }
}

/// Whether training goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// It goes on.
    Continue,
    /// It ends after this epoch or step, without an error.
    Stop,
}

/// One step of [`crate::Trainer::fit`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// The epoch, from 0, counted over all that the trainer was asked for.
    pub epoch: usize,
    /// How many there will have been at the end of this call.
    pub epochs: usize,
    /// The step in the epoch, from 0.
    pub step: usize,
    /// The steps of an epoch.
    pub steps: usize,
    /// The step, from 0, counted over all that the trainer has made: that by which a schedule goes.
    pub number: u64,
    /// The learning rate with which it was made.
    pub learning_rate: f64,
    /// The loss of the step's batch.
    pub loss: f64,
}
