//! Data of which each rank holds a shard.

use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Communicator, Dataset, Fit, History, Samples, Threads};
use taper::{Error, Optimizer, Result, Sequential, Shape, Tensor, Trainer};

use super::{all_of, inputs, labels, off, weights};

/// The samples for which a function says this rank.
struct Shard {
    all: Tensor<f64>,
    rank: usize,
    owner: fn(usize) -> usize,
}

impl Samples<f64> for Shard {
    fn shape(&self) -> Shape {
        self.all.shape()
    }

    fn has(&self, index: usize) -> bool {
        (self.owner)(index) == self.rank
    }

    fn read(&self, index: usize, into: &mut [f64]) -> Result<()> {
        if !self.has(index) {
            return Err(Error::other(format!("sample {index} is not on rank {}", self.rank)));
        }
        into.copy_from_slice(self.all.view().sample(index));
        Ok(())
    }
}

/// A training on samples of which this rank has some, and validation data of which it has others.
fn train(rank: Option<Threads>, owner: fn(usize) -> usize) -> Result<(History, Vec<f64>)> {
    let number = rank.as_ref().map_or(0, Communicator::rank);
    let owner = if rank.is_some() { owner } else { |_| 0 };
    let (labels, other_labels) = (labels(37), labels(9));
    let inputs = Shard { all: inputs(37), rank: number, owner };
    let others = Shard { all: super::inputs(9), rank: number, owner };
    let mut model = Sequential::builder([6]).dense(8).relu().dense(3).build(&mut taper::seeded(1)).unwrap();
    let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
    let mut trainer =
        Trainer::new(&mut model, CrossEntropy::new(), optimizer).with_batch(8).unwrap().with_seed(5);
    if let Some(rank) = rank {
        trainer = trainer.with_communicator(rank);
    }
    let validation = Dataset::new(&others, &other_labels)?;
    let fit = Fit::epochs(4)
        .with_validation(validation)
        .with_metric("first", |outputs, _| Ok(outputs.sample(5)[1] + 10.0 * outputs.sample(8)[0]));
    let history = trainer.fit(Dataset::new(&inputs, &labels)?, fit)?;
    assert_eq!(trainer.evaluate(validation)?.loss, history.epochs[3].validation.as_ref().unwrap().loss);
    Ok((history, weights(trainer.model())))
}

#[test]
fn shards_compute_what_one_process_with_everything_does() {
    let (history, alone) = train(None, |_| 0).unwrap();
    // By turns, in runs, and all but a few on one.
    for owner in [|sample| sample % 3, |sample| sample / 13, |sample| usize::from(sample % 9 == 0) * 2] {
        for rank in all_of(3, move |rank| train(Some(rank), owner)) {
            let (own_history, own) = rank.unwrap();
            assert!(off(&own, &alone) < 1e-12);
            for (own, expected) in own_history.epochs.iter().zip(&history.epochs) {
                let (validation, whole) =
                    (own.validation.as_ref().unwrap(), expected.validation.as_ref().unwrap());
                assert!((validation.loss - whole.loss).abs() < 1e-12);
                assert_eq!(validation.confusion, whole.confusion);
                assert!((own.metric("first").unwrap() - expected.metric("first").unwrap()).abs() < 1e-12);
                assert_eq!(own.train.confusion, expected.train.confusion);
            }
        }
    }
}

#[test]
fn a_sample_on_no_rank_or_on_two_is_an_error() {
    let text = |owner| all_of(2, move |rank| train(Some(rank), owner).unwrap_err().to_string());
    let nobody: fn(usize) -> usize = |sample| if sample == 30 { 7 } else { sample % 2 };
    let expected =
        "samples: expected each sample on every rank, or each on one of them, got sample 30 on 0 of 2";
    assert_eq!(text(nobody), [expected; 2]);
}
