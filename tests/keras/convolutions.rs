//! Convolutions.

use serde_json::Value;
use taper::layers::{Conv1d, Conv2d, Padding, Window};
use taper::{Result, Sequential, Tensor};

use crate::case::Case;
use crate::common::{list, numbers, tensor};

pub(crate) fn conv(case: &Case) -> Result<Vec<f64>> {
    let weights: Vec<Tensor<f64>> = list(&case.0["weights"]).iter().map(|it| tensor(&it["value"])).collect();
    run(case, &case.first_input(), &weights[0], weights.get(1).filter(|_| case.is_set("use_bias")))
}

pub(crate) fn conv_operation(case: &Case) -> Result<Vec<f64>> {
    run(case, &tensor(case.input("inputs")), &tensor(case.input("kernel")), None)
}

fn run(case: &Case, x: &Tensor<f64>, kernel: &Tensor<f64>, bias: Option<&Tensor<f64>>) -> Result<Vec<f64>> {
    let (_, sample) = x.shape().split_batch().expect("the input has a batch");
    let channels_first = case.option("data_format").as_str() == Some("channels_first");
    let builder = Sequential::builder(sample);
    let (builder, channels) = if channels_first {
        (builder.channels_last(), sample.axes()[0])
    } else {
        (builder, sample.axes()[sample.rank() - 1])
    };
    let builder = match *kernel.shape().axes() {
        [length, inputs, _] => {
            let window = window(case, Window::new(length), length);
            builder.layer(Conv1d::from_parts(window, channels / inputs, kernel, bias)?)
        }
        [height, width, inputs, _] => {
            let window = window(case, Window::new([height, width]), width);
            builder.layer(Conv2d::from_parts(window, channels / inputs, kernel, bias)?)
        }
        _ => panic!("a kernel has one or two axes, inputs and outputs"),
    };
    let builder = if channels_first { builder.channels_first() } else { builder };
    Ok(builder.build(&mut taper::seeded(0))?.predict(x)?.into_vec())
}

fn window(case: &Case, window: Window, length: usize) -> Window {
    let sides = |key: &str| match numbers_or_one(case.option(key))[..] {
        [first, second] => [first, second],
        [side] => [side; 2],
        _ => panic!("one or two sides"),
    };
    let dilation = sides("dilation_rate");
    let window = window.with_stride(sides("strides")).with_dilation(dilation);
    match case.option("padding").as_str() {
        Some("valid") => window,
        Some("same") => window.with_padding(Padding::Same),
        Some("causal") => {
            let before = ((length - 1) * dilation[1]).into();
            window.with_padding(Padding::Each { before, after: 0.into() })
        }
        other => panic!("no case has the padding {other:?}"),
    }
}

/// Whole numbers; where the case has none, 1.
fn numbers_or_one(value: &Value) -> Vec<usize> {
    if value.is_null() { vec![1] } else { numbers(value).iter().map(|&side| side as usize).collect() }
}
