//! What `fit` costs beside its steps: shuffling, gathering and metrics.
//!
//! `cargo bench --bench fit`
//!
//! Data of the size of Fashion-MNIST, 60,000 samples of 784 pixels in ten classes, kept as bytes, as its files hold it, and
//! as numbers. An epoch of `Trainer::fit`, the second, and as many calls of `Trainer::step` with one and the same batch take
//! turns; what the epoch takes longer is what is not a step. Two trainings: that of the example `fashion`, and one whose steps are as
//! short as they get.

use std::time::Instant;

use taper::losses::CrossEntropy;
use taper::optimizers::{Adam, Sgd};
use taper::train::{Dataset, Fit, Pixels};
use taper::{Optimizer, Parallelism, Result, Sequential, Tensor, TensorView, Trainer};

const INPUTS: usize = 784;
const CLASSES: usize = 10;

/// A network, how it is trained, and in batches of how many.
struct Training {
    name: &'static str,
    hidden: &'static [usize],
    batch: usize,
    optimizer: fn() -> Result<Optimizer<f32>>,
}

const TRAININGS: [Training; 2] = [
    Training {
        name: "784-128-64-10, Adam, batch 64",
        hidden: &[128, 64],
        batch: 64,
        optimizer: || Ok(Optimizer::new(Adam::new(1e-3)?)),
    },
    Training {
        name: "784-128-10, descent, batch 32",
        hidden: &[128],
        batch: 32,
        optimizer: || Ok(Optimizer::new(Sgd::new(1e-3)?)),
    },
];

fn main() -> Result<()> {
    // `cargo bench -- --test` only sees whether it works.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (samples, rounds) = if is_test { (64, 1) } else { (60_000, 9) };
    // From a hash of their place, as different as pixels.
    let byte = |i: usize| ((i as u32).wrapping_mul(0x9e37_79b1) >> 24) as u8;
    let bytes: Vec<u8> = (0..samples * INPUTS).map(byte).collect();
    let pixels = Pixels::new([samples, INPUTS], &bytes)?;
    let values: Tensor<f32> = pixels.to_tensor()?;
    let labels: Vec<_> = (0..samples).map(|sample| sample * 7 % CLASSES).collect();
    let kinds = [("bytes", Dataset::new(pixels, &labels)?), ("f32", Dataset::new(&values, &labels)?)];

    for training in TRAININGS {
        println!("{}", training.name);
        println!("inputs  threads  epoch of fit, ms  as many steps alone, ms  all else, share of the epoch");
        let batch = TensorView::new([training.batch, INPUTS], &values.as_slice()[..training.batch * INPUTS])?;
        for (name, data) in kinds {
            for (threads, parallelism) in [("1", Parallelism::Threads(1)), ("all", Parallelism::Pool)] {
                let round = |_| round(&training, data, (batch, &labels), parallelism);
                let rounds = (0..rounds).map(round).collect::<Result<Vec<_>>>()?;
                let epoch = median(rounds.iter().map(|[epoch, _]| epoch * 1e3));
                let alone = median(rounds.iter().map(|[_, alone]| alone * 1e3));
                let share = median(rounds.iter().map(|[epoch, alone]| (1.0 - alone / epoch) * 100.0));
                println!("{name:6}  {threads:>7}  {epoch:16.1}  {alone:23.1}  {share:26.1} %");
            }
        }
        println!();
    }
    Ok(())
}

/// Seconds for an epoch, and for as many steps with its first batch.
fn round(
    training: &Training,
    data: Dataset<'_, f32>,
    (batch, labels): (TensorView<'_, f32>, &[usize]),
    parallelism: Parallelism,
) -> Result<[f64; 2]> {
    let hidden = training.hidden.iter();
    let model = hidden.fold(Sequential::builder([INPUTS]), |model, &width| model.dense(width).relu());
    let mut model = model.dense(CLASSES).build(&mut taper::seeded(0))?;
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), (training.optimizer)()?)
        .with_batch(training.batch)?
        .with_parallelism(parallelism);
    // The steps of the first epoch take 4 % longer.
    trainer.fit(data, Fit::epochs(1))?;

    let clock = Instant::now();
    trainer.fit(data, Fit::epochs(1))?;
    let epoch = clock.elapsed().as_secs_f64();
    let clock = Instant::now();
    for _ in 0..data.len().div_ceil(training.batch) {
        trainer.step(batch, &labels[..training.batch])?;
    }
    Ok([epoch, clock.elapsed().as_secs_f64()])
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
