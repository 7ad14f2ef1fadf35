//! Passes of a model in the memory of a workspace.

use super::{Sequential, Workspace};
use crate::kernels;
use crate::layers::{Backward, Forward, GradientSink, Mode, Others};
use crate::{Result, Scalar, TensorView, TensorViewMut};

impl<T: Scalar> Sequential<T> {
    /// All the memory that passes with batches of up to this size need.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty) for a batch of 0; [`Error::TooLarge`](crate::Error::TooLarge) where it does
    /// not fit into memory; [`Error::Setting`](crate::Error::Setting) for [`Mode::Train`] where a layer is for inference alone.
    pub fn workspace(&self, mode: Mode, batch: usize) -> Result<Workspace<T>> {
        Workspace::new(self, mode, batch)
    }

    /// The outputs for a batch, in the workspace. Allocates nothing.
    ///
    /// May be called from any number of threads at once, also from tasks of a `rayon` pool and with locks held: helpers do pieces
    /// of large products, but this thread runs nothing else meanwhile and waits for nobody else's work (see
    /// [`Parallelism`](crate::Parallelism)).
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) where the input is no batch of this model's samples;
    /// [`Error::Workspace`](crate::Error::Workspace) where the workspace is too small or was made for a model of other layers;
    /// [`Error::Empty`](crate::Error::Empty) for a batch of none; those of a layer, as of numbers that an embedding does not know.
    pub fn infer<'w, 'a>(
        &self,
        x: impl Into<TensorView<'a, T>>,
        workspace: &'w mut Workspace<T>,
    ) -> Result<TensorView<'w, T>> {
        let x = x.into();
        let batch = self.check_input(x)?;
        let threads = self.threads(1, batch, workspace.parallelism());
        let (y, mut context) = workspace.begin_infer(self, batch)?;
        let result = kernels::together(threads, || self.infer_pass(x, y, &mut context));
        result.inspect_err(|_| workspace.forget_pass())?;
        Ok(workspace.outputs())
    }

    /// A training pass: outputs in the workspace, with all that [`Sequential::backward_pass`] needs. Allocates nothing.
    ///
    /// Not to be taken for [`Layer::forward`](crate::Layer::forward), which a layer that has a model inside calls with memory of its own pass:
    /// `self.inner.forward(x, y, context)` where it is one model and no more, [`Forward::run`](crate::layers::Forward::run) where it has
    /// several.
    ///
    /// # Errors
    /// As [`Sequential::infer`]; the workspace has to be made for [`Mode::Train`].
    pub fn forward_pass<'w, 'a>(
        &self,
        x: impl Into<TensorView<'a, T>>,
        workspace: &'w mut Workspace<T>,
    ) -> Result<TensorView<'w, T>> {
        self.forward_among(x.into(), workspace, None)
    }

    /// The same of a part of a batch that is shared with others.
    pub(crate) fn forward_among<'w>(
        &self,
        x: TensorView<'_, T>,
        workspace: &'w mut Workspace<T>,
        others: Option<&dyn Others>,
    ) -> Result<TensorView<'w, T>> {
        let batch = self.check_input(x)?;
        let threads = self.threads(1, batch, workspace.parallelism());
        let (y, context) = workspace.begin_forward(self, batch)?;
        let mut context = Forward { others, ..context };
        let result = kernels::together(threads, || self.train_pass(x, y, &mut context));
        result.inspect_err(|_| workspace.forget_pass())?;
        Ok(workspace.outputs())
    }

    /// Hands the gradient of each trainable parameter to the sink, from the gradient with respect to the outputs
    /// that [`Workspace::loss`] left. `x` is the input of the forward pass.
    ///
    /// # Errors
    /// [`Error::Workspace`](crate::Error::Workspace) where there was no forward pass and loss for this batch before;
    /// [`Error::Shape`](crate::Error::Shape) where the input is no batch of this model's samples; those of the sink.
    pub fn backward_pass<'a>(
        &mut self,
        x: impl Into<TensorView<'a, T>>,
        workspace: &mut Workspace<T>,
        sink: &mut dyn GradientSink<T>,
    ) -> Result<()> {
        self.backward_in(x.into(), workspace, sink, (None, None))
    }

    /// The same of a part of a batch that is shared with others.
    pub(crate) fn backward_among(
        &mut self,
        x: TensorView<'_, T>,
        workspace: &mut Workspace<T>,
        sink: &mut dyn GradientSink<T>,
        others: Option<&dyn Others>,
    ) -> Result<()> {
        self.backward_in(x, workspace, sink, (None, others))
    }

    /// The same, and the gradient with respect to x where there is a place for it, with others who share the batch.
    pub(super) fn backward_in(
        &mut self,
        x: TensorView<'_, T>,
        workspace: &mut Workspace<T>,
        sink: &mut dyn GradientSink<T>,
        (dx, others): (Option<TensorViewMut<'_, T>>, Option<&dyn Others>),
    ) -> Result<()> {
        let batch = self.check_input(x)?;
        let threads = self.threads(1, batch, workspace.parallelism());
        let pass = workspace.begin_backward(self, batch, x)?;
        let pass = Backward { dx, others, ..pass };
        kernels::together(threads, || self.train_pass_back(pass, sink))
    }
}
