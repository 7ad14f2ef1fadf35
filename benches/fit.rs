//! What `fit` costs beside its steps: shuffling, gathering and metrics.
//!
//! `cargo bench --bench fit`
//!
//! Data of the size of Fashion-MNIST, 60,000 samples of 784 numbers in ten classes, goes through 784-128-10 in batches of
//! 32. An epoch of `Trainer::fit` and as many calls of `Trainer::step` with one and the same batch take turns; what the
//! epoch takes longer is what is not a step.

use std::time::Instant;

use taper::losses::CrossEntropy;
use taper::optimizers::Sgd;
use taper::train::{Dataset, Fit};
use taper::{Optimizer, Parallelism, Result, Sequential, Tensor, Trainer};

const INPUTS: usize = 784;
const CLASSES: usize = 10;
const BATCH: usize = 32;

fn main() -> Result<()> {
    // `cargo bench -- --test` only sees whether it works.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (samples, rounds) = if is_test { (64, 1) } else { (60_000, 9) };
    // Numbers from a hash of their place, as different as pixels.
    let pixel = |i: usize| (i as u32).wrapping_mul(0x9e37_79b1) as f32 / u32::MAX as f32;
    let inputs = Tensor::from_fn([samples, INPUTS], pixel)?;
    let labels: Vec<_> = (0..samples).map(|sample| sample * 7 % CLASSES).collect();

    println!("threads  epoch of fit, ms  as many steps alone, ms  all else, share of the epoch");
    for (name, parallelism) in [("1", Parallelism::Threads(1)), ("all", Parallelism::Pool)] {
        let (mut epochs, mut steps, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let [epoch, alone] = round(&inputs, &labels, parallelism)?;
            epochs.push(epoch);
            steps.push(alone);
            shares.push(1.0 - alone / epoch);
        }
        let [epoch, alone, share] = [epochs, steps, shares].map(median);
        println!("{name:>7}  {:16.1}  {:23.1}  {:26.1} %", epoch * 1e3, alone * 1e3, share * 100.0);
    }
    Ok(())
}

/// Seconds for an epoch, and for as many steps with its first batch.
fn round(inputs: &Tensor<f32>, labels: &[usize], parallelism: Parallelism) -> Result<[f64; 2]> {
    let mut model =
        Sequential::builder([INPUTS]).dense(128).relu().dense(CLASSES).build(&mut taper::seeded(0))?;
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Sgd::new(1e-3)?))
        .with_batch(BATCH)?
        .with_parallelism(parallelism);
    let batch = Tensor::from_slice([BATCH, INPUTS], &inputs.as_slice()[..BATCH * INPUTS])?;
    trainer.step(&batch, &labels[..BATCH])?;

    let clock = Instant::now();
    trainer.fit(Dataset::new(inputs, labels)?, Fit::epochs(1))?;
    let epoch = clock.elapsed().as_secs_f64();
    let clock = Instant::now();
    for _ in 0..labels.len() / BATCH {
        trainer.step(&batch, &labels[..BATCH])?;
    }
    Ok([epoch, clock.elapsed().as_secs_f64()])
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
