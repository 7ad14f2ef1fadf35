//! The sizes of a convolution of images.

use super::{Channels, Window};
use crate::kernels::ConvolutionSize;
use crate::prelude::*;
use crate::{Error, Result, Shape};

/// A sample that takes more would take hours.
pub(super) const MOST_MULTIPLY_ADDS: u64 = 1 << 48;

/// What a convolution whose outputs are sums of so many inputs makes of an image of this shape.
///
/// # Errors
/// [`Error::Shape`] where it is none that the convolution takes, [`Error::TooLarge`] for more work than anybody waits for.
pub(super) fn output_shape(input: &Shape, channels: Channels, window: Window, patch: usize) -> Result<Shape> {
    let geometry = window.over(input)?;
    if geometry.channels != channels.inputs {
        return Err(channels.other(input));
    }
    let output = Shape::from(geometry.output(channels.outputs));
    // With a border of any size, an output can be larger than all numbers.
    if output.elements().saturating_mul(patch as u64) > MOST_MULTIPLY_ADDS {
        let limit = "at most 2^48 multiply-adds for a sample";
        return Err(Error::TooLarge { shape: output.to_string(), limit });
    }
    Ok(output)
}

/// The size of the product for so many images of a shape that was checked.
pub(super) fn size(input: &Shape, batch: usize, channels: Channels, window: Window) -> ConvolutionSize {
    let geometry = window.over(input).expect("the shape was checked when the model was built");
    let Channels { outputs, groups, .. } = channels;
    ConvolutionSize { batch, geometry, outputs, groups }
}
