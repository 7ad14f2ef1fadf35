//! A layer with its shapes, and the route of a pass through the layers.

use crate::layers::{Activation, Layer, Mode};
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
}

impl<T: Scalar> Step<T> {
    pub(super) fn new(layer: Box<dyn Layer<T>>, name: String, input: Shape, output: Shape) -> Self {
        let (input_len, output_len, reshapes) = (input.len(), output.len(), layer.is_reshape());
        Self { layer, name, input, output, input_len, output_len, reshapes, fused: None }
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
        let runs = |step: &Step<T>| !step.reshapes && step.fused_in(mode).is_none();
        let running: Vec<_> = (0..steps.len()).filter(|&index| runs(&steps[index])).collect();
        let passed_on = running.iter().rev().skip(1);
        let between = passed_on.map(|&index| steps[index].output_len).max().unwrap_or(0);
        Self { running, between }
    }

    pub(super) fn first(&self) -> Option<usize> {
        self.running.first().copied()
    }

    pub(super) fn last(&self) -> Option<usize> {
        self.running.last().copied()
    }
}
