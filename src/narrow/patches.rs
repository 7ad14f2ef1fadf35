//! What a window sees of an image.

use crate::kernels::Geometry;
use crate::layers::Window;
use crate::{Result, Scalar, Shape};

/// Calls `row` with what the window sees at each of its places in an image of this shape, zeros around it.
pub(super) fn for_each_patch<T: Scalar>(
    window: Window,
    input: &Shape,
    image: &[T],
    mut row: impl FnMut(&[T]),
) -> Result<()> {
    let geometry = window.over(input)?;
    let Geometry { rows, columns, channels } = geometry;
    let mut patch = vec![T::zero(); rows.kernel * columns.kernel * channels];
    for place in 0..geometry.positions() {
        let (y, x) = (place / columns.outputs, place % columns.outputs);
        patch.fill(T::zero());
        for (i, j) in rows.taps(y).flat_map(|i| columns.taps(x).map(move |j| (i, j))) {
            let pixel = rows.input(y, i) * columns.inputs + columns.input(x, j);
            let to = &mut patch[(i * columns.kernel + j) * channels..][..channels];
            to.copy_from_slice(&image[pixel * channels..][..channels]);
        }
        row(&patch);
    }
    Ok(())
}
