//! The passes through the layers, forward and backward.
//!
//! A training pass keeps every layer's output for the backward pass; they lie one after another in the cache,
//! each behind what its layer keeps itself:
//!
//! ```text
//! cache:   [layer 0 keeps][output 0][layer 1 keeps][output 1] … [last layer keeps]      output: y
//! scratch: [gradient][gradient][of the layer at work]
//! ```
//!
//! An inference pass keeps nothing: outputs alternate between two buffers.
//!
//! ```text
//! scratch: [output][output][of the layer at work]
//! ```
//!
//! A layer that only reshapes, and an activation or a pool that the layer before applies, have no output of their own: the
//! buffer is passed on.

use super::Sequential;
use crate::layers::{Backward, Forward, GradientSink, Memory, Mode, aligned, carve};
use crate::{Result, Scalar, Shape, TensorView, TensorViewMut};

#[inline]
fn batch_of(sample: &Shape, batch: usize) -> Shape {
    sample.with_batch(batch).expect("a model's shapes leave room for the batch axis")
}

impl<T: Scalar> Sequential<T> {
    pub(super) fn pass_memory(&self, batch: usize, mode: Mode) -> Memory {
        let route = self.route(mode);
        let (mut cache, mut scratch) = (0, 0);
        for &index in &route.running {
            let step = &self.steps()[index];
            let own = step.memory(batch, mode);
            let output =
                if Some(index) == route.last() { 0 } else { aligned(batch * step.output_in(mode).1) };
            if mode == Mode::Train {
                cache += aligned(own.cache) + output;
                scratch = scratch.max(own.scratch);
            } else {
                scratch = scratch.max(aligned(own.cache) + own.scratch);
            }
        }
        Memory { cache, scratch: 2 * aligned(batch * route.between) + scratch }
    }

    pub(super) fn infer_pass(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let (batch, route) = (x.batch(), self.route(Mode::Infer));
        let mut scratch = &mut *context.scratch;
        let mut front = carve(&mut scratch, batch * route.between);
        let mut back = carve(&mut scratch, batch * route.between);
        for &index in &route.running {
            let step = &self.steps()[index];
            let mut own = &mut *scratch;
            let cache = carve(&mut own, step.memory(batch, Mode::Infer).cache);
            let input =
                if Some(index) == route.first() { x.as_slice() } else { &back[..batch * step.input_len] };
            let output = if Some(index) == route.last() {
                y.as_mut_slice()
            } else {
                &mut front[..batch * step.output_in(Mode::Infer).1]
            };
            let mut context = Forward {
                mode: Mode::Infer,
                cache,
                scratch: own,
                random: context.random.layer(index),
                parallelism: context.parallelism,
                activation: self.activation_after(index, Mode::Infer),
                pool: step.pool_in(Mode::Infer).map(|pooled| pooled.pool),
                others: context.others,
                parts: 0,
            };
            self.run(index, batch, input, output, &mut context)?;
            (front, back) = (back, front);
        }
        if route.running.is_empty() {
            y.as_mut_slice().copy_from_slice(x.as_slice());
        }
        Ok(())
    }

    pub(super) fn train_pass(
        &self,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let (batch, route) = (x.batch(), self.route(Mode::Train));
        let mut cache = &mut *context.cache;
        let mut input = x.as_slice();
        let mut y = Some(y.into_slice());
        for &index in &route.running {
            let step = &self.steps()[index];
            let own = carve(&mut cache, step.memory(batch, Mode::Train).cache);
            let output = match y.take_if(|_| Some(index) == route.last()) {
                Some(y) => y,
                None => carve(&mut cache, batch * step.output_len),
            };
            let mut context = Forward {
                mode: Mode::Train,
                cache: own,
                scratch: &mut *context.scratch,
                random: context.random.layer(index),
                parallelism: context.parallelism,
                activation: self.activation_after(index, Mode::Train),
                pool: None,
                others: context.others,
                parts: 0,
            };
            self.run(index, batch, input, output, &mut context)?;
            input = output;
        }
        if let Some(y) = y {
            y.copy_from_slice(x.as_slice());
        }
        Ok(())
    }

    pub(super) fn train_pass_back(
        &mut self,
        mut pass: Backward<'_, T>,
        sink: &mut dyn GradientSink<T>,
    ) -> Result<()> {
        let batch = pass.x.batch();
        let route = self.route(Mode::Train);
        let (first, between) = (route.first(), batch * route.between);
        // Below the lowest step that has something to learn, nothing needs a gradient.
        let lowest = if pass.dx.is_some() { first } else { self.lowest_trainable() };
        let Some(lowest) = lowest else {
            if let Some(mut dx) = pass.dx {
                dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
            }
            return Ok(());
        };
        let mut scratch = pass.scratch;
        let mut front = carve(&mut scratch, between);
        let mut back = carve(&mut scratch, between);

        let mut end = self.pass_memory(batch, Mode::Train).cache;
        let mut y = pass.y.as_slice();
        let mut outer_dy = Some(pass.dy.into_slice());
        for index in (lowest..self.len()).rev() {
            let step = &mut self.steps_mut()[index];
            let dy = match &mut outer_dy {
                Some(dy) => &mut **dy,
                None => &mut back[..batch * step.output_len],
            };
            if let Some(activation) = step.fused_in(Mode::Train) {
                (pass.chain)(activation, y, y, dy);
                continue;
            }
            if step.reshapes {
                continue;
            }
            let own = aligned(step.memory(batch, Mode::Train).cache);
            let cache = &pass.cache[end - own..end];
            end -= own;
            let x = if Some(index) == first {
                pass.x.as_slice()
            } else {
                end -= aligned(batch * step.input_len);
                &pass.cache[end..end + batch * step.input_len]
            };
            let (input, output) = (batch_of(&step.input, batch), batch_of(&step.output, batch));
            let dx = if index > lowest {
                Some(TensorViewMut::trusted(input, &mut front[..batch * step.input_len]))
            } else {
                // A flatten below gives the same buffer another shape than that of the model's input.
                let dx = pass.dx.take();
                dx.map(|dx| TensorViewMut::trusted(input, dx.into_slice()))
            };
            let step_pass = Backward {
                x: TensorView::trusted(input, x),
                y: TensorView::trusted(output, y),
                dy: TensorViewMut::trusted(output, dy),
                dx,
                cache,
                scratch: &mut *scratch,
                random: pass.random.layer(index),
                parallelism: pass.parallelism,
                others: pass.others,
                chain: pass.chain,
                parts: 0,
                has_dx: false,
            };
            let result = step.layer.backward(step_pass, sink);
            result.map_err(|error| self.error_in(index, error))?;
            outer_dy = None;
            (front, back) = (back, front);
            y = x;
        }
        Ok(())
    }

    /// The activation that a step has to apply to its own result.
    fn activation_after(&self, index: usize, mode: Mode) -> Option<crate::Activation> {
        self.steps().get(index + 1).and_then(|next| next.fused_in(mode))
    }

    fn run(
        &self,
        index: usize,
        batch: usize,
        input: &[T],
        output: &mut [T],
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let step = &self.steps()[index];
        let x = TensorView::trusted(batch_of(&step.input, batch), input);
        let y = TensorViewMut::trusted(batch_of(&step.output_in(context.mode).0, batch), output);
        step.layer.forward(x, y, context).map_err(|error| self.error_in(index, error))
    }
}
