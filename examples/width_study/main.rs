//! How far to narrow: trains 784 → a → b → classes for many widths a and b, and tells which is enough.
//!
//! ```sh
//! cargo run --release --example width_study
//! cargo run --release --example width_study -- --seeds 10 --epochs 60 --widths 8-8,64-32,512-256
//! cargo run --release --example width_study -- --data fashion
//! cargo run --release --example width_study -- --samples 200 --wrong-labels 0.2 --picture noisy.svg
//! ```
//!
//! A run takes about a minute on two cores. Every design gets the same seeds, so the same batches in the same order, and
//! the same number of epochs; the test images choose none. A number with ± is a mean over the seeds and its
//! standard error, which says what other seeds would change and nothing of other test images: with 559 of them, an
//! accuracy of 90 % has a standard error of 1.3 % from the choice of the images alone.
//!
//! The chosen design is the one with the fewest parameters whose mean test accuracy is at least the best one's less its
//! standard error. The last column is another look at the same: the best design less this one, seed by seed. As the
//! test images choose the design, its accuracy on them is a little better than on images of another source.

#[path = "../common/exit.rs"]
mod exit;
#[path = "../common/fashion.rs"]
mod fashion;

mod data;
mod picture;
#[path = "../pets/recipe.rs"]
#[expect(dead_code, reason = "its model has fixed widths")]
mod recipe;
mod study;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use data::{Data, Source};
use recipe::idx;
use study::{Design, Mean, Row, Verdict};

/// Compares widths of the two hidden layers.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to train on.
    #[arg(long, value_enum, default_value_t = Source::Pets)]
    data: Source,
    /// The folder of the four files of Fashion-MNIST.
    #[arg(long, value_name = "DIR", default_value = fashion::FOLDER)]
    folder: PathBuf,
    /// The widths of the two hidden layers of each design.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "2-2,4-4,8-8,16-16,32-16,64-32,128-64,256-128,512-256,1024-512"
    )]
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
    /// The part of the images to train with that get a wrong label, from 0 to 1.
    #[arg(long, default_value = "0", value_parser = share)]
    wrong_labels: f64,
    /// The SVG file to draw accuracies into [default: beside the program, in the target directory].
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

/// A number that is not 0.
type Count = std::num::NonZeroUsize;

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("expected 0 to 1".to_owned()) }
}

fn main() -> ExitCode {
    exit::code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut data = Data::read(arguments.data, &arguments.folder, arguments.samples.map(Count::get))?;
    data.mislabel(arguments.wrong_labels);
    let (samples, test_samples) = (data.train.labels.len(), data.test.labels.len());
    println!("{samples} images to train with, {test_samples} to test with, {} classes", data.classes);
    println!("{} seeds, {} epochs\n", arguments.seeds, arguments.epochs);

    let mut rows = Vec::new();
    for &design in &arguments.widths {
        let (train, test) = (data.train.dataset()?, data.test.dataset()?);
        let effort = (arguments.seeds, arguments.epochs.get());
        let row = study::run(design, data.classes, train, test, effort)?;
        eprintln!("{design}: test accuracy {} %", row.test());
        rows.push(row);
    }
    let verdict = Verdict::of(&rows).ok_or("--widths: expected at least one design")?;
    if arguments.wrong_labels > 0.0 {
        println!("accuracy in training counts wrong labels as right\n");
    }
    println!("{}\n", table(&rows, verdict.best, samples));
    println!("best: {}, {} %", verdict.best.design, verdict.best.test());
    println!("its mean less its standard error: {:.1} %", 100.0 * verdict.bar);
    if rows.iter().all(|row| row.parameters <= verdict.best.parameters) {
        println!("the best is the largest of these: a larger one may be better");
    }

    let path = match &arguments.picture {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_extension("svg"),
    };
    picture::draw(&path, &rows, &verdict).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("accuracies are drawn in {}", path.display());
    let (chosen, test) = (verdict.chosen, verdict.chosen.test());
    println!(
        "chosen {} with {} parameters: test accuracy {:.3}",
        chosen.design, chosen.parameters, test.mean
    );
    Ok(())
}

/// Accuracies are in percent.
fn table(rows: &[Row], best: &Row, samples: usize) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header([
        "widths",
        "parameters",
        "first layer",
        "per image",
        "multiply-adds",
        "ms/epoch",
        "train, %",
        "test, %",
        "gap, %",
        "behind the best, %",
    ]);
    table.column_iter_mut().for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    for row in rows {
        table.add_row([
            row.design.to_string(),
            row.parameters.to_string(),
            format!("{:.1} %", 100.0 * row.first_share),
            format!("{:.1}", row.parameters as f64 / samples as f64),
            row.multiply_adds.to_string(),
            format!("{:.1}", 1e3 * row.epoch_seconds),
            row.train().to_string(),
            row.test().to_string(),
            row.gap().to_string(),
            Mean::of_differences(&best.test, &row.test).to_string(),
        ]);
    }
    table
}
