//! The gradient with respect to the input.

use super::{Sequential, Workspace};
use crate::layers::{GradientSink, GradientSource, Layer, Mode, Param};
use crate::{Error, Result, Scalar, Tensor, TensorView, TensorViewMut};

impl<T: Scalar> Sequential<T> {
    /// How a function of the outputs changes with each input: its gradient with respect to x, in the shape of x. `function` gets the
    /// outputs and writes the gradient of the function with respect to them, which is 0 where it writes nothing.
    ///
    /// The model is taken as [`Sequential::predict`] takes it: without dropout, with running statistics. Allocates what it needs, a copy
    /// of the model too; in a loop of many passes, [`Sequential::backward_to_input`] allocates nothing.
    ///
    /// Saliency (Simonyan et al., 2013) is the gradient of one logit; an adversarial example (Goodfellow et al., 2014) goes
    /// up that of a loss:
    ///
    /// ```
    /// use taper::losses::{CrossEntropy, Loss};
    /// use taper::{Sequential, Tensor};
    ///
    /// let model = Sequential::builder([4]).dense(8).relu().dropout(0.5).dense(3).build(&mut taper::seeded(7))?;
    /// let (x, labels) = (Tensor::from([[0.5, -0.2, 0.1, 0.9]]), [2]);
    ///
    /// let saliency = model.input_gradient(&x, |_, mut dy| {
    ///     dy.samples_mut().for_each(|logits| logits[2] = 1.0);
    ///     Ok(())
    /// })?;
    /// assert_eq!(saliency.shape(), x.shape());
    ///
    /// let loss = CrossEntropy::new();
    /// let value = |x: &Tensor<f64>| loss.forward(model.predict(x)?.view(), (&labels).into());
    /// let gradient = model.input_gradient(&x, |outputs, dy| loss.backward(outputs, (&labels).into(), dy))?;
    /// let adversarial = Tensor::from_fn(x.shape(), |i| x.as_slice()[i] + 0.1 * gradient.as_slice()[i].signum())?;
    /// assert!(value(&adversarial)? > value(&x)?);
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] where the input is no batch of this model's samples; [`Error::Setting`] where inputs are the numbers of something
    /// ([`Layer::vocabulary`]), which have no gradient: take that of the part behind the embedding
    /// ([`Sequential::split_at`]); those of `function`, of layers of one's own and of
    /// [`Sequential::for_inference`].
    pub fn input_gradient<'a>(
        &self,
        x: impl Into<TensorView<'a, T>>,
        function: impl FnOnce(TensorView<'_, T>, TensorViewMut<'_, T>) -> Result<()>,
    ) -> Result<Tensor<T>> {
        let x = x.into();
        let batch = self.check_input(x)?;
        self.check_has_input_gradient()?;
        let mut model = self.for_inference()?;
        // Normalisations that are left take running statistics then.
        model.params_mut(&mut Param::freeze);
        let mut workspace = model.workspace(Mode::Train, batch)?;
        model.forward_pass(x, &mut workspace)?;
        let (outputs, mut gradient) = workspace.outputs_and_gradient()?;
        gradient.as_mut_slice().fill(T::zero());
        function(outputs, gradient)?;
        let mut dx = Tensor::zeros(x.shape())?;
        model.backward_to_input(x, &mut workspace, &mut Nowhere, &mut dx)?;
        Ok(dx)
    }

    /// [`Sequential::backward_pass`], and the gradient with respect to the input, which is written to `dx`. Allocates nothing.
    ///
    /// It is that of a training pass, with dropout and the statistics of the batch. For that of a model in use, take
    /// [`Sequential::for_inference`] and freeze its parameters.
    ///
    /// ```
    /// use taper::losses::MeanSquaredError;
    /// use taper::{GradientStore, Mode, Sequential, Tensor};
    ///
    /// let mut model = Sequential::builder([3]).dense(2).build(&mut taper::seeded(7))?;
    /// let (mut workspace, mut gradients) = (model.workspace(Mode::Train, 1)?, GradientStore::new(&mut model));
    /// let (x, mut dx) = (Tensor::from([[1.0, 2.0, 3.0]]), Tensor::zeros([1, 3])?);
    /// model.forward_pass(&x, &mut workspace)?;
    /// workspace.loss(&MeanSquaredError::new(), &Tensor::from([[0.0, 1.0]]))?;
    /// model.backward_to_input(&x, &mut workspace, &mut gradients, &mut dx)?;
    /// assert!(dx.as_slice().iter().all(|gradient| *gradient != 0.0));
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Sequential::backward_pass`]; [`Error::Shape`] where `dx` has not the shape of x; [`Error::Setting`] where inputs have no gradient,
    /// as in [`Sequential::input_gradient`].
    pub fn backward_to_input<'a, 'b>(
        &mut self,
        x: impl Into<TensorView<'a, T>>,
        workspace: &mut Workspace<T>,
        sink: &mut dyn GradientSink<T>,
        dx: impl Into<TensorViewMut<'b, T>>,
    ) -> Result<()> {
        let (x, dx) = (x.into(), dx.into());
        if dx.shape() != x.shape() {
            return Err(Error::shape("input gradient", x.shape(), dx.shape()));
        }
        self.check_has_input_gradient()?;
        self.backward_in(x, workspace, sink, (Some(dx), None))
    }

    fn check_has_input_gradient(&self) -> Result<()> {
        let Some(below) = self.vocabulary() else { return Ok(()) };
        let got = format!(
            "whole numbers below {below} that stand for something; `split_at` gives the part behind them"
        );
        Err(Error::setting("input gradient", "a model whose inputs have a gradient", got))
    }
}

/// Takes gradients of parameters that nobody wants.
struct Nowhere;

impl<T> GradientSink<T> for Nowhere {
    fn take(&mut self, _: &mut Param<T>, _: &dyn GradientSource<T>) -> Result<()> {
        Ok(())
    }

    fn only_looks(&self) -> bool {
        true
    }
}
