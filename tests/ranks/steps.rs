//! Steps by hand, each rank with its own part of a batch.

use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Communicator, Threads};
use taper::{Optimizer, Sequential, Tensor, TensorView, Trainer};

use super::{all_of, inputs, labels, model, off, weights};

/// Four steps on batches of 7, of which rank r of k has samples 7r/k to 7(r + 1)/k.
fn steps(rank: Option<Threads>) -> (Vec<f64>, Vec<f64>) {
    let (inputs, labels) = (inputs(28), labels(28));
    let part = rank.as_ref().map_or((0, 1), |rank| (rank.rank(), rank.size()));
    let mut model = model();
    let loss = CrossEntropy::new().with_ignored(2);
    let mut trainer = Trainer::new(&mut model, loss, Optimizer::new(Adam::new(0.01).unwrap()));
    if let Some(rank) = rank {
        trainer = trainer.with_communicator(rank);
    }
    let mut losses = Vec::new();
    for step in 0..4 {
        let (start, end) = (7 * step + 7 * part.0 / part.1, 7 * step + 7 * (part.0 + 1) / part.1);
        let x = TensorView::new([end - start, 6], &inputs.as_slice()[6 * start..6 * end]).unwrap();
        losses.push(trainer.step(x, &labels[start..end]).unwrap());
    }
    (losses, weights(trainer.model()))
}

#[test]
fn a_step_of_parts_is_one_of_the_whole() {
    let (losses, alone) = steps(None);
    for size in [1, 2, 3, 9] {
        for (own_losses, own) in all_of(size, |rank| steps(Some(rank))) {
            assert!(off(&own_losses, &losses) < 1e-12);
            assert!(off(&own, &alone) < 1e-12, "{size} ranks: {:e}", off(&own, &alone));
        }
    }
}

#[test]
fn a_wrong_part_is_an_error_of_all() {
    let errors = all_of(2, |rank| {
        let label = if rank.rank() == 1 { 3 } else { 0 };
        let mut model = model();
        let before = weights(&model);
        let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer).with_communicator(rank);
        let error = trainer.step(&Tensor::zeros([1, 6]).unwrap(), &[label]).unwrap_err();
        assert_eq!(weights(trainer.model()), before);
        trainer.step(&Tensor::zeros([1, 6]).unwrap(), &[0]).unwrap();
        error.to_string()
    });
    assert_eq!(errors, ["rank 1: target of sample 0: expected a class below 3, got 3"; 2]);
}

#[test]
fn a_step_without_samples_changes_no_statistics() {
    let results = all_of(2, |rank| {
        let builder = Sequential::builder([6]).dense(8).batch_norm().dense(3);
        let mut model = builder.build(&mut taper::seeded(7)).unwrap();
        let before = weights(&model);
        let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer).with_communicator(rank);
        let none: [usize; 0] = [];
        let error = trainer.step(&Tensor::zeros([0, 6]).unwrap(), &none).unwrap_err();
        assert_eq!(weights(trainer.model()), before);
        error.to_string()
    });
    assert!(results.iter().all(|error| error.contains("samples of the batch")), "{results:?}");
}
