//! A model is trained, saved, opened and trained on; a training is cut short and goes on as if nothing had happened.
//!
//! ```sh
//! cargo run --release --example save_load
//! ```

#[path = "common/spirals.rs"]
mod spirals;

use std::path::Path;

use taper::io::{Checkpoints, Load, Save};
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Callback, Control, Dataset, Fit, StepReport, Training, metrics};
use taper::{Optimizer, Result, Sequential, Trainer};

const EPOCHS: usize = 40;

fn main() -> Result<()> {
    let folder = std::env::temp_dir();
    let model_file = folder.join(format!("spirals-{}.safetensors", std::process::id()));
    let checkpoint_file = folder.join(format!("spirals-{}.checkpoint", std::process::id()));
    let result = run(&model_file, &checkpoint_file);
    for file in [model_file, checkpoint_file] {
        let _ = std::fs::remove_file(file);
    }
    result
}

fn run(model_file: &Path, checkpoint_file: &Path) -> Result<()> {
    let (points, arms) = spirals::spirals(600)?;
    let data = Dataset::new(&points, &arms)?;

    // Trained and saved, with three points and what the model says of them, by which the file checks itself.
    let mut model = new_model(7)?;
    trainer(&mut model)?.fit(data, Fit::epochs(EPOCHS))?;
    let few = taper::Tensor::from_slice([3, 2], &points.as_slice()[..6])?;
    model.save_with(model_file, &Save::new().with_check(&few))?;

    // Opened without a word about its layers, or loaded into a model that is there.
    let opened = Sequential::<f32>::open(model_file)?;
    println!("opened: accuracy {:.3}", metrics::accuracy(&opened.predict(&points)?, &arms)?);
    let mut double = Sequential::<f64>::builder([2]).dense(32).named("fc1").relu();
    double = double.dense(32).named("fc2").relu().dense(spirals::ARMS).named("fc3");
    let mut double = double.build(&mut taper::seeded(0))?;
    double.load_with(model_file, &Load::new())?;
    println!("in double precision: {} parameters", double.parameters());

    // Cut short after 333 steps, and gone on with from the file, by a trainer that knows nothing of it.
    let mut first = new_model(7)?;
    let fit = Fit::epochs(EPOCHS).with_checkpoints(Checkpoints::new(checkpoint_file).every_steps(100)?);
    trainer(&mut first)?.fit(data, fit.with_callback(StopAfter(333)))?;
    let mut second = new_model(8)?;
    let mut resumed = trainer(&mut second)?;
    resumed.resume(checkpoint_file)?;
    let history = resumed.fit(data, Fit::epochs(EPOCHS))?;
    let same = second.state() == model.state();
    println!("gone on: {} epochs, {} bits", history.epochs.len(), if same { "the same" } else { "other" });
    Ok(())
}

fn new_model(seed: u64) -> Result<Sequential<f32>> {
    let builder = Sequential::builder([2]).dense(32).named("fc1").relu().dense(32).named("fc2").relu();
    builder.dense(spirals::ARMS).named("fc3").build(&mut taper::seeded(seed))
}

fn trainer(model: &mut Sequential<f32>) -> Result<Trainer<'_, f32>> {
    let optimizer = Optimizer::new(Adam::new(0.01)?);
    Ok(Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(30)?.with_seed(7))
}

/// Ends the training after some steps, as a press of a key might.
struct StopAfter(usize);

impl Callback<f32> for StopAfter {
    fn after_step(&mut self, _: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
        self.0 -= 1;
        Ok(if self.0 == 0 { Control::Stop } else { Control::Continue })
    }
}
