//! Pools.

use taper::layers::{AvgPool1d, AvgPool2d, GlobalAvgPool2d, MaxPool1d, MaxPool2d, Padding, Window};
use taper::sequential::Builder;
use taper::{Result, Sequential, Tensor};

use crate::case::Case;
use crate::common::{numbers, tensor};

pub(crate) fn pool(case: &Case) -> Result<Vec<f64>> {
    run(case, &case.first_input())
}

pub(crate) fn pool_operation(case: &Case) -> Result<Vec<f64>> {
    run(case, &tensor(case.input("inputs")))
}

/// Whether steps are left out by a mask.
pub(crate) fn has_mask(case: &Case) -> bool {
    case.0["inputs"].as_array().is_some_and(|inputs| inputs.len() > 1)
}

fn run(case: &Case, x: &Tensor<f64>) -> Result<Vec<f64>> {
    let channels_first = case.option("data_format").as_str() == Some("channels_first");
    let (_, sample) = x.shape().split_batch().expect("the input has a batch");
    let builder = Sequential::builder(sample);
    let builder = if channels_first { builder.channels_last() } else { builder };
    let builder = add_pool(builder, case, sample.rank() == 2)?;
    let global = case.word("object").starts_with("Global");
    let builder = if channels_first && !global { builder.channels_first() } else { builder };
    Ok(builder.build(&mut taper::seeded(0))?.predict(x)?.into_vec())
}

fn add_pool(builder: Builder<f64>, case: &Case, has_one_axis: bool) -> Result<Builder<f64>> {
    Ok(match (case.word("object"), has_one_axis) {
        ("GlobalAveragePooling1D", true) => builder.adaptive_avg_pool1d(1),
        ("GlobalAveragePooling2D", false) => builder.layer(GlobalAvgPool2d),
        ("GlobalMaxPooling1D", true) => builder.adaptive_max_pool1d(1),
        ("GlobalMaxPooling2D", false) => builder.adaptive_max_pool2d(1),
        ("AveragePooling1D" | "average_pool", true) => builder.layer(AvgPool1d::new(window(case))?),
        ("AveragePooling2D" | "average_pool", false) => builder.layer(AvgPool2d::new(window(case))?),
        ("MaxPooling1D" | "max_pool", true) => builder.layer(MaxPool1d::new(window(case))?),
        ("MaxPooling2D" | "max_pool", false) => builder.layer(MaxPool2d::new(window(case))?),
        (other, _) => panic!("the table sends {other} elsewhere"),
    })
}

fn window(case: &Case) -> Window {
    let sides = |key: &str| match numbers(case.option(key))[..] {
        [first, second] => [first as usize, second as usize],
        [side] => [side as usize; 2],
        _ => panic!("one or two sides"),
    };
    let window = Window::new(sides("pool_size")).with_stride(sides("strides"));
    match case.option("padding").as_str() {
        Some("same") => window.with_padding(Padding::Same),
        Some("valid") => window,
        other => panic!("no case has the padding {other:?}"),
    }
}
