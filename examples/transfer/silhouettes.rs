//! The silhouettes of the example `pets`, as the photographs' network takes images.

use taper::{Result, Tensor};

use super::network::IMAGE;

/// The side of a silhouette. The border around it is white.
const SIDE: usize = 28;

/// Dark on white, `[samples, 32, 32, 3]` from 0 to 255, of `[samples, 28, 28]` from 0 to 1, which are light on black.
pub(crate) fn images(silhouettes: &Tensor<f32>) -> Result<Tensor<f32>> {
    let [height, width, channels] = IMAGE;
    let (top, left) = ((height - SIDE) / 2, (width - SIDE) / 2);
    let samples = silhouettes.shape().axes()[0];
    let mut images = Tensor::full([samples, height, width, channels], 255.0)?;
    let pixels = images.as_mut_slice().chunks_exact_mut(height * width * channels);
    for (image, silhouette) in pixels.zip(silhouettes.view().samples()) {
        for (row, shades) in
            image.chunks_exact_mut(width * channels).skip(top).zip(silhouette.chunks_exact(SIDE))
        {
            for (pixel, shade) in row.chunks_exact_mut(channels).skip(left).zip(shades) {
                pixel.fill(255.0 * (1.0 - shade));
            }
        }
    }
    Ok(images)
}
