//! Pools. Keras's of one axis are ours with a window one high.

use taper::layers::{AvgPool2d, GlobalAvgPool2d, MaxPool2d, Padding, Window};
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
    // One more axis, of length 1, in front of the others.
    let image: [usize; 3] = match *sample.axes() {
        [channels, width] if channels_first => [channels, 1, width],
        [width, channels] => [1, width, channels],
        [a, b, c] => [a, b, c],
        _ => panic!("images have one or two axes and channels"),
    };
    let builder = Sequential::builder(sample).reshape(image);
    let builder = if channels_first { builder.channels_last() } else { builder };
    let (height, width) = if channels_first { (image[1], image[2]) } else { (image[0], image[1]) };
    let builder = add_pool(builder, case, [height, width])?;
    let global = case.word("object").starts_with("Global");
    let builder = if channels_first && !global { builder.channels_first() } else { builder };
    Ok(builder.build(&mut taper::seeded(0))?.predict(x)?.into_vec())
}

fn add_pool(builder: Builder<f64>, case: &Case, image: [usize; 2]) -> Result<Builder<f64>> {
    Ok(match case.word("object") {
        "GlobalAveragePooling1D" | "GlobalAveragePooling2D" => builder.layer(GlobalAvgPool2d),
        "GlobalMaxPooling1D" | "GlobalMaxPooling2D" => builder.max_pool2d(image),
        "AveragePooling1D" | "AveragePooling2D" | "average_pool" => {
            builder.layer(AvgPool2d::new(window(case, image))?)
        }
        "MaxPooling1D" | "MaxPooling2D" | "max_pool" => builder.layer(MaxPool2d::new(window(case, image))?),
        other => panic!("the table sends {other} elsewhere"),
    })
}

fn window(case: &Case, [height, _]: [usize; 2]) -> Window {
    let sides = |key: &str| match numbers(case.option(key))[..] {
        [first, second] => [first as usize, second as usize],
        // Of images of one axis alone, which are one high: the other has no room for more.
        [side] if height == 1 => [1, side as usize],
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
