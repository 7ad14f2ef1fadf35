//! The data: silhouettes from the repository, or clothes from a package; fewer of them, or some with a wrong label.

use std::path::Path;

use super::fashion;
use super::recipe::{self, samples::Samples};
use clap::ValueEnum;
use rand::RngExt;
use taper::{Shape, Tensor};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The silhouettes of dogs, cats and birds of the example `pets`: 2242 to train with, 559 to test with.
    Pets,
    /// Fashion-MNIST: 3000 to train with unless `--samples` says otherwise, 10,000 to test with.
    Fashion,
}

/// A source, read.
pub(crate) struct Data {
    pub(crate) classes: usize,
    pub(crate) train: Samples,
    pub(crate) test: Samples,
}

const FASHION_SAMPLES: usize = 3000;

impl Data {
    /// All images to test with, and so many to train with.
    pub(crate) fn read(source: Source, folder: &Path, samples: Option<usize>) -> Result<Self, String> {
        let (classes, [train, test], usual) = match source {
            Source::Pets => (recipe::CLASSES.len(), recipe::data().map_err(|error| error.to_string())?, None),
            Source::Fashion => {
                let parts = [fashion::read(folder, "train")?.into(), fashion::read(folder, "t10k")?.into()];
                (fashion::CLASSES.len(), parts, Some(FASHION_SAMPLES))
            }
        };
        let there = train.labels.len();
        let train = match samples.or(usual.map(|usual| usual.min(there))) {
            Some(samples) if samples > there => {
                return Err(format!("--samples: expected at most {there}, got {samples}"));
            }
            Some(samples) => spread(&train, samples).map_err(|error| error.to_string())?,
            None => train,
        };
        Ok(Self { classes, train, test })
    }

    /// Gives this part of the images to train with, from 0 to 1, the label of another class; always the same ones.
    pub(crate) fn mislabel(&mut self, share: f64) {
        let mut rng = taper::seeded(0);
        for label in &mut self.train.labels {
            // Both numbers are drawn for every image, so that a larger share adds to those of a smaller one.
            let (draw, shift) = (rng.random::<f64>(), rng.random_range(1..self.classes));
            if draw < share {
                *label = (*label + shift) % self.classes;
            }
        }
    }
}

/// So many images at even distances, as the files may be sorted by class.
fn spread(samples: &Samples, count: usize) -> taper::Result<Samples> {
    let mut axes = samples.images.shape().axes().to_vec();
    let all: Vec<&[f32]> = samples.images.view().samples().collect();
    let picked = || (0..count).map(|index| index * all.len() / count);
    axes[0] = count;
    let pixels = picked().flat_map(|index| all[index]).copied().collect();
    Ok(Samples {
        images: Tensor::from_vec(Shape::new(&axes)?, pixels)?,
        labels: picked().map(|index| samples.labels[index]).collect(),
    })
}
