//! The parts of an image that an adaptive pool sees.

use super::onnx::{image_of, pool_max, pool_mean, reduced_parts};
use super::pool_geometry::{PoolGeometry, Reach};
use super::{OnnxGraph, OnnxValue, Sides};
use crate::kernels::{Axis, Geometry};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape};

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

/// As operations of ONNX: a pool with a window where all parts are as long and as far from one another, else each part by itself.
pub(super) fn adaptive_operations<T: Scalar>(
    graph: &mut OnnxGraph<'_, T>,
    x: OnnxValue,
    output: Sides,
    is_max: bool,
) -> Result<OnnxValue> {
    let PoolGeometry { rows, columns, channels } = adaptive(output, &image_of(&x.shape()))?;
    if let (Some(rows), Some(columns)) = (as_window(rows), as_window(columns)) {
        let geometry = Geometry { rows, columns, channels };
        return Ok(if is_max {
            pool_max(graph, x, &geometry)
        } else {
            pool_mean(graph, x, &geometry, false, None)
        });
    }
    let parts = |reach: Reach| -> Vec<[usize; 2]> {
        (0..reach.outputs())
            .map(|part| reach.places(part))
            .map(|places| [places.first, places.end()])
            .collect()
    };
    let parts = [parts(rows), parts(columns)];
    let is_sequence = x.shape().rank() == 2;
    Ok(reduced_parts(graph, x, &parts[usize::from(is_sequence)..], is_max))
}

/// The window whose places are the parts of an axis.
fn as_window(reach: Reach) -> Option<Axis> {
    let (inputs, outputs) = (reach.inputs(), reach.outputs());
    let kernel = reach.places(0).count;
    let stride = if outputs > 1 { reach.places(1).first } else { kernel };
    let fits = stride > 0
        && (0..outputs)
            .map(|part| (part, reach.places(part)))
            .all(|(part, places)| places.first == part * stride && places.count == kernel);
    fits.then_some(Axis { inputs, outputs, kernel, stride, dilation: 1, before: 0, after: 0 })
}
