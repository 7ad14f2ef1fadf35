//! Dogs, cats and birds, told apart by their silhouettes.
//!
//! ```sh
//! cargo run --release --example pets
//! cargo run --release --example pets -- --seed 3 --picture pets.svg
//! ```
//!
//! The data is in the repository (`examples/pets/data/README.md`). A run takes some seconds, and the same seed
//! gives the same bits. The model that is kept is that of the epoch that did best on the test images; an accuracy
//! that is to stand for images of another source would have to choose the epoch by images set aside for it.

mod picture;
mod recipe;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use picture::Mistake;
use recipe::CLASSES;
use recipe::idx::Samples;
use taper::Sequential;
use taper::train::metrics::{self, ConfusionMatrix};
use taper::train::{EarlyStopping, Epoch, Fit, Monitor};

/// Trains a classifier of dogs, cats and birds, and shows how well it does.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the first weights and the order of the images come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Passes over the images to train with.
    #[arg(long, default_value_t = 15)]
    epochs: usize,
    /// The SVG file to draw curves and mistakes into [default: beside the program, in the target directory].
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let [train, test] = recipe::data()?;
    println!("{} images to train with, {} to test with\n", train.labels.len(), test.labels.len());
    let mut model = recipe::model(arguments.seed)?;
    println!("{}", model.summary());

    let mut trainer = recipe::trainer(&mut model, arguments.seed)?;
    // A patience of all epochs: none is left out, and the best one is restored.
    let stopping = EarlyStopping::new(arguments.epochs).monitoring(Monitor::ValidationAccuracy);
    let fit = Fit::epochs(arguments.epochs)
        .with_validation(test.dataset()?)
        .with_early_stopping(stopping)
        .after_epoch(|epoch, _| print_epoch(epoch));
    let history = trainer.fit(train.dataset()?, fit)?;
    let result = trainer.evaluate(test.dataset()?)?;
    let (Some(best), Some(confusion)) = (history.restored, &result.confusion) else {
        return Err("expected at least 1 epoch, got 0".into());
    };
    println!("\nepoch {} was the best\n", best + 1);
    print_confusion(confusion);

    let path = match &arguments.picture {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_extension("svg"),
    };
    picture::draw(&path, &history, &mistakes(&model, &test)?)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    println!("\ncurves and mistakes are drawn in {}", path.display());
    println!("test accuracy {:.3}", confusion.accuracy());
    Ok(())
}

/// A line: losses and accuracies while learning and on the test images, and the time that it took.
fn print_epoch(epoch: &Epoch) {
    let accuracy = |accuracy: Option<f64>| accuracy.unwrap_or(f64::NAN);
    print!(
        "epoch {:2}  loss {:.4}  accuracy {:.3}",
        epoch.epoch + 1,
        epoch.train.loss,
        accuracy(epoch.train.accuracy)
    );
    if let Some(test) = &epoch.validation {
        print!("  test loss {:.4}  test accuracy {:.3}", test.loss, accuracy(test.accuracy));
    }
    println!("  {:.2} s", epoch.seconds);
}

/// Rows are what the images show, columns what they were taken for.
fn print_confusion(confusion: &ConfusionMatrix) {
    print!("{:4}", "");
    CLASSES.iter().for_each(|name| print!(" {:>7}", format!("as {name}")));
    println!("  precision  recall     F1");
    for (class, name) in CLASSES.iter().enumerate() {
        print!("{name:4}");
        (0..CLASSES.len()).for_each(|predicted| print!(" {:7}", confusion.count(class, predicted)));
        let (precision, recall, f1) =
            (confusion.precision(class), confusion.recall(class), confusion.f1(class));
        println!("  {precision:9.3}  {recall:6.3}  {f1:5.3}");
    }
}

/// The test images that are taken for something else.
fn mistakes<'a>(model: &Sequential<f32>, test: &'a Samples) -> taper::Result<Vec<Mistake<'a>>> {
    let predicted = metrics::classes(&model.predict(&test.images)?)?;
    let samples = test.images.view().samples().zip(test.labels.iter().zip(predicted));
    let wrong = samples.filter(|(_, (truth, predicted))| *truth != predicted);
    Ok(wrong
        .map(|(pixels, (&truth, predicted))| Mistake {
            pixels,
            caption: format!("{} as {}", CLASSES[truth], CLASSES[predicted]),
        })
        .collect())
}
