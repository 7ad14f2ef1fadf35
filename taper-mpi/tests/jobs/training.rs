//! Trainings of several ranks against one of a single process, which knows no MPI.

use std::error::Error;
use std::path::Path;

use taper::losses::CrossEntropy;
use taper::optimizers::{Adam, Rule, Sgd};
use taper::train::{Communicator, Dataset, Fit, Precision};
use taper::{Layer, Optimizer, Result, Scalar, Sequential, Tensor, Trainer};
use taper_mpi::Mpi;

use super::job::{Job, folder};
use super::numbers::{numbers, read, write};

/// Twenty batches of 7 in an epoch, the last of 2: of three ranks one has none of its samples.
const SAMPLES: usize = 135;
const BATCH: usize = 7;
/// Sixty steps.
const EPOCHS: usize = 3;

/// Numbers and the classes that they are of. One class weighs more, another is left out.
pub(crate) fn data<T: Scalar>(samples: usize) -> Result<(Tensor<T>, Vec<usize>)> {
    let values: Vec<f64> = numbers(3).take(samples * 6).collect();
    let labels =
        values.chunks(6).map(|sample| usize::from(sample[0] > 0.1) + 2 * usize::from(sample[1] > 0.2));
    let labels = labels.collect();
    Ok((Tensor::from_vec([samples, 6], values.into_iter().map(T::of).collect())?, labels))
}

pub(crate) fn model<T: Scalar>() -> Result<Sequential<T>> {
    let model = Sequential::builder([6]).dense(16).named("fc1").relu().dropout(0.2);
    model.dense(4).named("fc2").build(&mut taper::seeded(7))
}

/// All weights, in double precision.
pub(crate) fn weights<T: Scalar>(model: &Sequential<T>) -> Result<Vec<f64>> {
    let mut weights = Vec::new();
    for name in ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"] {
        weights.extend(model.param(name)?.to_tensor().as_slice().iter().map(|weight| weight.as_f64()));
    }
    Ok(weights)
}

/// The same with normalisations, behind layers without a bias: theirs would have a gradient of nothing but rounding errors.
fn normalized() -> Result<Sequential<f64>> {
    let model = Sequential::builder([6]).dense(16).without_bias().batch_norm().relu().dense(8).without_bias();
    model.batch_norm().tanh().dense(4).build(&mut taper::seeded(7))
}

/// The weights after sixty steps.
fn trained<T: Scalar>(rule: impl Rule<T> + 'static, mpi: Option<Mpi>) -> Result<Vec<f64>> {
    weights(&trained_model(model()?, rule, mpi)?)
}

/// All numbers of a model with normalisations after sixty steps.
fn trained_normalized(mpi: Option<Mpi>) -> Result<Vec<f64>> {
    let model = trained_model(normalized()?, Adam::new(0.01)?, mpi)?;
    let mut all = Vec::new();
    model.params(&mut |param| all.extend_from_slice(param.to_tensor().as_slice()));
    Ok(all)
}

fn trained_model<T: Scalar>(
    mut model: Sequential<T>,
    rule: impl Rule<T> + 'static,
    mpi: Option<Mpi>,
) -> Result<Sequential<T>> {
    let (inputs, labels) = data::<T>(SAMPLES)?;
    let loss = CrossEntropy::new().with_class_weights(&[1.0, 2.5, 0.5, 1.0])?.with_ignored(3);
    let optimizer = Optimizer::new(rule);
    let mut trainer = Trainer::new(&mut model, loss, optimizer)
        .with_batch(BATCH)?
        .with_seed(5)
        .with_synchronized_batch_norm();
    if let Some(mpi) = mpi {
        trainer = trainer.with_communicator(mpi);
    }
    trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(EPOCHS))?;
    drop(trainer);
    Ok(model)
}

fn sgd() -> Result<Sgd> {
    Sgd::new(0.05)?.with_momentum(0.9)
}

fn write_trained<T: Scalar>(
    rule: impl Rule<T> + 'static,
    mpi: Mpi,
    folder: &Path,
) -> std::result::Result<(), Box<dyn Error>> {
    let name = format!("{}-{}", mpi.size(), mpi.rank());
    Ok(write(&folder.join(name), &trained(rule, Some(mpi))?)?)
}

pub(crate) fn momentum(mpi: Mpi, folder: &Path) -> std::result::Result<(), Box<dyn Error>> {
    write_trained::<f64>(sgd()?, mpi, folder)
}

pub(crate) fn adam(mpi: Mpi, folder: &Path) -> std::result::Result<(), Box<dyn Error>> {
    write_trained::<f64>(Adam::new(0.01)?, mpi, folder)
}

pub(crate) fn normalization(mpi: Mpi, folder: &Path) -> std::result::Result<(), Box<dyn Error>> {
    let name = format!("{}-{}", mpi.size(), mpi.rank());
    Ok(write(&folder.join(name), &trained_normalized(Some(mpi))?)?)
}

pub(crate) fn bf16(mpi: Mpi, folder: &Path) -> std::result::Result<(), Box<dyn Error>> {
    write_trained::<f32>(Adam::new(0.01)?, mpi.with_precision(Precision::Bf16), folder)
}

/// What ranks wrote down, the same on each of them, to the bit.
pub(crate) fn of_ranks(folder: &Path, ranks: usize) -> Vec<f64> {
    let first = read(&folder.join(format!("{ranks}-0")));
    for rank in 1..ranks {
        let other = read(&folder.join(format!("{ranks}-{rank}")));
        assert!(same_bits(&first, &other), "rank {rank} of {ranks} has other weights than rank 0");
    }
    first
}

pub(crate) fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// The largest difference of two weights, as a share of the larger of 1 and the weight.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f64::max)
}

pub(crate) fn test() {
    let alone = [
        ("momentum", trained::<f64>(sgd().unwrap(), None)),
        ("adam", trained::<f64>(Adam::new(0.01).unwrap(), None)),
        ("normalization", trained_normalized(None)),
    ];
    let first = weights(&model::<f64>().unwrap()).unwrap();
    for (name, alone) in alone {
        let alone = alone.unwrap();

        let moved = alone.len() != first.len() || distance(&alone, &first) > 0.1;
        assert!(moved, "{name}: nothing moved");
        for ranks in 1..=3 {
            let [first, second] = [(); 2].map(|()| {
                let folder = folder(name);
                Job::succeeds(name, ranks, &folder);
                of_ranks(&folder, ranks)
            });
            assert!(same_bits(&first, &second), "{name} on {ranks} ranks: other bits in another run");
            let distance = distance(&alone, &first);
            assert!(distance <= 1e-12, "{name} on {ranks} ranks: off by {distance:e}");
        }
    }
}

pub(crate) fn test_bf16() {
    let alone = trained::<f32>(Adam::new(0.01).unwrap(), None).unwrap();
    for ranks in [1, 2, 3] {
        let folder = folder("bf16");
        Job::succeeds("bf16", ranks, &folder);
        let distance = distance(&alone, &of_ranks(&folder, ranks));
        // Rounded gradients differ from the third digit on.
        let expected = if ranks == 1 { 0.0..=1e-5 } else { 1e-5..=0.05 };
        assert!(expected.contains(&distance), "bf16 on {ranks} ranks: off by {distance:e}");
    }
}
