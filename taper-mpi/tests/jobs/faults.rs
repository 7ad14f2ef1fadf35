//! Whatever fails on one rank ends all of them, with an error that says what it is.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use taper::layers::RandomKey;
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::schedules::Schedule;
use taper::train::{Communicator, Dataset, Fit};
use taper::{Optimizer, Sequential, TensorViewMut, Trainer};
use taper_mpi::Mpi;

use super::job::{Job, folder};
use super::training::{data, model};

type Outcome = Result<(), Box<dyn Error>>;

/// The worker, and what its errors have in them: those that all ranks of three tell, and what is told at all.
const CASES: &[(&str, &[&str], &[&str])] = &[
    ("other_model", &["fc2"], &[]),
    ("other_data", &["134", "135"], &[]),
    ("other_settings", &["batch"], &[]),
    ("error", &["the disk is full", "rank 1"], &[]),
    ("not_finite", &["rank 1"], &[]),
    ("panic", &["a mistake of the program"], &[]),
    ("error_in_pass", &["bad sector", "rank 1"], &[]),
    ("schedule", &["learning_rate", "rank 1"], &[]),
    ("leaves_before", &[], &["rank 1 of 3: error: no such file"]),
    ("panics_before", &[], &["rank 1 of 3: panicked", "a mistake of the program"]),
    ("exits", &[], &[]),
];

/// How long the end of a job may take on a machine with other things to do.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn test() {
    for (worker, of_all, of_some) in CASES {
        let start = Instant::now();
        let errors = Job::fails(worker, 3, &folder("faults"));
        assert!(start.elapsed() < LIMIT, "{worker} took {:?}", start.elapsed());
        for text in *of_some {
            assert!(errors.contains(text), "{worker}: expected `{text}`, got\n{errors}");
        }
        for rank in 0..3 {
            let line = errors.lines().find(|line| line.contains(&format!("rank {rank} of 3: ")));
            for text in *of_all {
                let is_told = line.is_some_and(|line| line.contains(text) || line.ends_with("panicked"));
                assert!(is_told, "{worker}: expected `{text}` of rank {rank}, got\n{errors}");
            }
        }
    }
}

/// A training as the others', unless something is wrong with it.
fn train(mpi: Mpi, model: &mut Sequential<f64>, samples: usize, batch: usize) -> taper::Result<()> {
    let (inputs, labels) = data::<f64>(samples)?;
    let mut trainer = Trainer::new(model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?))
        .with_batch(batch)?
        .with_communicator(mpi);
    trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(3)).map(|_| ())
}

fn is_second(mpi: &Mpi) -> bool {
    mpi.rank() == 1
}

pub(crate) fn other_model(mpi: Mpi, _: &Path) -> Outcome {
    let name = if is_second(&mpi) { "last" } else { "fc2" };
    let model = Sequential::builder([6]).dense(16).named("fc1").relu().dense(4).named(name);
    Ok(train(mpi, &mut model.build(&mut taper::seeded(7))?, 135, 7)?)
}

pub(crate) fn other_data(mpi: Mpi, _: &Path) -> Outcome {
    let samples = 135 - usize::from(is_second(&mpi));
    Ok(train(mpi, &mut model()?, samples, 7)?)
}

pub(crate) fn other_settings(mpi: Mpi, _: &Path) -> Outcome {
    let batch = 7 + usize::from(is_second(&mpi));
    Ok(train(mpi, &mut model()?, 135, batch)?)
}

/// A callback of one rank fails in the second epoch.
fn fail_in_callback(mpi: Mpi, fail: fn() -> taper::Result<()>) -> Outcome {
    let (inputs, labels) = data::<f64>(135)?;
    let (fails, mut model) = (is_second(&mpi), model()?);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?))
        .with_batch(7)?
        .with_communicator(mpi);
    let fit = Fit::epochs(3).after_step(|step, _| if fails && step.number == 25 { fail() } else { Ok(()) });
    trainer.fit(Dataset::new(&inputs, &labels)?, fit)?;
    Ok(())
}

pub(crate) fn error(mpi: Mpi, _: &Path) -> Outcome {
    fail_in_callback(mpi, || Err(taper::Error::other("the disk is full")))
}

pub(crate) fn panic(mpi: Mpi, _: &Path) -> Outcome {
    fail_in_callback(mpi, || panic!("a mistake of the program"))
}

/// One rank cannot read a sample, while the others are in a pass with sums in the middle of it.
pub(crate) fn error_in_pass(mpi: Mpi, _: &Path) -> Outcome {
    let (inputs, labels) = data::<f64>(135)?;
    let (fails, model) = (is_second(&mpi), Sequential::builder([6]).dense(16).batch_norm().relu().dense(4));
    let mut model = model.build(&mut taper::seeded(7))?;
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?))
        .with_batch(9)?
        .with_synchronized_batch_norm()
        .with_communicator(mpi);
    let augment = |sample: TensorViewMut<'_, f64>, _: RandomKey| {
        // A sample of the second batch on rank 1.
        let is_bad = fails && sample.as_slice() == inputs.view().sample(13);
        if is_bad { Err(taper::Error::other("bad sector")) } else { Ok(()) }
    };
    trainer.fit(Dataset::new(&inputs, &labels)?.with_augmentation(&augment), Fit::epochs(3).in_order())?;
    Ok(())
}

/// The learning rates of one rank end.
struct Rates(Option<u64>);

/// The same on all ranks, which compare it.
impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rates")
    }
}

impl Schedule for Rates {
    fn learning_rate(&self, step: u64) -> f64 {
        if self.0 == Some(step) { f64::NAN } else { 0.01 }
    }
}

pub(crate) fn schedule(mpi: Mpi, _: &Path) -> Outcome {
    let (inputs, labels) = data::<f64>(135)?;
    let (rates, mut model) = (Rates(is_second(&mpi).then_some(25)), model()?);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?))
        .with_batch(7)?
        .with_schedule(rates)
        .with_communicator(mpi);
    trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(3))?;
    Ok(())
}

/// One rank's weights are not finite.
pub(crate) fn not_finite(mpi: Mpi, _: &Path) -> Outcome {
    let (inputs, labels) = data::<f64>(135)?;
    let (fails, mut model) = (is_second(&mpi), model()?);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?))
        .with_batch(7)?
        .with_communicator(mpi);
    let fit = Fit::epochs(3).after_step(|step, training| {
        if fails && step.number == 25 {
            training.param_mut("fc1.bias")?.set(&taper::Tensor::full([16], f64::NAN)?)?;
        }
        Ok(())
    });
    trainer.fit(Dataset::new(&inputs, &labels)?, fit)?;
    Ok(())
}

/// One rank has no data, the others train.
pub(crate) fn leaves_before(mpi: Mpi, _: &Path) -> Outcome {
    if is_second(&mpi) {
        return Err("no such file".into());
    }
    Ok(train(mpi, &mut model()?, 135, 7)?)
}

pub(crate) fn panics_before(mpi: Mpi, _: &Path) -> Outcome {
    assert!(!is_second(&mpi), "a mistake of the program");
    Ok(train(mpi, &mut model()?, 135, 7)?)
}

/// A library that ends the process.
pub(crate) fn exits(mpi: Mpi, _: &Path) -> Outcome {
    if is_second(&mpi) {
        std::process::exit(3);
    }
    Ok(train(mpi, &mut model()?, 135, 7)?)
}
