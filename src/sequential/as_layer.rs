//! Passes of a model that is a layer of another: somebody's own layer may call them with any memory.

use super::Sequential;
use crate::layers::{Backward, Forward, GradientSink, Mode, aligned, check_room};
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

impl<T: Scalar> Sequential<T> {
    /// Takes what the pass keeps off the front of the cache: another model's pass with the same context keeps its own behind it.
    pub(super) fn forward_as_layer(
        &self,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let batch = self.check_input(x)?;
        self.check_output("output", batch, y.shape())?;
        let memory = self.pass_memory(batch, context.mode);
        check_room(context.scratch.len(), memory.scratch, "scratch")?;
        if context.mode == Mode::Infer {
            return self.infer_pass(x, y, context);
        }
        check_room(context.cache.len(), memory.cache, "cache")?;
        let kept = aligned(memory.cache).min(context.cache.len());
        let (own, rest) = core::mem::take(&mut context.cache).split_at_mut(kept);
        context.cache = own;
        let result = self.train_pass(x, y, context);
        context.cache = rest;
        result
    }

    pub(super) fn backward_as_layer(
        &mut self,
        pass: Backward<'_, T>,
        sink: &mut dyn GradientSink<T>,
    ) -> Result<()> {
        let batch = self.check_input(pass.x)?;
        self.check_output("output", batch, pass.y.shape())?;
        self.check_output("output gradient", batch, pass.dy.shape())?;
        if let Some(got) = pass.dx.as_ref().map(TensorViewMut::shape).filter(|&dx| dx != pass.x.shape()) {
            return Err(Error::shape("input gradient", pass.x.shape(), got));
        }
        let memory = self.pass_memory(batch, Mode::Train);
        check_room(pass.cache.len(), memory.cache, "cache")?;
        check_room(pass.scratch.len(), memory.scratch, "scratch")?;
        self.train_pass_back(pass, sink)
    }

    fn check_output(&self, what: &'static str, batch: usize, got: Shape) -> Result<()> {
        let expected = self.output().with_batch(batch)?;
        if got == expected { Ok(()) } else { Err(Error::shape(what, expected, got)) }
    }
}
