//! Gradients against finite differences: PyTorch's `torch.autograd.gradcheck`.
//!
//! | | what is checked |
//! |---|---|
//! | [`layer()`] | a layer: its input and its parameters |
//! | [`parameters()`] | a layer whose input has no gradient: its parameters alone |
//! | [`loss()`] | a loss: the outputs |
//! | [`model()`] | a model with a loss: all parameters, as they are trained |
//!
//! A gradient that is almost right trains almost as well, and nobody notices. So every layer and loss of this
//! crate, and each of yours, should go through [`layer()`] or [`loss()`] in a test; [`model()`] takes both together:
//!
//! ```
//! use taper::{Dense, Tensor, gradcheck, losses::CrossEntropy};
//!
//! let mut dense = Dense::<f64>::new(3, 2, &mut taper::seeded(7))?;
//! gradcheck::layer(&mut dense, &Tensor::from([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]]))?;
//!
//! let logits = Tensor::from([[0.1, -0.2], [0.3, 0.4]]);
//! gradcheck::loss(&CrossEntropy::new(), &logits, &[0, 1])?;
//! # Ok::<(), taper::Error>(())
//! ```
//!
//! Each element is moved up and down a little, and the difference quotient compared with the gradient. Choose numbers of
//! about 1, away from kinks, where there is no derivative to compare with.
//!
//! | | moved by | may differ by |
//! |---|---|---|
//! | `f64` | 1e-6 | 1e-7 + 1e-5·\|quotient\| + r |
//! | `f32` | 2⁻⁷, and where that does not agree 2⁻⁹ and 2⁻¹¹ | 1e-4 + 1e-3·\|quotient\| + r |
//!
//! where r is what the rounding of the outputs makes of the quotient: 4·ε·‖c·y‖ / moved by. It is nothing in `f64`. In `f32` it is
//! the larger part, some 1e-4 to 1e-2, so that check finds what is wrong and not what is inexact; where a layer is generic,
//! check it in `f64`.

mod differences;
mod passes;

use differences::{compare, compare_parameters, is_same, rounding_of};
use passes::{CheckedSink, LayerCheck};

use crate::kernels::Parallelism;
use crate::layers::{GradientStore, Layer, Mode};
use crate::losses::{Loss, Target};
use crate::{Error, Result, Scalar, Sequential, Tensor, Workspace};

/// Compares a layer's gradients, with respect to its input and to each parameter that is not frozen, with central differences.
///
/// The differences are of c·y, where c are fixed numbers between 0.5 and 1.5. A [`Sequential`] is a layer too.
///
/// Inputs that are the numbers of something ([`Layer::vocabulary`]), as those of an [`Embedding`](crate::layers::Embedding),
/// have no gradient and are left alone.
///
/// Also checked: that each gradient is handed to the sink, that it can be written in runs and added to what is
/// there, and that nothing is read that was not written.
///
/// # Errors
/// [`Error::Gradient`] telling which element of which tensor is off by how much, [`Error::MissingGradient`],
/// [`Error::Empty`] where there is nothing to compare; the layer's own errors.
pub fn layer<T: Scalar>(layer: &mut dyn Layer<T>, x: &Tensor<T>) -> Result<()> {
    if layer.vocabulary().is_some() {
        return parameters(layer, x);
    }
    let mut check = LayerCheck::new(layer, x)?;
    let mut dx = Tensor::full(x.shape(), T::nan())?;
    let gradients = check.gradients(layer, Some(&mut dx))?;
    let (rounding, mut moved) = (check.rounding(), x.clone());
    compare("input", &dx, x, rounding, |index, number| {
        moved.as_mut_slice()[index] = number;
        let value = check.value(layer, moved.view());
        moved.as_mut_slice()[index] = x.as_slice()[index];
        value
    })?;
    compare_parameters(layer, &gradients, rounding, |layer| check.value(layer, x.view())).map(|_| ())
}

/// The same as [`layer()`] for the parameters alone: for a layer whose input has no gradient.
///
/// ```
/// use taper::{Sequential, Tensor, gradcheck, layers::Embedding};
///
/// let rng = &mut taper::seeded(7);
/// let words = Embedding::<f64>::new(10, 3, rng)?;
/// let mut model = Sequential::builder([4]).layer(words).flatten().dense(2).build(rng)?;
/// gradcheck::parameters(&mut model, &Tensor::from([[1.0, 7.0, 0.0, 7.0]]))?;
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # Errors
/// As [`layer()`]; [`Error::Empty`] also where all parameters are frozen.
pub fn parameters<T: Scalar>(layer: &mut dyn Layer<T>, x: &Tensor<T>) -> Result<()> {
    let mut check = LayerCheck::new(layer, x)?;
    let gradients = check.gradients(layer, None)?;
    let rounding = check.rounding();
    match compare_parameters(layer, &gradients, rounding, |layer| check.value(layer, x.view()))? {
        0 => Err(Error::Empty { what: "parameters that are not frozen" }),
        _ => Ok(()),
    }
}

