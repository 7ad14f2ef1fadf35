//! What is trained on what.

#[path = "../common/idx.rs"]
pub(crate) mod idx;
#[path = "../common/mirror.rs"]
mod mirror;
#[path = "../common/samples.rs"]
pub(crate) mod samples;

use std::path::Path;

use idx::IdxError;
use mirror::mirrored;
use samples::Samples;
use taper::layers::{Padding, Window};
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::{Optimizer, Result, Sequential, Trainer};

/// Images with the names of their classes, and how long to train on them.
pub(crate) struct Task {
    pub(crate) train: Samples,
    pub(crate) test: Samples,
    pub(crate) classes: &'static [&'static str],
    pub(crate) epochs: usize,
}

const PETS: [&str; 3] = ["dog", "cat", "bird"];
const CLOTHES: [&str; 10] =
    ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"];
const FASHION: &str = "/usr/share/datasets/fashion-mnist";
/// The images are squares.
pub(crate) const SIDE: usize = 28;

impl Task {
    /// The silhouettes, `pets`; `fashion`, where the Debian package puts it; or the folder of Fashion-MNIST's files.
    pub(crate) fn read(data: &str) -> std::result::Result<Self, String> {
        if data == "pets" {
            let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pets/data"));
            let read = |part| Samples::read(folder, part, PETS.len()).map_err(|error| error.to_string());
            let train = mirrored(read("train")?).map_err(|error| error.to_string())?;
            return Ok(Self { train, test: read("test")?, classes: &PETS, epochs: 15 });
        }
        let folder = Path::new(if data == "fashion" { FASHION } else { data });
        let read = |part| {
            Samples::read(folder, part, CLOTHES.len()).map_err(|error| match error {
                IdxError::Missing { .. } => format!(
                    "{error}; run `sudo apt-get install dataset-fashion-mnist`, or name its folder by `--data DIR`"
                ),
                IdxError::Malformed { .. } => error.to_string(),
            })
        };
        let task = Self { train: read("train")?, test: read("t10k")?, classes: &CLOTHES, epochs: 5 };
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

/// Adam on batches of 32.
pub(crate) fn trainer(model: &mut Sequential<f32>, seed: u64) -> Result<Trainer<'_, f32>> {
    let optimizer = Optimizer::new(Adam::new(1e-3)?);
    Ok(Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(32)?.with_seed(seed))
}
