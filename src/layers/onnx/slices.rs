//! Parts of an axis, each reduced to one place.

use super::value::integer;
use super::{OnnxGraph, OnnxValue};
use crate::prelude::*;
use crate::{Scalar, Shape};

/// The means, or the largest, of parts of the places: for each axis of places where its parts begin and end.
pub(in crate::layers) fn reduced_parts<T: Scalar>(
    graph: &mut OnnxGraph<'_, T>,
    x: OnnxValue,
    parts: &[Vec<[usize; 2]>],
    is_max: bool,
) -> OnnxValue {
    let operation = if is_max { "ReduceMax" } else { "ReduceMean" };
    let mut x = graph.channels_first(x);
    for (place, parts) in parts.iter().enumerate() {
        let axis = integer(place) + 2;
        let with_length = |length: usize| {
            let mut axes = x.shape().axes().to_vec();
            axes[place] = length;
            Shape::new(&axes).expect("as many axes as before")
        };
        let mut reduced = Vec::new();
        for &[start, end] in parts {
            let part = graph.part(x, axis, [start, end], with_length(end - start));
            let attributes = [("axes", vec![axis].into()), ("keepdims", 1.into())];
            reduced.push(Some(graph.raw(operation, &[Some(part)], &attributes, with_length(1), true)));
        }
        x = graph.raw("Concat", &reduced, &[("axis", axis.into())], with_length(parts.len()), true);
    }
    x
}

impl<T: Scalar> OnnxGraph<'_, T> {
    /// A part of an axis of the graph.
    pub(in crate::layers) fn part(
        &mut self,
        x: OnnxValue,
        axis: i64,
        [start, end]: [usize; 2],
        shape: Shape,
    ) -> OnnxValue {
        let start = self.integers("starts", &[integer(start)]);
        let end = self.integers("ends", &[integer(end)]);
        let axis = self.integers("axes", &[axis]);
        self.raw("Slice", &[x, start, end, axis].map(Some), &[], shape, x.is_channels_first())
    }
}
