//! Transfer learning: dogs, cats and birds from few pictures, on the features of a network that learned photographs.
//!
//! ```sh
//! cargo run --release --example transfer
//! cargo run --release --example transfer -- --seeds 20 --picture transfer.svg
//! ```
//!
//! The body is the network of the example `photos`, cut off before one of its layers; it stays as it is. What it makes
//! of a picture, the features, is computed once. A head of a single dense layer is trained on the features of 10 or
//! 50 pictures a class, or of all of them, and for comparison on the pixels.
//!
//! The pictures are the silhouettes of the example `pets`, drawn dark on white in a frame of 32×32: drawings, not
//! photographs, and nothing that the body has seen. Their test images had no say in the head, which is that of its
//! last epoch, but they had one in the choice of colours and of the layers to cut before.

#[path = "../common/exit.rs"]
mod exit;
#[path = "../common/idx.rs"]
mod idx;
#[path = "../photos/network.rs"]
mod network;
#[path = "../common/pets.rs"]
mod pets;
#[path = "../common/samples.rs"]
mod samples;

mod frozen;
mod head;
mod picture;
mod silhouettes;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use head::Task;
use taper::train::Dataset;
use taper::{Sequential, Tensor};

/// Trains a head of one dense layer on the features of a network that was trained on photographs.
#[derive(Debug, Parser)]
struct Arguments {
    /// The weights that `examples/photos/convert.py` makes.
    #[arg(long, value_name = "FILE", default_value = "data/photos/cifar10.safetensors")]
    model: PathBuf,
    /// How many times to train each head, with other pictures and other first weights.
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Draws accuracy over the number of pictures into an SVG file.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

/// The layers to cut the network off before, from the last.
const CUTS: [&str; 2] = ["flatten", "conv5"];

/// Pictures of each class, or all, and the epochs for that.
const AMOUNTS: [(Option<usize>, usize); 3] = [(Some(10), 60), (Some(50), 40), (None, 15)];

fn main() -> ExitCode {
    exit::code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let network = network::trained(&arguments.model)?;
    let [train, test] = pets::read()?;
    println!("{} pictures to train with, {} to test with", train.labels.len(), test.labels.len());
    let images = [silhouettes::images(&train.images)?, silhouettes::images(&test.images)?];

    let mut bodies = Vec::new();
    for cut in CUTS {
        let (body, _) = network.split_at(cut)?;
        let start = Instant::now();
        let features = [body.features(&images[0])?, body.features(&images[1])?];
        let (seconds, numbers) = (start.elapsed().as_secs_f64(), body.output().len());
        println!("{numbers} features of each, before {cut}, made once in {seconds:.2} s");
        bodies.push((cut, body, features));
    }

    println!("\naccuracy on the test pictures, a mean over {} seeds", arguments.seeds);
    println!("{:24}  10 a class  50 a class    all", "a dense layer on");
    let task = |train_set, test| Task { train: train_set, labels: &train.labels, test };
    let on_pixels = row("pixels", &task(train.images.view(), test.dataset()?), arguments.seeds)?;
    let mut rows = vec![("pixels".to_owned(), on_pixels)];
    for (cut, _, [features, test_features]) in &bodies {
        let task = task(features.view(), Dataset::new(test_features, &test.labels)?);
        let name = format!("features before {cut}");
        let accuracies = row(&name, &task, arguments.seeds)?;
        rows.push((name, accuracies));
    }
    if let Some(path) = &arguments.picture {
        let pictures = AMOUNTS.map(|(amount, _)| {
            amount.map_or(train.labels.len(), |amount| amount * pets::CLASSES.len()) as f64
        });
        picture::draw(path, pictures, &rows).map_err(|error| format!("{}: {error}", path.display()))?;
    }

    let (cut, body, [features, _]) = bodies.last().ok_or("expected a layer to cut before, got none")?;
    let is_unchanged = compare(cut, body, features, &images[0], &train.labels)?;
    let state = if is_unchanged { "the body is the same to the byte" } else { "the body has changed" };
    let [best, on_pixels] = [rows[rows.len() - 1].1[2], on_pixels[2]];
    println!("accuracy {best:.3}, on pixels {on_pixels:.3}; {state}");
    Ok(())
}

/// Prints a line of the table, and gives back the mean accuracies.
fn row(name: &str, task: &Task<'_>, seeds: u64) -> taper::Result<[f64; 3]> {
    let mut means = [0.0; 3];
    print!("{name:24}");
    for ((mean, (amount, epochs)), width) in means.iter_mut().zip(AMOUNTS).zip([12, 12, 7]) {
        for seed in 1..=seeds {
            *mean += task.accuracy(amount, epochs, seed)? / seeds as f64;
        }
        print!("{mean:width$.3}");
    }
    println!();
    Ok(means)
}

/// Prints what an epoch takes with the frozen body in the loop, and says whether the body is as it was.
fn compare(
    cut: &str,
    body: &Sequential<f32>,
    features: &Tensor<f32>,
    images: &Tensor<f32>,
    labels: &[usize],
) -> taper::Result<bool> {
    let compared = frozen::compare(body, features, images, labels)?;
    let [before, after] = compared.hashes;
    let [short, long] = [compared.on_features, compared.in_the_loop].map(|time| time.as_secs_f64());
    println!("\nan epoch of the head on features before {cut}: {:.1} ms", 1e3 * short);
    println!(
        "the same with the frozen body in the loop: {:.1} ms, {:.0} times that",
        1e3 * long,
        long / short
    );
    println!("both lead to the same bits of the head: {}", if compared.heads_agree { "yes" } else { "no" });
    println!("hash of the body before it {before:016x}, after it {after:016x}");
    Ok(before == after)
}
