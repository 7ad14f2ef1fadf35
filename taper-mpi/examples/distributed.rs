//! Trains as the examples `fashion` and `pets` of the crate `taper`, on several processes.
//!
//! ```sh
//! mpirun -n 2 target/release/examples/distributed pets
//! mpirun -n 2 target/release/examples/distributed fashion --epochs 3 --shards
//! ```
//!
//! Rank 0 prints what all of them reach, and how many samples a second they go through together. Then it trains alone, and compares.
//! With `--shards` a rank has its part of the images to train with in memory, and no others.

#[path = "../../examples/common/epochs.rs"]
mod epochs;
#[path = "../../examples/common/fashion.rs"]
mod fashion;
// Its data lie elsewhere from here.
#[allow(dead_code, unused_imports)]
#[path = "../../examples/pets/recipe.rs"]
mod recipe;
#[path = "distributed/shard.rs"]
mod shard;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use recipe::idx::{self, Idx};
use recipe::samples::Samples;
use shard::Shard;
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Communicator, Dataset, EarlyStopping, Fit, History, Monitor, Pixels, Precision};
use taper::{Optimizer, Sequential, Trainer};
use taper_mpi::Mpi;

/// Trains a classifier of images on several processes.
#[derive(Debug, Parser)]
struct Arguments {
    /// What is on the images.
    data: Data,
    /// The folder of the four files of `fashion`.
    #[arg(long, value_name = "DIR", default_value = fashion::FOLDER)]
    folder: PathBuf,
    /// Where the first weights and the order of the images come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Passes over the images to train with [default: those of the examples, 10 and 15].
    #[arg(long)]
    epochs: Option<usize>,
    /// Each process has its part of the images of `fashion`, and no others.
    #[arg(long)]
    shards: bool,
    /// Gradients travel in 16 bits.
    #[arg(long)]
    bf16: bool,
    /// Does not train alone afterwards.
    #[arg(long)]
    no_comparison: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Data {
    /// Ten kinds of clothes.
    Fashion,
    /// Silhouettes of dogs, cats and birds.
    Pets,
}

/// What a training comes to.
struct Trained {
    accuracy: f64,
    samples_a_second: f64,
    model: Sequential<f32>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    taper_mpi::run(|mpi| run(&arguments, mpi))
}

fn run(arguments: &Arguments, mpi: Mpi) -> Result<(), Box<dyn Error>> {
    let (rank, size) = (mpi.rank(), mpi.size());
    let precision = if arguments.bf16 { Precision::Bf16 } else { Precision::Full };
    let train = match arguments.data {
        Data::Fashion => fashion,
        Data::Pets => pets,
    };
    let together = train(arguments, Some(mpi.with_precision(precision)))?;
    if rank != 0 {
        return Ok(());
    }
    let Trained { accuracy, samples_a_second, model } = &together;
    println!("{size} ranks: {samples_a_second:.0} samples a second, test accuracy {accuracy:.4}");
    if size > 1 && !arguments.no_comparison {
        let alone = train(arguments, None)?;
        println!(
            "1 rank: {:.0} samples a second, test accuracy {:.4}",
            alone.samples_a_second, alone.accuracy
        );
        println!(
            "{:.2} times as fast; weights differ by {:.1e} of their length",
            samples_a_second / alone.samples_a_second,
            difference(model, &alone.model)?
        );
    }
    println!("test accuracy {accuracy:.3}");
    Ok(())
}

fn fashion(arguments: &Arguments, mpi: Option<Mpi>) -> Result<Trained, Box<dyn Error>> {
    let [train, test] = ["train", "t10k"].map(|part| fashion::read(&arguments.folder, part));
    let (train, test) = (train?, test?);
    let model = Sequential::builder([28, 28]).flatten();
    let model = model.dense(128).named("fc1").relu().dense(64).named("fc2").relu();
    let mut model =
        model.dense(fashion::CLASSES.len()).named("fc3").build(&mut taper::seeded(arguments.seed))?;
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(1e-3)?))
        .with_batch(64)?
        .with_seed(arguments.seed);
    let (epochs, whole) = (arguments.epochs.unwrap_or(10), train.labels.len());
    let fit = Fit::epochs(epochs).with_validation(dataset(&test)?);
    let (history, accuracy) = match mpi {
        Some(mpi) if arguments.shards => {
            let Idx { shape, pixels, labels } = train;
            let shard = Shard::new(mpi.rank(), mpi.size(), shape, &pixels);
            drop(pixels);
            fitted(trainer, Dataset::new(&shard, &labels)?, fit, dataset(&test)?, Some(mpi))?
        }
        mpi => fitted(trainer, dataset(&train)?, fit, dataset(&test)?, mpi)?,
    };
    Ok(Trained { accuracy, samples_a_second: speed(&history, whole), model })
}

