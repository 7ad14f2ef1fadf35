//! The parts of an image that an adaptive pool sees.

use super::Sides;
use super::pool_geometry::{PoolGeometry, Reach};
use crate::{Error, Result, Shape};

/// The size of the outputs of an adaptive pool.
///
/// # Errors
/// [`Error::Setting`] where there are none.
pub(super) fn adaptive_output(output: Sides) -> Result<Sides> {
    if output.height > 0 && output.width > 0 {
        return Ok(output);
    }
    Err(Error::setting("output size", "at least 1", output))
}

/// The parts of an image, as many as the outputs.
///
/// # Errors
/// [`Error::Shape`] where the input is no image, [`Error::TooLarge`] where places cannot be counted.
pub(super) fn adaptive(output: Sides, input: &Shape) -> Result<PoolGeometry> {
    let &[height, width, channels] = input.axes() else {
        return Err(Error::shape("input", "[batch, height, width, channels]", input.batch_pattern()));
    };
    let parts = |inputs: usize, outputs: usize| {
        // The last part ends at (outputs · inputs) / outputs, rounded up.
        let is_counted = outputs.checked_mul(inputs).and_then(|places| places.checked_add(outputs)).is_some();
        is_counted.then_some(Reach::Parts { inputs, outputs })
    };
    if let (Some(rows), Some(columns)) = (parts(height, output.height), parts(width, output.width)) {
        return Ok(PoolGeometry { rows, columns, channels });
    }
    let shape = Shape::from([output.height, output.width, channels]).to_string();
    Err(Error::TooLarge { shape, limit: "as many outputs as can be counted" })
}

/// The same, over a batch of images that [`adaptive`] agreed to.
pub(super) fn adaptive_of_batch(output: Sides, batch: &Shape) -> PoolGeometry {
    let (_, image) = batch.split_batch().expect("a batch");
    adaptive(output, &image).expect("`output_shape` agreed")
}
