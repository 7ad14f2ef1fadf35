//! Mirror images as further samples: an animal can look either way.

use taper::{Result, Tensor};

use super::samples::Samples;

/// The images, and behind them each of them as a mirror shows it.
pub(crate) fn mirrored(samples: Samples) -> Result<Samples> {
    let Samples { images, mut labels } = samples;
    let &[_, rows, columns] = images.shape().axes() else { unreachable!("a file of images has three axes") };
    let mut pixels = images.as_slice().to_vec();
    for row in images.as_slice().chunks_exact(columns) {
        pixels.extend(row.iter().rev());
    }
    labels.extend_from_within(..);
    Ok(Samples { images: Tensor::from_vec([labels.len(), rows, columns], pixels)?, labels })
}