/// Compares the gradients by which a model is trained, those of a loss with respect to each parameter, with central differences.
///
/// The differences are of the loss: model and loss together, with class weights, several outputs and whatever else the loss has.
/// Parameters that are frozen are left alone.
///
/// ```
/// use taper::{Sequential, Tensor, gradcheck, losses::CrossEntropy};
///
/// let mut model = Sequential::<f32>::builder([3]).dense(4).tanh().dense(2).build(&mut taper::seeded(7))?;
/// let loss = CrossEntropy::new().with_class_weights(&[0.5, 2.0])?;
/// let x = Tensor::from([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]]);
/// gradcheck::model(&mut model, &x, &loss, &[0, 1])?;
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # Errors
/// As [`parameters()`]; those of the loss.
pub fn model<'a, T: Scalar>(
    model: &mut Sequential<T>,
    x: &Tensor<T>,
    loss: &dyn Loss<T>,
    target: impl Into<Target<'a, T>>,
) -> Result<()> {
    let target = target.into();
    let mut workspace =
        model.workspace(Mode::Train, x.view().batch())?.with_parallelism(Parallelism::Threads(1));
    workspace.set_random(1, 1);
    model.forward_pass(x, &mut workspace)?;
    let value = workspace.loss(loss, target)?.as_f64();
    let (outputs, gradient) = workspace.outputs_and_gradient()?;
    let parts = outputs.as_slice().iter().zip(gradient.as_slice()).map(|(y, g)| y.as_f64() * g.as_f64());
    let rounding = rounding_of::<T>(parts.chain([value]));
    let mut sink = CheckedSink { store: GradientStore::new(model) };
    model.backward_pass(x, &mut workspace, &mut sink)?;
    let value = |model: &mut Sequential<T>, workspace: &mut Workspace<T>| {
        workspace.set_random(1, 1);
        model.forward_pass(x, workspace)?;
        Ok(loss.forward(workspace.outputs(), target)?.as_f64())
    };
    match compare_parameters(model, &sink.store, rounding, |model| value(model, &mut workspace))? {
        0 => Err(Error::Empty { what: "parameters that are not frozen" }),
        _ => Ok(()),
    }
}

/// Compares a loss's gradient with respect to the outputs with central differences of the loss.
///
/// Also checked: that [`Loss::part`] of a whole that is twice as large is half of both.
///
/// # Errors
/// [`Error::Gradient`] telling which element is off by how much; the loss's own errors.
pub fn loss<'a, T: Scalar>(
    loss: &dyn Loss<T>,
    outputs: &Tensor<T>,
    target: impl Into<Target<'a, T>>,
) -> Result<()> {
    let target = target.into();
    if outputs.is_empty() {
        return Err(Error::Empty { what: "elements of the outputs" });
    }
    let mut gradient = Tensor::full(outputs.shape(), T::nan())?;
    loss.backward(outputs.view(), target, gradient.view_mut())?;
    let value = loss.forward(outputs.view(), target)?.as_f64();
    let parts = outputs.as_slice().iter().zip(gradient.as_slice()).map(|(y, g)| y.as_f64() * g.as_f64());
    let rounding = rounding_of::<T>(parts.chain([value]));
    let mut moved = outputs.clone();
    compare("outputs", &gradient, outputs, rounding, |index, number| {
        moved.as_mut_slice()[index] = number;
        let value = loss.forward(moved.view(), target);
        moved.as_mut_slice()[index] = outputs.as_slice()[index];
        value.map(T::as_f64)
    })?;
    let divisor = 2.0 * loss.divisor(target).unwrap_or(1.0);
    if divisor == 0.0 {
        return Ok(());
    }
    let mut half = Tensor::full(outputs.shape(), T::nan())?;
    let value = loss.part(outputs.view(), target, divisor, Some(half.view_mut()))?;
    let values = [(loss.forward(outputs.view(), target)?, value)];
    let gradients = gradient.as_slice().iter().copied().zip(half.as_slice().iter().copied());
    for (whole, part) in values.into_iter().chain(gradients) {
        let (expected, part) = (whole.as_f64() / 2.0, part.as_f64());
        if !is_same::<T>(part, expected) {
            return Err(Error::Gradient {
                mismatch: format!(
                    "`part` of a loss whose divisor is {divisor}: expected {expected:e}, half of the whole, got {part:e}"
                ),
            });
        }
    }
    Ok(())
}
