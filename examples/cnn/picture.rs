//! A picture of the first convolution's maps, for an image of each class.

use std::error::Error;
use std::path::Path;

use taper::{Sequential, Tensor};

use super::bitmap::Bitmap;
use super::recipe::{SIDE, Task};

/// Each pixel becomes a square.
const SCALE: usize = 4;
const GAP: usize = 6;
/// The first of the 32 maps.
const MAPS: usize = 10;

/// A row for each class: a picture to test with, and what the first convolution and its ReLU make of it.
pub(crate) fn draw(path: &Path, task: &Task, model: &Sequential<f32>) -> Result<(), Box<dyn Error>> {
    let (body, _) = model.split_at("pool1")?;
    let cell = SIDE * SCALE + GAP;
    let (width, height) = ((1 + MAPS) * cell + GAP, task.classes.len() * cell + GAP);
    let mut picture = Bitmap::new(width, height);
    for class in 0..task.classes.len() {
        let sample =
            task.test.labels.iter().position(|&label| label == class).ok_or("no picture of a class")?;
        let pixels = task.test.images.view().sample(sample).to_vec();
        let maps = body.features(&Tensor::from_vec([1, SIDE, SIDE], pixels.clone())?)?;
        let channels = maps.len() / pixels.len();
        let largest = maps.as_slice().iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        for column in 0..=MAPS {
            for y in 0..SIDE * SCALE {
                for x in 0..SIDE * SCALE {
                    let pixel = y / SCALE * SIDE + x / SCALE;
                    let value = match column.checked_sub(1) {
                        None => pixels[pixel],
                        Some(map) => maps.as_slice()[pixel * channels + map] / largest,
                    };
                    let (x, y) = (GAP + column * cell + x, GAP + class * cell + y);
                    picture.put(x, y, [(255.0 * (1.0 - value)) as u8]);
                }
            }
        }
    }
    picture.save(path)?;
    Ok(())
}
