//! The same bits from run to run, at any number of threads, and with buckets that hold a part of a parameter.

use std::sync::{Arc, Mutex};

use taper::losses::MeanSquaredError;
use taper::optimizers::{Adam, Clip};
use taper::train::{Bucket, Communicator, Dataset, Fit, Precision, Threads};
use taper::{Layer, Optimizer, Parallelism, Result, Sequential, Tensor, Trainer};

use super::all_of;

/// A rank that tells how many numbers of gradients it was given at a time.
struct Counting(Threads, Vec<usize>);

impl Communicator for Counting {
    fn rank(&self) -> usize {
        self.0.rank()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn begin_all_reduce(&mut self, numbers: Bucket) -> Result<()> {
        if let Bucket::F32(values) = &numbers {
            self.1.push(values.len());
        }
        self.0.begin_all_reduce(numbers)
    }

    fn finish_all_reduce(&mut self) -> Result<Bucket> {
        self.0.finish_all_reduce()
    }
}

/// A step of two layers with so many inputs.
fn train(
    rank: Threads,
    inputs: usize,
    parallelism: Parallelism,
    precision: Precision,
) -> (Vec<f32>, Vec<usize>) {
    let x = Tensor::from_fn([5, inputs], |i| ((i * 37) % 101) as f32 / 50.0 - 1.0).unwrap();
    let targets = Tensor::from_fn([5, 3], |i| (i % 7) as f32).unwrap();
    let mut model =
        Sequential::builder([inputs]).dense(2000).relu().dense(3).build(&mut taper::seeded(7)).unwrap();
    let optimizer = Optimizer::new(Adam::new(0.001).unwrap()).with_clip(Clip::GlobalNorm(1.0)).unwrap();
    let rank = Arc::new(Mutex::new(Counting(rank, Vec::new())));
    let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), optimizer)
        .with_batch(5)
        .unwrap()
        .with_parallelism(parallelism)
        .with_precision(precision)
        .unwrap()
        .with_communicator(Arc::clone(&rank));
    trainer.fit(Dataset::new(&x, &targets).unwrap(), Fit::epochs(1)).unwrap();
    let mut weights = Vec::new();
    model.params(&mut |param| weights.extend_from_slice(param.to_tensor().as_slice()));
    let counted = rank.lock().unwrap().1.clone();
    (weights, counted)
}

#[test]
fn bits_depend_on_nothing_but_the_number_of_ranks() {
    let one = all_of(2, |rank| train(rank, 1100, Parallelism::Threads(1), Precision::Full));
    assert_eq!(one[0].0, one[1].0);
    let again = all_of(2, |rank| train(rank, 1100, Parallelism::Threads(3), Precision::Full));
    assert_eq!(one[0].0, again[0].0);
    // The last layer and the first bias come first; the weight of 2,200,000 comes in parts as large as a bucket.
    let sizes = &one[0].1;
    assert_eq!(sizes.len(), 6, "{sizes:?}");
    assert!(sizes[0] < 100_000, "{sizes:?}");
    assert!(sizes[1..5].iter().all(|&size| size > 500_000 && size <= 1 << 19), "{sizes:?}");
    let sizes = &all_of(5, |rank| train(rank, 1100, Parallelism::Threads(1), Precision::Full).1)[0];
    assert_eq!(sizes.len(), 4, "{sizes:?}");
    assert!(sizes[1..3].iter().all(|&size| size > 1_000_000 && size <= 1 << 20), "{sizes:?}");
}

#[test]
fn products_in_bf16_have_the_same_bits_on_every_rank() {
    let ranks = all_of(2, |rank| train(rank, 30, Parallelism::Threads(2), Precision::Bf16));
    assert!(ranks[0].0 == ranks[1].0);
    let full = all_of(2, |rank| train(rank, 30, Parallelism::Threads(2), Precision::Full));
    let off = ranks[0].0.iter().zip(&full[0].0).map(|(own, full)| (own - full).abs());
    // A step of Adam moves a weight by 0.001 at most.
    let largest = off.fold(0.0, f32::max);
    assert!(largest > 0.0 && largest <= 0.0021, "{largest}");
}
