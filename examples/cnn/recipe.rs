//! The data, the network and how it is trained.

#[path = "../common/fashion.rs"]
mod fashion;
#[path = "../common/idx.rs"]
mod idx;
#[path = "../common/mirror.rs"]
mod mirror;
#[path = "../common/pets.rs"]
mod pets;
#[path = "../common/samples.rs"]
mod samples;

use std::path::Path;

use mirror::mirrored;
use samples::Samples;
use taper::layers::{Padding, Window};
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::augment::{Compose, Rotate, Scale, Shift};
use taper::{Optimizer, Result, Sequential, Trainer};

/// Images with the names of their classes, and how long to train on them.
pub(crate) struct Task {
    pub(crate) train: Samples,
    pub(crate) test: Samples,
    pub(crate) classes: &'static [&'static str],
    pub(crate) epochs: usize,
}

/// The images are squares.
pub(crate) const SIDE: usize = 28;

impl Task {
    /// The silhouettes, `pets`; `fashion`, where the Debian package puts it; or the folder of Fashion-MNIST's files.
    pub(crate) fn read(data: &str) -> std::result::Result<Self, String> {
        if data == "pets" {
            let [train, test] = pets::read().map_err(|error| error.to_string())?;
            let train = mirrored(train).map_err(|error| error.to_string())?;
            return Ok(Self { train, test, classes: &pets::CLASSES, epochs: 15 });
        }
        let folder = Path::new(if data == "fashion" { fashion::FOLDER } else { data });
        let [train, test] = [fashion::read(folder, "train")?.into(), fashion::read(folder, "t10k")?.into()];
        let task = Self { train, test, classes: &fashion::CLASSES, epochs: 5 };
        match task.test.images.shape().axes() {
            [_, SIDE, SIDE] if task.train.images.shape().axes()[1..] == [SIDE, SIDE] => Ok(task),
            axes => Err(format!("{}: expected images of 28x28 pixels, got {axes:?}", folder.display())),
        }
    }
}

/// Two convolutions of 3×3, each followed by a pool that keeps the largest of 2×2, and a classifier of 128 units.
pub(crate) fn model(classes: usize, seed: u64) -> Result<Sequential<f32>> {
    let window = Window::new(3).with_padding(Padding::Same);
    let model = Sequential::builder([SIDE, SIDE]).reshape([SIDE, SIDE, 1]);
    let model = model.conv2d(32, window).named("conv1").relu().max_pool2d(2).named("pool1");
    let model = model.conv2d(64, window).named("conv2").relu().max_pool2d(2);
    let model = model.flatten().dense(128).named("fc1").relu().dropout(0.5);
    model.dense(classes).named("fc2").build(&mut taper::seeded(seed))
}

/// Images moved by a pixel, turned by up to ten degrees and up to a tenth larger or smaller.
pub(crate) fn augmentation() -> Result<Compose<f32>> {
    Ok(Compose::new().then(Shift::new(1, 1)).then(Rotate::new(10.0)?).then(Scale::new(0.9, 1.1)?))
}

/// Adam on batches of 32.
pub(crate) fn trainer(model: &mut Sequential<f32>, seed: u64) -> Result<Trainer<'_, f32>> {
    let optimizer = Optimizer::new(Adam::new(1e-3)?);
    Ok(Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(32)?.with_seed(seed))
}
