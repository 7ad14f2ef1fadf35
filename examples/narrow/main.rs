//! What is left of a trained network when it is narrowed: trains 784 → 1024 → 512 → classes, narrows it without labels, lets the
//! narrow one imitate the wide one, and trains each width from the start beside it.
//!
//! ```sh
//! cargo run --release --example narrow
//! cargo run --release --example narrow -- --data fashion --widths 128-64
//! cargo run --release --example narrow -- --weights weights       # for compare_pruning.py
//! cargo run --release --example narrow -- --photos data/photos --pictures crops       # crops by make_crops.py
//! cargo run --release --example narrow -- --model model.safetensors --inputs pictures --white 1
//! cargo run --release --features npy,onnx --example narrow -- --model model.onnx --inputs samples.npy
//! ```
//!
//! The images to train with choose everything: the units that stay are found on them, without their labels, and so is what a
//! narrow network imitates. No epoch is chosen, and no image to test with chooses anything. A number with ± is a
//! mean over the seeds and its standard error.

#[path = "../width_study/data.rs"]
#[expect(dead_code, reason = "no label is wrong here")]
mod data;
#[path = "../common/exit.rs"]
mod exit;
#[path = "../common/fashion.rs"]
mod fashion;
mod file;
mod photos;
mod picture;
mod pictures;
#[path = "../common/png_files.rs"]
mod png_files;
#[path = "../pets/recipe.rs"]
#[expect(dead_code, reason = "its model has fixed widths")]
mod recipe;
#[path = "../width_study/study.rs"]
#[expect(dead_code, reason = "its way to train is another")]
mod study;
mod trial;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use data::{Data, Source};
use recipe::idx;
use study::{Design, Mean};
use trial::{Outcome, Trial};

/// Narrows a trained network, and compares.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to train on.
    #[arg(long, value_enum, default_value_t = Source::Pets)]
    data: Source,
    /// The folder of the four files of Fashion-MNIST.
    #[arg(long, value_name = "DIR", default_value = fashion::FOLDER)]
    folder: PathBuf,
    /// The widths of the network that is narrowed.
    #[arg(long, default_value = "1024-512")]
    wide: Design,
    /// The widths that it is narrowed to.
    #[arg(long, value_delimiter = ',', default_value = "256-128,128-64,64-32,32-16,16-16,8-8")]
    widths: Vec<Design>,
    /// Trainings of each design.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(2..=1000))]
    seeds: u64,
    /// Passes over the images to train with.
    #[arg(long, default_value = "30")]
    epochs: Count,
    /// Takes only so many of the images to train with, at even distances.
    #[arg(long)]
    samples: Option<Count>,
    /// The SVG file to draw accuracies into [default: beside the program, in the target directory].
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// The PNG file to draw the units of the first layer into that are left of the first network at 64-32.
    #[arg(long, value_name = "FILE")]
    units: Option<PathBuf>,
    /// A folder for the wide networks, one file a seed: to compare with other programs on the same weights.
    #[arg(long, value_name = "DIR")]
    weights: Option<PathBuf>,
    #[command(flatten)]
    of_file: file::OfFile,
    #[command(flatten)]
    of_photos: photos::OfPhotos,
}

/// A number that is not 0.
type Count = std::num::NonZeroUsize;

fn main() -> ExitCode {
    exit::code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if let Some(done) = arguments.of_file.narrow().or_else(|| arguments.of_photos.narrow()) {
        return done;
    }
    let data = Data::read(arguments.data, &arguments.folder, arguments.samples.map(Count::get))?;
    let (samples, test_samples) = (data.train.labels.len(), data.test.labels.len());
    println!("{samples} images to train with, {test_samples} to test with, {} classes", data.classes);
    println!(
        "{} seeds, {} epochs; the images to train with choose all, without labels\n",
        arguments.seeds, arguments.epochs
    );

    let mut trial = Trial::new(arguments.wide, &arguments.widths, arguments.epochs.get());
    for seed in 1..=arguments.seeds {
        let wide = trial.run(&data, seed)?;
        if let Some(folder) = &arguments.weights {
            std::fs::create_dir_all(folder)?;
            wide.save(folder.join(format!("wide-{seed}.safetensors")))?;
        }
        if let Some(path) = arguments.units.as_ref().filter(|_| seed == 1) {
            picture::draw_units(path, &wide, &data.train.images)?;
            println!(
                "the 64 units that are left, and those that went first, are drawn in {}",
                path.display()
            );
        }
    }
    let (wide, rows) = (Mean::of(trial.wide.iter().copied()), &trial.rows);
    println!("{} trained, test accuracy {wide} %\n", arguments.wide);
    println!("{}\n", table(rows, &trial.wide));
    println!("{}\n", what_follows(rows));

    let path = match &arguments.picture {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_extension("svg"),
    };
    picture::draw(&path, rows, wide).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("accuracies and what is lost are drawn in {}", path.display());
    let named = rows.iter().find(|row| row.design.to_string() == "32-16").or(rows.last());
    if let Some(row) = named {
        let mean = |accuracies: &[f64]| Mean::of(accuracies.iter().copied()).mean;
        let (narrowed, trained) = (mean(&row.narrowed), mean(&row.trained));
        let Outcome { design, .. } = row;
        let from = arguments.wide;
        println!("{design}: narrowed {narrowed:.3}, trained so {trained:.3}, from {from} {:.3}", wide.mean);
    }
    Ok(())
}

/// Accuracies are in percent.
fn table(rows: &[Outcome], wide: &[f64]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header([
        "widths",
        "parameters",
        "trained so",
        "so, shifted",
        "by magnitude",
        "narrowed",
        "imitating, 5 epochs",
        "20 epochs",
        "20, shifted",
        "outputs lost",
        "narrowed less wide",
        "best less trained so",
    ]);
    table.column_iter_mut().for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    for row in rows {
        let mean = |numbers: &[f64]| Mean::of(numbers.iter().copied()).to_string();
        table.add_row([
            row.design.to_string(),
            row.parameters.to_string(),
            mean(&row.trained),
            mean(&row.trained_shifted),
            mean(&row.by_magnitude),
            mean(&row.narrowed),
            mean(&row.imitating[0]),
            mean(&row.imitating[1]),
            mean(&row.imitating[2]),
            mean(&row.lost),
            Mean::of_differences(&row.narrowed, wide).to_string(),
            Mean::of_differences(&row.imitating[2], &row.trained).to_string(),
        ]);
    }
    table
}

/// What may follow a narrowing: more training, fewer bits, and layers of low rank.
fn what_follows(rows: &[Outcome]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header([
        "widths",
        "narrowed",
        "trained on",
        "the last layer alone",
        "narrowed, eight bits",
        "imitating",
        "imitating, eight bits",
        "bytes",
        "in eight bits",
        "narrowed, low rank",
        "outputs lost",
        "parameters",
    ]);
    table.column_iter_mut().for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    for row in rows {
        let mean = |numbers: &[f64]| Mean::of(numbers.iter().copied()).to_string();
        table.add_row([
            row.design.to_string(),
            mean(&row.narrowed),
            mean(&row.trained_on[0]),
            mean(&row.trained_on[1]),
            mean(&row.eight_bits[0]),
            mean(&row.imitating[2]),
            mean(&row.eight_bits[1]),
            row.bytes[0].to_string(),
            row.bytes[1].to_string(),
            mean(&row.low_rank[0]),
            mean(&row.low_rank[1]),
            format!("{:.0}", Mean::of(row.low_rank[2].iter().copied()).mean),
        ]);
    }
    table
}
