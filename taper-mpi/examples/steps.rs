//! How long a step takes on so many ranks: a network 12544→1024→512→3 with Adam, unless told otherwise.
//!
//! ```sh
//! mpirun --bind-to core -n 2 target/release/examples/steps
//! mpirun --bind-to core -n 2 target/release/examples/steps --batch 64 --bf16
//! ```
//!
//! `scripts/compare.py` compares it with PyTorch.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Communicator, Dataset, Fit, Precision};
use taper::{Optimizer, Sequential, Tensor, Trainer};
use taper_mpi::Mpi;

/// Measures steps of training.
#[derive(Debug, Parser)]
struct Arguments {
    /// Inputs, hidden units and classes.
    #[arg(long, value_delimiter = ',', default_value = "12544,1024,512,3")]
    widths: Vec<usize>,
    /// The samples of a step, of all ranks together.
    #[arg(long, default_value_t = 256)]
    batch: usize,
    /// How many steps are measured.
    #[arg(long, default_value_t = 40)]
    steps: usize,
    /// Gradients travel in 16 bits.
    #[arg(long)]
    bf16: bool,
}

/// The steps of an epoch.
const EPOCH: usize = 4;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    taper_mpi::run(|mpi| run(&arguments, mpi))
}

fn run(arguments: &Arguments, mpi: Mpi) -> Result<(), Box<dyn Error>> {
    let (rank, size) = (mpi.rank(), mpi.size());
    let precision = if arguments.bf16 { Precision::Bf16 } else { Precision::Full };
    let &[inputs, ref hidden @ .., classes] = &arguments.widths[..] else {
        return Err("expected at least two widths".into());
    };
    let mut model = Sequential::builder([inputs]);
    for &units in hidden {
        model = model.dense(units).relu();
    }
    let mut model = model.dense(classes).build(&mut taper::seeded(1))?;
    let samples = EPOCH * arguments.batch;
    let images = Tensor::<f32>::from_fn([samples, inputs], |index| ((index * 31) % 101) as f32 / 101.0)?;
    let labels: Vec<usize> = (0..samples).map(|sample| sample % classes).collect();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(1e-4)?))
        .with_batch(arguments.batch)?
        .with_communicator(mpi.with_precision(precision));
    let mut times = Vec::new();
    let fit = Fit::epochs(1 + arguments.steps.div_ceil(EPOCH)).after_step(|_, _| {
        times.push(Instant::now());
        Ok(())
    });
    trainer.fit(Dataset::new(&images, &labels)?, fit)?;
    // Between steps of an epoch; the first epoch makes memory.
    let epochs = times.chunks(EPOCH).skip(1);
    let mut steps: Vec<f64> =
        epochs.flat_map(|times| times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64())).collect();
    steps.sort_by(f64::total_cmp);
    if rank == 0 {
        let median = steps[steps.len() / 2];
        println!(
            "{size} ranks, batch {}, {}: {:.2} ms a step, {:.0} samples a second, least {:.2} ms",
            arguments.batch,
            if arguments.bf16 { "bf16" } else { "f32" },
            1e3 * median,
            arguments.batch as f64 / median,
            1e3 * steps[0],
        );
    }
    Ok(())
}
