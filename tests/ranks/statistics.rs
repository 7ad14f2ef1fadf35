//! Statistics of normalisations: the mean of those of all ranks, each sample as much as the other.

use taper::layers::{BatchNorm, Momentum};
use taper::losses::MeanSquaredError;
use taper::optimizers::Sgd;
use taper::train::{Dataset, Fit, Threads};
use taper::{Layer, Optimizer, Sequential, Tensor, Trainer};

use super::all_of;

/// Running statistics and their number after an epoch of a model that does not learn.
fn train(rank: Option<Threads>, momentum: Momentum, accumulation: usize) -> Vec<Vec<f64>> {
    let inputs = Tensor::from_fn([23, 4], |i| ((i * 37) % 101) as f64 / 10.0 - 1.0).unwrap();
    let targets = Tensor::from_fn([23, 2], |i| (i % 7) as f64).unwrap();
    let norm = BatchNorm::new(4).unwrap().with_momentum(momentum).unwrap();
    let mut model =
        Sequential::builder([4]).layer(norm).named("norm").dense(2).build(&mut taper::seeded(7)).unwrap();
    let optimizer = Optimizer::new(Sgd::new(0.0).unwrap());
    let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), optimizer)
        .with_batch(6)
        .unwrap()
        .with_accumulation(accumulation)
        .unwrap();
    if let Some(rank) = rank {
        trainer = trainer.with_communicator(rank);
    }
    trainer.fit(Dataset::new(&inputs, &targets).unwrap(), Fit::epochs(1)).unwrap();
    let mut all = Vec::new();
    trainer.model().params(&mut |param| {
        if param.is_statistic() {
            all.push(param.to_tensor().as_slice().to_vec());
        }
    });
    all
}

#[test]
fn means_are_those_of_the_whole_batch() {
    // 23 samples in batches of 6 on 2 ranks: parts of 3, in the end of 2 and 3.
    for momentum in [Momentum::PyTorch(0.1), Momentum::Keras(0.9), Momentum::Cumulative] {
        for accumulation in [1, 3] {
            let alone = train(None, momentum, accumulation);
            let ranks = all_of(2, move |rank| train(Some(rank), momentum, accumulation));
            assert_eq!(ranks[0], ranks[1]);
            for (mean, expected) in ranks[0][0].iter().zip(&alone[0]) {
                assert!((mean - expected).abs() < 1e-12, "{mean} {expected}");
            }
            // The variance is that within the parts: another number, of the same size.
            for (variance, expected) in ranks[0][1].iter().zip(&alone[1]) {
                assert!(variance != expected && (variance / expected - 1.0).abs() < 0.5);
            }
            if momentum == Momentum::Cumulative {
                assert_eq!(ranks[0][2], [4.0]);
            }
        }
    }
}

#[test]
fn a_part_of_one_sample_is_told_before_the_first_step() {
    let texts = all_of(4, |rank| {
        let inputs = Tensor::from_fn([10, 4], |i| i as f64).unwrap();
        let targets = Tensor::from_fn([10, 2], |i| i as f64).unwrap();
        let mut model = Sequential::builder([4]).batch_norm().dense(2).build(&mut taper::seeded(7)).unwrap();
        let optimizer = Optimizer::new(Sgd::new(0.1).unwrap());
        let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), optimizer)
            .with_batch(6)
            .unwrap()
            .with_communicator(rank);
        let result = trainer.fit(Dataset::new(&inputs, &targets).unwrap(), Fit::epochs(1));
        result.unwrap_err().to_string()
    });
    let expected = "rank 0: part of a rank, 1 of a batch of 6 samples: layer 0 `0` (batch_norm 4): batch: \
                    expected at least 2 values a channel in training, where the running variance is unbiased, got 1";
    assert_eq!(texts, [expected; 4]);
}
