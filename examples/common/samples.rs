//! Images as numbers, with their labels.

use std::path::Path;

use taper::Tensor;
use taper::train::Dataset;

use super::idx::{Idx, IdxError};

/// Images, and the class of each.
#[derive(Debug)]
pub(crate) struct Samples {
    /// Pixels from 0 to 1, `[samples, rows, columns]`.
    pub(crate) images: Tensor<f32>,
    pub(crate) labels: Vec<usize>,
}

impl Samples {
    /// Reads a part of a set, such as `train`.
    pub(crate) fn read(folder: &Path, part: &str, classes: usize) -> Result<Self, IdxError> {
        Ok(Idx::read(folder, part, classes)?.into())
    }

    /// As the trainer takes them.
    pub(crate) fn dataset(&self) -> taper::Result<Dataset<'_, f32>> {
        Dataset::new(&self.images, &self.labels)
    }
}

impl From<Idx> for Samples {
    fn from(Idx { shape, pixels, labels }: Idx) -> Self {
        let pixels = pixels.into_iter().map(|pixel| f32::from(pixel) / 255.0).collect();
        let images = Tensor::from_vec(shape, pixels).expect("a file has as many pixels as its shape");
        Self { images, labels }
    }
}
