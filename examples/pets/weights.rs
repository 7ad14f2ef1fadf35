//! A picture of the weights of the hidden layers, as PNG.
//!
//! A unit of the first layer has a weight for each pixel, so its weights are an image. A unit of the second layer has a
//! weight for each unit of the first: shown is the sum of the first layer's images, each times its weight. That is what
//! the unit would look for if there were no ReLU in between; with it, a unit of the first layer has a part in the sum
//! only where it is positive, which differs from picture to picture. So the second half is a hint and no more.
//!
//! Blue pixels speak for a unit, red ones against it, white ones do not matter; each image has a scale of its own.
//! Much of what is seen in a weight is the random number that it started from. After a training, the change since then
//! is drawn too; of a model from a file, where it started from is not known.

use std::error::Error;
use std::path::Path;

use taper::{Sequential, Tensor};

use super::bitmap::Bitmap;

/// The sides of the images that a unit looks at.
const SIDE: usize = 28;
/// White between two images, and between the layers.
const SPACE: usize = 2;
const BAND: usize = 12;
/// Images in a row.
const COLUMNS: usize = 16;

/// A unit's weights, one for each pixel.
type Unit = Vec<f32>;

/// Draws 128 images of the first layer, and 64 of the second below. Where the model is given as it was before the
/// training, the change since stands at their right.
pub(crate) fn draw(
    path: &Path,
    model: &Sequential<f32>,
    before: Option<&Sequential<f32>>,
) -> Result<(), Box<dyn Error>> {
    let mut blocks = vec![layers(model)?];
    if let Some(before) = before {
        let mut change = layers(model)?;
        let pairs =
            change.iter_mut().flatten().flatten().zip(layers(before)?.into_iter().flatten().flatten());
        pairs.for_each(|(weight, before)| *weight -= before);
        blocks.push(change);
    }
    let cell = SIDE + SPACE;
    let block_width = COLUMNS * cell + BAND;
    let band_height = |units: &Vec<Unit>| (units.len()).div_ceil(COLUMNS) * cell + BAND;
    let height = blocks[0].iter().map(band_height).sum::<usize>() - BAND + SPACE;
    let width = blocks.len() * block_width - BAND + SPACE;
    let mut picture = Bitmap::new(width, height);
    for (block, left) in blocks.iter().zip((SPACE..).step_by(block_width)) {
        let mut top = SPACE;
        for units in block {
            for (number, unit) in (0..).zip(units) {
                let (column, row) = (number % COLUMNS, number / COLUMNS);
                paint(&mut picture, unit, left + column * cell, top + row * cell);
            }
            top += band_height(units);
        }
    }
    picture.save(path)?;
    Ok(())
}

/// How many units of the first layer are 0 for each of these images.
pub(crate) fn silent(model: &Sequential<f32>, images: &Tensor<f32>) -> taper::Result<usize> {
    let (first, _) = model.split_at("fc2")?;
    let mut speaks = vec![false; first.output().len()];
    for units in first.features(images)?.view().samples() {
        speaks.iter_mut().zip(units).for_each(|(speaks, &unit)| *speaks |= unit > 0.0);
    }
    Ok(speaks.iter().filter(|&&speaks| !speaks).count())
}

/// How far a training moved a weight: the length of the change, divided by that of the weight before.
pub(crate) fn moved(model: &Sequential<f32>, before: &Sequential<f32>, name: &str) -> taper::Result<f64> {
    let (after, before) = (model.param(name)?.to_tensor(), before.param(name)?.to_tensor());
    let change = after.as_slice().iter().zip(before.as_slice()).map(|(after, before)| after - before);
    Ok(length(change) / length(before.as_slice().iter().copied()))
}

fn length(weights: impl Iterator<Item = f32>) -> f64 {
    weights.map(|weight| f64::from(weight).powi(2)).sum::<f64>().sqrt()
}

/// The images of both hidden layers.
fn layers(model: &Sequential<f32>) -> taper::Result<[Vec<Unit>; 2]> {
    let first = columns(model, "fc1.weight")?;
    let second = columns(model, "fc2.weight")?;
    let combined = second.iter().map(|weights| {
        let mut sum = vec![0.0; SIDE * SIDE];
        for (unit, weight) in first.iter().zip(weights) {
            sum.iter_mut().zip(unit).for_each(|(sum, pixel)| *sum += weight * pixel);
        }
        sum
    });
    let combined = combined.collect();
    Ok([first, combined])
}

/// A weight is inputs × outputs: a unit's weights are a column.
fn columns(model: &Sequential<f32>, name: &str) -> taper::Result<Vec<Vec<f32>>> {
    let weight = model.param(name)?.to_tensor();
    let outputs = weight.shape().axes()[1];
    let column = |output| weight.as_slice().iter().skip(output).step_by(outputs).copied().collect();
    Ok((0..outputs).map(column).collect())
}

fn paint(picture: &mut Bitmap<3>, unit: &[f32], left: usize, top: usize) {
    let largest = unit.iter().fold(f32::MIN_POSITIVE, |largest, weight| largest.max(weight.abs()));
    for (pixel, weight) in (0..).zip(unit) {
        picture.put(left + pixel % SIDE, top + pixel / SIDE, color(weight / largest));
    }
}

/// From red at −1 over white at 0 to blue at 1, in few shades so that the file stays small.
fn color(weight: f32) -> [u8; 3] {
    let rest = 255 - (weight.abs() * 4.0).round() as u8 * 63;
    if weight < 0.0 { [255, rest, rest] } else { [rest, rest, 255] }
}
