//! Convolutions. Keras's of one axis are ours with a window one high.

use serde_json::Value;
use taper::layers::{Conv2d, Padding, Window};
use taper::{Result, Sequential, Shape, Tensor};

use crate::case::Case;
use crate::common::{list, numbers, tensor};

pub(crate) fn conv(case: &Case) -> Result<Vec<f64>> {
    let weights: Vec<Tensor<f64>> = list(&case.0["weights"]).iter().map(|it| tensor(&it["value"])).collect();
    run(case, case.first_input(), weights[0].clone(), weights.get(1).filter(|_| case.is_set("use_bias")))
}

pub(crate) fn conv_operation(case: &Case) -> Result<Vec<f64>> {
    run(case, tensor(case.input("inputs")), tensor(case.input("kernel")), None)
}

fn run(case: &Case, x: Tensor<f64>, kernel: Tensor<f64>, bias: Option<&Tensor<f64>>) -> Result<Vec<f64>> {
    // One more axis, of length 1, in front of a single one.
    let image = |shape: Shape| -> [usize; 3] {
        match *shape.axes() {
            [_, length, channels] => [1, length, channels],
            [_, a, b, c] => [a, b, c],
            _ => panic!("images have one or two axes and channels"),
        }
    };
    let kernel = match *kernel.shape().axes() {
        [length, inputs, outputs] => kernel.reshape([1, length, inputs, outputs])?,
        _ => kernel,
    };
    let &[height, width, inputs, _] = kernel.shape().axes() else { panic!("a kernel has four axes") };
    let sides = |key: &str| match numbers_or_one(case.option(key))[..] {
        [first, second] => [first, second],
        [side] if height == 1 => [1, side],
        [side] => [side; 2],
        _ => panic!("one or two sides"),
    };
    let window =
        Window::new([height, width]).with_stride(sides("strides")).with_dilation(sides("dilation_rate"));
    let (x, window) = match case.option("padding").as_str() {
        Some("valid") => (x, window),
        Some("same") => (x, window.with_padding(Padding::Same)),
        Some("causal") => (after_zeros(&x, (width - 1) * sides("dilation_rate")[1])?, window),
        other => panic!("no case has the padding {other:?}"),
    };
    let (_, sample) = x.shape().split_batch().expect("the input has a batch");
    let channels_first = case.option("data_format").as_str() == Some("channels_first");
    let builder = Sequential::builder(sample);
    let (builder, channels) = if channels_first {
        let [channels, length] = *sample.axes() else { panic!("images of one axis") };
        (builder.reshape([channels, 1, length]).channels_last(), channels)
    } else {
        let image = image(x.shape());
        (builder.reshape(image), image[2])
    };
    let builder = builder.layer(Conv2d::from_parts(window, channels / inputs, &kernel, bias)?);
    let builder = if channels_first { builder.channels_first() } else { builder };
    Ok(builder.build(&mut taper::seeded(0))?.predict(&x)?.into_vec())
}

/// Whole numbers; where the case has none, 1.
fn numbers_or_one(value: &Value) -> Vec<usize> {
    if value.is_null() { vec![1] } else { numbers(value).iter().map(|&side| side as usize).collect() }
}

/// Samples of one axis with so many zeros before them.
fn after_zeros(x: &Tensor<f64>, zeros: usize) -> Result<Tensor<f64>> {
    let &[batch, length, channels] = x.shape().axes() else { panic!("one axis and channels") };
    let mut padded = Tensor::zeros([batch, zeros + length, channels])?;
    let samples = padded.as_mut_slice().chunks_mut((zeros + length) * channels);
    for (to, from) in samples.zip(x.view().samples()) {
        to[zeros * channels..].copy_from_slice(from);
    }
    Ok(padded)
}
