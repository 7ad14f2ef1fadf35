//! Normalisations.

use super::value::integer;
use super::{OnnxGraph, OnnxValue};
use crate::layers::Param;
use crate::prelude::*;
use crate::{Scalar, Tensor};

/// The axis of channels over statistics that are known.
pub(in crate::layers) fn by_statistics<'a, T: Scalar>(
    graph: &mut OnnxGraph<'a, T>,
    x: OnnxValue,
    affine: Option<[&'a Param<T>; 2]>,
    statistics: [&'a Param<T>; 2],
    epsilon: f64,
) -> OnnxValue {
    let x = graph.channels_first(x);
    let [weight, bias] = weight_and_bias(graph, affine, statistics[0].count());
    let [mean, variance] = statistics.map(|param| graph.param(param));
    let inputs = [x, weight, bias, mean, variance].map(Some);
    let attributes = [("epsilon", epsilon.into())];
    graph.raw("BatchNormalization", &inputs, &attributes, x.shape(), x.is_channels_first())
}

/// Those of a normalisation, or ones and zeros.
fn weight_and_bias<'a, T: Scalar>(
    graph: &mut OnnxGraph<'a, T>,
    affine: Option<[&'a Param<T>; 2]>,
    count: usize,
) -> [OnnxValue; 2] {
    if let Some(affine) = affine {
        return affine.map(|param| graph.param(param));
    }
    [("scale", T::one()), ("shift", T::zero())].map(|(name, number)| {
        graph
            .constant(name, Tensor::full([count], number).expect("as many numbers as the layer has channels"))
    })
}

/// Groups of channels, each sample for itself: each group as a channel of another image, as PyTorch exports it.
pub(in crate::layers) fn of_groups<'a, T: Scalar>(
    graph: &mut OnnxGraph<'a, T>,
    x: OnnxValue,
    [groups, channels]: [usize; 2],
    affine: Option<[&'a Param<T>; 2]>,
    epsilon: f64,
) -> OnnxValue {
    let x = graph.channels_first(x);
    let (shape, is_first) = (x.shape(), x.is_channels_first());
    let attributes = [("epsilon", epsilon.into())];
    if groups == channels && shape.rank() > 1 {
        let [weight, bias] = weight_and_bias(graph, affine, channels);
        return graph.raw(
            "InstanceNormalization",
            &[x, weight, bias].map(Some),
            &attributes,
            shape,
            is_first,
        );
    }
    let grouped = [groups, shape.len() / groups];
    let x = graph.regrouped(x, &grouped, grouped.into(), false);
    let [weight, bias] = weight_and_bias(graph, None, groups);
    let y = graph.raw("InstanceNormalization", &[x, weight, bias].map(Some), &attributes, x.shape(), false);
    let (last, places) =
        shape.axes().split_last().map_or((channels, &[][..]), |(&last, places)| (last, places));
    let y = graph.regrouped(y, &[&[last], places].concat(), shape, is_first);
    affine.map_or(y, |[weight, bias]| {
        let (weight, bias) = (graph.along_last(weight, y), graph.along_last(bias, y));
        let y = graph.with("Mul", y, &[weight]);
        graph.with("Add", y, &[bias])
    })
}

/// Each sample over its last axes, with or without its mean.
pub(in crate::layers) fn over_last_axes<'a, T: Scalar>(
    graph: &mut OnnxGraph<'a, T>,
    x: OnnxValue,
    axes: usize,
    is_centered: bool,
    [weight, bias]: [Option<&'a Param<T>>; 2],
    epsilon: f64,
) -> OnnxValue {
    let x = graph.straight(x);
    let axes = -integer(axes)..0;
    let params: Vec<OnnxValue> =
        [weight, bias].into_iter().flatten().map(|param| graph.param(param)).collect();
    // Its mean has single precision whatever the numbers have.
    if is_centered && T::NAME == "f32" {
        let inputs: Vec<_> = [x].iter().chain(&params).map(|&value| Some(value)).collect();
        let attributes = [("axis", axes.start.into()), ("epsilon", epsilon.into())];
        return graph.raw("LayerNormalization", &inputs, &attributes, x.shape(), false);
    }
    let attributes = [("axes", axes.collect::<Vec<i64>>().into()), ("keepdims", 1.into())];
    let mut centered = x;
    if is_centered {
        let mean = graph.each("ReduceMean", x, &attributes);
        centered = graph.with("Sub", x, &[mean]);
    }
    let square = graph.with("Mul", centered, &[centered]);
    let square = graph.each("ReduceMean", square, &attributes);
    let epsilon = graph.number("epsilon", epsilon);
    let sum = graph.with("Add", square, &[epsilon]);
    let deviation = graph.each("Sqrt", sum, &[]);
    let y = graph.with("Div", centered, &[deviation]);
    let y = params.first().map_or(y, |&weight| graph.with("Mul", y, &[weight]));
    params.get(1).map_or(y, |&bias| graph.with("Add", y, &[bias]))
}
