//! Windows over images and sequences: convolutions and pools.

use super::value::integer;
use super::{OnnxAttribute, OnnxGraph, OnnxValue};
use crate::kernels::{Axis, Geometry};
use crate::layers::Param;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor};

type Attributes = Vec<(&'static str, OnnxAttribute)>;

/// The image that a layer of images sees of a sample: a sequence is one of one row.
pub(in crate::layers) fn image_of(sample: &Shape) -> Shape {
    match *sample.axes() {
        [length, channels] => [1, length, channels].into(),
        _ => *sample,
    }
}

/// The axes of places that the sample has: both of an image, the second of a sequence.
fn axes(geometry: &Geometry, x: OnnxValue) -> Vec<Axis> {
    let is_sequence = x.shape().rank() == 2;
    [geometry.rows, geometry.columns].into_iter().skip(usize::from(is_sequence)).collect()
}

fn along(axes: &[Axis], of: impl Fn(&Axis) -> usize) -> Vec<i64> {
    axes.iter().map(|axis| integer(of(axis))).collect()
}

/// How a window slides, with so many zeros behind.
fn slides(axes: &[Axis], after: impl Fn(&Axis) -> usize) -> Attributes {
    let pads = [along(axes, |axis| axis.before), along(axes, after)].concat();
    vec![
        ("kernel_shape", along(axes, |axis| axis.kernel).into()),
        ("strides", along(axes, |axis| axis.stride).into()),
        ("pads", pads.into()),
    ]
}

fn dilations(axes: &[Axis]) -> (&'static str, OnnxAttribute) {
    ("dilations", along(axes, |axis| axis.dilation).into())
}

/// A sample of so many places along each axis, and channels.
fn sample(places: impl Iterator<Item = usize>, channels: usize) -> Shape {
    let axes: Vec<usize> = places.chain([channels]).collect();
    Shape::new(&axes).expect("an image or a sequence")
}

/// The axes of a weight `[window…, inputs, outputs]` with the last in front, as ONNX has it: which come first, and their lengths.
pub(in crate::layers) fn turned(weight: &Shape) -> (Vec<usize>, Vec<usize>) {
    let taps = weight.rank() - 2;
    let order: Vec<usize> = [taps + 1, taps].into_iter().chain(0..taps).collect();
    let dims = order.iter().map(|&axis| weight.axes()[axis]).collect();
    (order, dims)
}

/// A weight with these axes, and the bias.
pub(in crate::layers) fn kernels<'a, T: Scalar>(
    graph: &mut OnnxGraph<'a, T>,
    weight: &'a Param<T>,
    bias: Option<&'a Param<T>>,
) -> Vec<OnnxValue> {
    let (order, dims) = turned(&weight.shape());
    let weight = graph.param_as(weight, order, dims);
    let bias = bias.map(|bias| graph.param(bias));
    [weight].into_iter().chain(bias).collect()
}

/// A convolution of an image or a sequence in groups, of a weight with its outputs first and maybe a bias.
pub(in crate::layers) fn conv<T: Scalar>(
    graph: &mut OnnxGraph<'_, T>,
    x: OnnxValue,
    geometry: &Geometry,
    [groups, outputs]: [usize; 2],
    kernels: &[OnnxValue],
) -> OnnxValue {
    let (x, axes) = (graph.channels_first(x), axes(geometry, x));
    let inputs: Vec<_> = [x].iter().chain(kernels).map(|&value| Some(value)).collect();
    let mut attributes = slides(&axes, |axis| axis.after);
    attributes.extend([dilations(&axes), ("group", integer(groups).into())]);
    let shape = sample(axes.iter().map(|axis| axis.outputs), outputs);
    graph.raw("Conv", &inputs, &attributes, shape, true)
}

