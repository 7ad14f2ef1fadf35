//! What the changes to images have in common.

use crate::{Error, Result, Shape};

/// Height, width and channels of a sample.
pub(super) fn image_size(sample: Shape) -> Result<[usize; 3]> {
    match *sample.axes() {
        [height, width] => Ok([height, width, 1]),
        [height, width, channels] => Ok([height, width, channels]),
        _ => Err(Error::shape("image", "[height, width] or [height, width, channels]", sample)),
    }
}

pub(super) fn check_probability(probability: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&probability) {
        return Ok(probability);
    }
    Err(Error::setting("probability", "a number from 0 to 1", probability))
}

pub(super) fn check_fill(fill: f64) -> Result<f64> {
    if fill.is_finite() {
        return Ok(fill);
    }
    Err(Error::setting("fill", "a finite number", fill))
}
