//! A layer with its shapes, and the route of a pass through the layers.

use super::pooled::Pooled;
use crate::layers::{Activation, Layer, Memory, Mode};
use crate::prelude::*;
use crate::{Scalar, Shape};

/// One layer with what the container knows of it. Shapes are those of one sample.
#[derive(Clone)]
pub(super) struct Step<T: Scalar> {
    pub(super) layer: Box<dyn Layer<T>>,
    pub(super) name: String,
    pub(super) input: Shape,
    pub(super) output: Shape,
    pub(super) input_len: usize,
    pub(super) output_len: usize,
    /// Whether the layer only reshapes.
    pub(super) reshapes: bool,
    /// The function, where the layer before can apply it to its own result.
    pub(super) fused: Option<Activation>,
    /// The pool after it that a convolution takes along in inference.
    pub(super) pool: Option<Pooled>,
    /// Whether it is such a pool.
    pub(super) is_along: bool,
}

impl<T: Scalar> Step<T> {
    pub(super) fn new(layer: Box<dyn Layer<T>>, name: String, input: Shape, output: Shape) -> Self {
        let (input_len, output_len, reshapes) = (input.len(), output.len(), layer.is_reshape());
        Self {
            layer,
            name,
            input,
            output,
            input_len,
            output_len,
            reshapes,
            fused: None,
            pool: None,
            is_along: false,
        }
    }

    /// What the workspace has to provide for it.
    pub(super) fn memory(&self, batch: usize, mode: Mode) -> Memory {
        match self.pool_in(mode) {
            Some(pooled) => pooled.memory(&*self.layer, &self.input, batch),
            None => self.layer.memory(&self.input, batch, mode),
        }
    }

    /// The pool that it takes along in this mode.
    pub(super) fn pool_in(&self, mode: Mode) -> Option<Pooled> {
        self.pool.filter(|_| mode == Mode::Infer)
    }

    /// What it gives to the next step that runs in this mode.
    pub(super) fn output_in(&self, mode: Mode) -> (Shape, usize) {
        self.pool_in(mode)
            .map_or((self.output, self.output_len), |pooled| (pooled.output, pooled.output.len()))
    }

    /// The activation that the layer before applies in this mode. In training only where the backward pass does
    /// not need the values before it.
    pub(super) fn fused_in(&self, mode: Mode) -> Option<Activation> {
        self.fused.filter(|activation| mode == Mode::Infer || activation.is_known_from_output())
    }

    /// Whether a backward pass has to come down to it.
    pub(super) fn is_trainable(&self) -> bool {
        let mut trainable = self.layer.follows_batches();
        self.layer.params(&mut |param| trainable |= !param.is_frozen());
        trainable
    }
}

/// The way through the steps in a mode: found out once, for a small model computes a step in the time that it would take
/// to find it out again.
#[derive(Clone)]
pub(super) struct Route {
    /// The steps that compute something. The others have no output of their own: it is that of the step before.
    pub(super) running: Vec<usize>,
    /// The elements of a sample's longest output that goes from one of them to the next.
    pub(super) between: usize,
}

impl Route {
    pub(super) fn new<T: Scalar>(steps: &[Step<T>], mode: Mode) -> Self {
        let is_along = |step: &Step<T>| step.is_along && mode == Mode::Infer;
        let runs = |step: &Step<T>| !step.reshapes && step.fused_in(mode).is_none() && !is_along(step);
        let running: Vec<_> = (0..steps.len()).filter(|&index| runs(&steps[index])).collect();
        let passed_on = running.iter().rev().skip(1);
        let between = passed_on.map(|&index| steps[index].output_in(mode).1).max().unwrap_or(0);
        Self { running, between }
    }

    pub(super) fn first(&self) -> Option<usize> {
        self.running.first().copied()
    }

    pub(super) fn last(&self) -> Option<usize> {
        self.running.last().copied()
    }
}

/// Tells each convolution the pool after it, or after its activation, where it can take it along.
pub(super) fn take_pools_along<T: Scalar>(steps: &mut [Step<T>]) {
    for step in &mut *steps {
        (step.pool, step.is_along) = (None, false);
    }
    for index in 1..steps.len() {
        let is_after_activation = index > 1 && steps[index - 1].fused.is_some();
        let first = index - 1 - usize::from(is_after_activation);
        let pool = Pooled::of(&*steps[first].layer, &*steps[index].layer, &steps[index].input);
        steps[first].pool = pool;
        steps[index].is_along = pool.is_some();
    }
}
