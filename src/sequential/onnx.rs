//! A model as operations of ONNX: those of its layers, one after another.

use core::any::Any;

use super::Sequential;
use super::step::Step;
use crate::layers::{ChannelsFirst, ChannelsLast, OnnxGraph, OnnxValue};
use crate::prelude::*;
use crate::{Scalar, Shape};

impl<T: Scalar> Sequential<T> {
    /// The value that all layers make of one. What is wrong with a layer is kept in the graph, so that all of them are asked.
    pub(super) fn operations<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> OnnxValue {
        self.steps().iter().fold(x, |x, step| {
            let outer = graph.enter(&step.name);
            let made = step.layer.onnx(x, graph).map_err(|error| error.to_string());
            let y = made.and_then(|y| fits(y, step.output)).unwrap_or_else(|problem| {
                graph.refuse(format!("layer `{}` ({}): {problem}", graph.scope(), step.layer.describe()));
                graph.missing(step.output)
            });
            graph.leave(outer);
            y
        })
    }

    /// Whether images go in, and come out, with their channels first as the model is: because it turns them itself.
    #[cfg_attr(not(feature = "onnx"), expect(dead_code, reason = "for the writer of files"))]
    pub(crate) fn has_channels_first(&self) -> [bool; 2] {
        let is = |step: &Step<T>, of: fn(&dyn Any) -> bool| of(&*step.layer as &dyn Any);
        let keeps = |step: &Step<T>| step.output == step.input && !is(step, <dyn Any>::is::<ChannelsLast>);
        let first = self.steps().iter().find(|step| !keeps(step));
        let keeps = |step: &Step<T>| step.output == step.input && !is(step, <dyn Any>::is::<ChannelsFirst>);
        let last = self.steps().iter().rfind(|step| !keeps(step));
        [
            first.is_some_and(|step| is(step, <dyn Any>::is::<ChannelsLast>)),
            last.is_some_and(|step| is(step, <dyn Any>::is::<ChannelsFirst>)),
        ]
    }
}

/// A layer of one's own may give any value.
fn fits(y: OnnxValue, output: Shape) -> Result<OnnxValue, String> {
    if y.shape() == output {
        return Ok(y);
    }
    let (expected, got) = (output.batch_pattern(), y.shape().batch_pattern());
    Err(format!("expected a value of the shape of its output, {expected}, got {got}"))
}
