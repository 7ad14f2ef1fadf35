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
    let batch = Tensor::from_slice([BATCH, INPUTS], &inputs.as_slice()[..BATCH * INPUTS])?;

    let mut model =
        Sequential::builder([INPUTS]).dense(128).relu().dense(CLASSES).build(&mut taper::seeded(0))?;
    let optimizer = Optimizer::new(Sgd::new(1e-3)?);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer)
        .with_batch(BATCH)?
        .with_parallelism(Parallelism::Threads(1));

    let (mut epochs, mut steps, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let clock = Instant::now();
        trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(1))?;
        let epoch = clock.elapsed().as_secs_f64();
        let clock = Instant::now();
        for _ in 0..samples / BATCH {
            trainer.step(&batch, &labels[..BATCH])?;
        }
        let same_steps = clock.elapsed().as_secs_f64();
        epochs.push(epoch);
        steps.push(same_steps);
        shares.push(1.0 - same_steps / epoch);
    }
    let [epoch, steps, share] = [epochs, steps, shares].map(median);
    println!("an epoch of fit        {:8.2} ms", epoch * 1e3);
    println!("as many steps alone    {:8.2} ms", steps * 1e3);
    println!("all else in fit        {:8.2} % of the epoch", share * 100.0);
    Ok(())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