/// The images stay bytes in memory, and become numbers from 0 to 1 batch by batch.
fn dataset(set: &Idx) -> taper::Result<Dataset<'_, f32>> {
    Dataset::new(Pixels::new(set.shape, &set.pixels)?, &set.labels)
}

fn pets(arguments: &Arguments, mpi: Option<Mpi>) -> Result<Trained, Box<dyn Error>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/pets/data"));
    let [all, test] = ["train", "test"].map(|part| Samples::read(folder, part, recipe::CLASSES.len()));
    let (all, test) = (all?, test?);
    let [train, validation] = recipe::set_apart(&all)?;
    let train = recipe::mirror::mirrored(train)?;
    let epochs = arguments.epochs.unwrap_or(15);
    let fit = Fit::epochs(epochs)
        .with_validation(validation.dataset()?)
        .with_early_stopping(EarlyStopping::new(epochs).monitoring(Monitor::ValidationAccuracy));
    let mut model = recipe::model(arguments.seed)?;
    let trainer = recipe::trainer(&mut model, arguments.seed)?;
    let (history, accuracy) = fitted(trainer, train.dataset()?, fit, test.dataset()?, mpi)?;
    Ok(Trained { accuracy, samples_a_second: speed(&history, train.labels.len()), model })
}

/// Trains, and measures the accuracy.
fn fitted(
    mut trainer: Trainer<'_, f32>,
    data: Dataset<'_, f32>,
    mut fit: Fit<'_, f32>,
    test: Dataset<'_, f32>,
    mpi: Option<Mpi>,
) -> taper::Result<(History, f64)> {
    if let Some(mpi) = mpi {
        if mpi.rank() == 0 {
            fit = fit.after_epoch(|epoch, _| epochs::print(epoch, "validation"));
        }
        trainer = trainer.with_communicator(mpi);
    }
    let history = trainer.fit(data, fit)?;
    let accuracy = trainer.evaluate(test)?.accuracy.unwrap_or(f64::NAN);
    Ok((history, accuracy))
}

/// Samples a second of all epochs, with their validation.
fn speed(history: &History, samples: usize) -> f64 {
    let seconds: f64 = history.epochs.iter().map(|epoch| epoch.seconds).sum();
    (samples * history.epochs.len()) as f64 / seconds
}

/// How far the weights of two models are apart, as a share of their length.
fn difference(a: &Sequential<f32>, b: &Sequential<f32>) -> taper::Result<f64> {
    let (mut apart, mut length) = (0.0, 0.0);
    for name in ["fc1", "fc2", "fc3"].map(|layer| format!("{layer}.weight")) {
        let [a, b] = [a, b].map(|model| model.param(&name).map(taper::Param::to_tensor));
        for (a, b) in a?.as_slice().iter().zip(b?.as_slice()) {
            apart += f64::from(a - b).powi(2);
            length += f64::from(*a).powi(2);
        }
    }
    Ok((apart / length).sqrt())
}