/// A transposed convolution, whose geometry is that of the way back.
pub(in crate::layers) fn conv_transpose<'a, T: Scalar>(
    graph: &mut OnnxGraph<'a, T>,
    x: OnnxValue,
    geometry: &Geometry,
    groups: usize,
    weight: &'a Param<T>,
    bias: Option<&'a Param<T>>,
) -> Result<OnnxValue> {
    let (x, mut axes) = (graph.channels_first(x), axes(geometry, x));
    // What the windows do not reach. Runtimes take less than a stride of it: what is cut off behind is that much less, and the rest
    // is put behind, where the bias is alone.
    let more = |axis: &Axis| axis.inputs + axis.before + axis.after - span(axis);
    for axis in axes.iter_mut().filter(|axis| more(axis) >= axis.stride) {
        axis.after -= axis.after.min(more(axis));
    }
    let is_behind = axes.iter().any(|axis| more(axis) >= axis.stride);
    let mut attributes = slides(&axes, |axis| axis.after);
    attributes.extend([dilations(&axes), ("group", integer(groups).into())]);
    let output = sample(axes.iter().map(|axis| axis.inputs), geometry.channels);
    if !is_behind {
        attributes.push(("output_padding", along(&axes, more).into()));
        let kernels = kernels(graph, weight, bias);
        let inputs: Vec<_> = [x].into_iter().chain(kernels).map(Some).collect();
        return Ok(graph.raw("ConvTranspose", &inputs, &attributes, output, true));
    }
    let kernels = kernels(graph, weight, None);
    let inputs: Vec<_> = [x].into_iter().chain(kernels).map(Some).collect();
    if axes.iter().any(|axis| axis.inputs <= more(axis)) {
        return Err(Error::setting("padding", "less than its windows reach", "all of it"));
    }
    let reached = sample(axes.iter().map(|axis| axis.inputs - more(axis)), geometry.channels);
    let y = graph.raw("ConvTranspose", &inputs, &attributes, reached, true);
    let pads = [vec![0; axes.len() + 4], along(&axes, more)].concat();
    let pads = graph.integers("pads", &pads);
    let y = graph.raw("Pad", &[y, pads].map(Some), &[], output, true);
    Ok(bias.map_or(y, |bias| {
        let bias = graph.along_last(bias, y);
        graph.with("Add", y, &[bias])
    }))
}

/// From the beginning of the first window to the end of the last.
fn span(axis: &Axis) -> usize {
    (axis.outputs - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1
}

/// What has to lie behind the image so that windows that begin in it end; rounded up or not, there are as many then.
fn behind(axis: &Axis) -> usize {
    span(axis).saturating_sub(axis.inputs + axis.before)
}

/// The largest of each window.
pub(in crate::layers) fn pool_max<T: Scalar>(
    graph: &mut OnnxGraph<'_, T>,
    x: OnnxValue,
    geometry: &Geometry,
) -> OnnxValue {
    let (x, axes) = (graph.channels_first(x), axes(geometry, x));
    let mut attributes = slides(&axes, behind);
    attributes.push(dilations(&axes));
    let shape = sample(axes.iter().map(|axis| axis.outputs), geometry.channels);
    graph.raw("MaxPool", &[Some(x)], &attributes, shape, true)
}

/// The mean of each window, or its sum divided by a number.
pub(in crate::layers) fn pool_mean<T: Scalar>(
    graph: &mut OnnxGraph<'_, T>,
    x: OnnxValue,
    geometry: &Geometry,
    counts_padding: bool,
    divisor: Option<usize>,
) -> OnnxValue {
    let (x, axes) = (graph.channels_first(x), axes(geometry, x));
    let taps: usize = axes.iter().map(|axis| axis.kernel).product();
    // What a window of ceil mode has behind the padding is counted by nobody.
    let is_whole = |axis: &Axis| (0..axis.outputs).all(|output| axis.padded_taps(output) == axis.kernel);
    let counts = counts_padding || divisor.is_some();
    let has_padding = axes.iter().any(|axis| axis.before > 0 || behind(axis) > 0);
    let mut attributes = slides(&axes, behind);
    if counts && has_padding {
        attributes.push(("count_include_pad", 1.into()));
    }
    let shape = sample(axes.iter().map(|axis| axis.outputs), geometry.channels);
    let y = graph.raw("AveragePool", &[Some(x)], &attributes, shape, true);
    if let Some(divisor) = divisor {
        let factor = graph.number("factor", taps as f64 / divisor as f64);
        return graph.with("Mul", y, &[factor]);
    }
    if !counts || axes.iter().all(is_whole) {
        return y;
    }
    let factor = graph.places("factor", &axes, |counted| taps as f64 / counted as f64);
    graph.with("Mul", y, &[factor])
}

impl<T: Scalar> OnnxGraph<'_, T> {
    /// A number for each place, of the number of places that are counted there.
    fn places(&mut self, name: &str, axes: &[Axis], number: impl Fn(usize) -> f64) -> OnnxValue {
        let lengths: Vec<usize> = axes.iter().map(|axis| axis.outputs).collect();
        let shape = Shape::new(&[&[1], &lengths[..]].concat()).expect("an image or a sequence");
        let numbers = Tensor::from_fn(shape, |place| {
            let mut rest = place;
            let mut counted = 1;
            for axis in axes.iter().rev() {
                counted *= axis.padded_taps(rest % axis.outputs);
                rest /= axis.outputs;
            }
            T::of(number(counted))
        });
        self.constant(name, numbers.expect("as large as a channel of an output"))
    }
}
