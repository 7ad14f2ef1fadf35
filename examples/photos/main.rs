//! Photographs, classified by a convolutional network that was trained in Keras.
//!
//! ```sh
//! cargo run --release --example photos
//! cargo run --release --example photos -- --one picture.png
//! ```
//!
//! The network and twenty photographs, which are the first of CIFAR-10's test images, come from two packages of
//! Python; `convert.py` beside this file makes `data/photos` of them and says how to get them.

#[path = "../common/exit.rs"]
mod exit;
#[path = "../common/png_files.rs"]
mod png_files;

mod network;
mod photographs;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use photographs::CLASSES;
use taper::Sequential;

/// Tells what photographs of 32×32 pixels show.
#[derive(Debug, Parser)]
struct Arguments {
    /// The weights that `convert.py` makes.
    #[arg(long, value_name = "FILE", default_value = "data/photos/cifar10.safetensors")]
    model: PathBuf,
    /// The folder of PNG files, with their class in their names.
    #[arg(long, value_name = "DIR", default_value = "data/photos")]
    photos: PathBuf,
    /// Classifies this PNG file of 32×32 pixels instead.
    #[arg(long, value_name = "FILE", conflicts_with = "photos")]
    one: Option<PathBuf>,
}

fn main() -> ExitCode {
    exit::code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut network = network::trained(&arguments.model)?;
    network.set_classes(CLASSES)?;
    let summary = network.summary();
    println!("{summary}");
    let (learned, kept) = (summary.parameters(), summary.statistics());
    println!("{} numbers: {learned} were learned, {kept} are running means and variances", learned + kept);

    // The same outputs without dropout.
    let lean = network.for_inference()?;
    println!("{} layers, {} of them for inference\n", network.len(), lean.len());
    match &arguments.one {
        Some(path) => classify_one(&lean, path),
        None => classify_all(&lean, &arguments.photos),
    }
}

fn classify_one(network: &Sequential<f32>, path: &Path) -> Result<(), Box<dyn Error>> {
    println!("{}: {}", path.display(), network.classify(&photographs::read(path)?)?[0]);
    Ok(())
}

fn classify_all(network: &Sequential<f32>, folder: &Path) -> Result<(), Box<dyn Error>> {
    let photographs = photographs::read_all(folder)?;
    println!("{:20}  {:10}  {:10}  {:>7}", "file", "shows", "taken for", "share");
    let mut right = 0;
    for photograph in &photographs {
        let said = network.classify(&photograph.pixels)?[0];
        right += usize::from(said.class == photograph.label);
        let [truth, name] = [photograph.label, said.class].map(|class| CLASSES[class]);
        println!("{:20}  {truth:10}  {name:10}  {:5.1} %", photograph.name, 100.0 * said.probability);
    }
    println!("{right} of {} right", photographs.len());
    Ok(())
}
