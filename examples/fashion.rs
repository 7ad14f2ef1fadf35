//! Fashion-MNIST: ten kinds of clothes, 60,000 images to train with and 10,000 to test with.
//!
//! ```sh
//! cargo run --release --example fashion
//! cargo run --release --example fashion -- --data some/folder --seed 3
//! ```
//!
//! Debian and Ubuntu have the data in the package `dataset-fashion-mnist`; elsewhere, name a folder that holds its
//! four files.
//!
//! The test images are looked at after each epoch, to be shown, and choose nothing: the number of epochs is fixed, and the
//! model is that of the last one. To choose an epoch, set some of the images to train with apart, as the example `pets`
//! does.

#[path = "common/epochs.rs"]
mod epochs;
#[path = "common/exit.rs"]
mod exit;
#[path = "common/fashion.rs"]
mod fashion;
#[path = "common/idx.rs"]
mod idx;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use idx::Idx;
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Dataset, Fit, Pixels};
use taper::{Optimizer, Sequential, Trainer};

/// Trains a classifier of clothes.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder of the four gzipped IDX files.
    #[arg(long, value_name = "DIR", default_value = fashion::FOLDER)]
    data: PathBuf,
    /// Where the first weights and the order of the images come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Passes over the images to train with.
    #[arg(long, default_value_t = 10)]
    epochs: usize,
}

fn main() -> ExitCode {
    exit::code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let [train, test] = [fashion::read(&arguments.data, "train")?, fashion::read(&arguments.data, "t10k")?];
    let model = Sequential::builder([28, 28]).flatten();
    let model = model.dense(128).named("fc1").relu().dense(64).named("fc2").relu();
    let mut model =
        model.dense(fashion::CLASSES.len()).named("fc3").build(&mut taper::seeded(arguments.seed))?;
    println!("{}", model.summary());

    let optimizer = Optimizer::new(Adam::new(1e-3)?);
    let mut trainer =
        Trainer::new(&mut model, CrossEntropy::new(), optimizer).with_batch(64)?.with_seed(arguments.seed);
    let fit = Fit::epochs(arguments.epochs)
        .with_validation(dataset(&test)?)
        .after_epoch(|epoch, _| epochs::print(epoch, "test"));
    trainer.fit(dataset(&train)?, fit)?;
    let accuracy = trainer.evaluate(dataset(&test)?)?.accuracy.unwrap_or(f64::NAN);
    println!("test accuracy {accuracy:.4}");
    Ok(())
}

/// The images stay bytes in memory, and become numbers from 0 to 1 batch by batch.
fn dataset(set: &Idx) -> taper::Result<Dataset<'_, f32>> {
    Dataset::new(Pixels::new(set.shape, &set.pixels)?, &set.labels)
}
