//! Whatever happens on one rank ends the training on all of them, and says where.

use std::error::Error as _;

use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::{Adam, Sgd};
use taper::train::{
    Callback, Communicator, Control, Dataset, EarlyStopping, Epoch, Fit, Monitor, Samples, StepReport,
    Threads, Training,
};
use taper::{Error, Optimizer, Result, Sequential, Shape, Tensor, Trainer};

use super::{all_of, inputs, labels, model, on_ranks, weights};

fn trainer(model: &mut Sequential<f64>, rank: Threads) -> Trainer<'_, f64> {
    Trainer::new(model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01).unwrap()))
        .with_batch(8)
        .unwrap()
        .with_communicator(rank)
}

/// Does something after a step or an epoch, on one rank.
pub(crate) struct Does {
    pub(crate) here: bool,
    pub(crate) step: fn(&mut Training<'_, f64>) -> Result<Control>,
    pub(crate) epoch: fn(&mut Training<'_, f64>) -> Result<Control>,
}

/// What a callback does that does nothing.
pub(crate) const NOTHING: fn(&mut Training<'_, f64>) -> Result<Control> = |_| Ok(Control::Continue);

impl Callback<f64> for Does {
    fn after_step(&mut self, step: &StepReport, training: &mut Training<'_, f64>) -> Result<Control> {
        if self.here && step.number == 5 { (self.step)(training) } else { Ok(Control::Continue) }
    }

    fn after_epoch(&mut self, epoch: &Epoch, training: &mut Training<'_, f64>) -> Result<Control> {
        if self.here && epoch.epoch == 1 { (self.epoch)(training) } else { Ok(Control::Continue) }
    }
}

/// How a training of three ranks ends of which rank 1 does something else.
fn ends(
    step: fn(&mut Training<'_, f64>) -> Result<Control>,
    epoch: fn(&mut Training<'_, f64>) -> Result<Control>,
) -> Vec<std::result::Result<String, String>> {
    on_ranks(3, move |rank| {
        let (inputs, labels) = (inputs(30), labels(30));
        let mut model = model();
        let fit = Fit::epochs(4).with_callback(Does { here: rank.rank() == 1, step, epoch });
        let mut trainer = trainer(&mut model, rank);
        let result = trainer.fit(Dataset::new(&inputs, &labels).unwrap(), fit);
        result.map_or_else(|error| error.to_string(), |_| "no error".to_owned())
    })
}

#[test]
fn a_callback_fails() {
    let fails = |_: &mut Training<'_, f64>| Err(Error::other("the disk is full"));
    let expected = Ok("rank 1: the disk is full".to_owned());
    assert_eq!(ends(fails, NOTHING), vec![expected.clone(); 3]);
    assert_eq!(ends(NOTHING, fails), vec![expected; 3]);
}

#[test]
fn a_callback_panics() {
    let panics = |_: &mut Training<'_, f64>| panic!("no such thing");
    for results in [ends(panics, NOTHING), ends(NOTHING, panics)] {
        let text = "rank 1: panic: no such thing".to_owned();
        assert_eq!(results, [Ok(text.clone()), Err("no such thing".to_owned()), Ok(text)]);
    }
}

#[test]
fn weights_that_one_rank_changes_are_found_at_the_end_of_the_epoch() {
    let changes = |training: &mut Training<'_, f64>| {
        let bias = training.param_mut("0.bias")?;
        let old = bias.to_tensor();
        bias.set(&Tensor::from_fn([16], |i| old.as_slice()[i] + if i == 3 { 1e-15 } else { 0.0 })?)?;
        Ok(Control::Continue)
    };
    let text = "rank 1: weights after epoch 1: expected the same bits on every rank, got others on [1] of 3";
    assert_eq!(ends(NOTHING, changes), vec![Ok(text.to_owned()); 3]);
    // Step 5 is in epoch 1.
    assert_eq!(ends(changes, NOTHING), vec![Ok(text.to_owned()); 3]);
}

/// Samples, one of which is not there.
struct Missing(Tensor<f64>, usize, fn() -> Result<()>);

impl Samples<f64> for Missing {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn read(&self, index: usize, into: &mut [f64]) -> Result<()> {
        if index == self.1 {
            (self.2)()?;
        }
        into.copy_from_slice(self.0.view().sample(index));
        Ok(())
    }
}

/// How a training ends of which the samples on one rank are not as on the others.
fn ends_reading(
    then: fn() -> Result<()>,
    accumulation: usize,
) -> Vec<std::result::Result<(String, bool), String>> {
    on_ranks(2, move |rank| {
        let (samples, labels) = (Missing(inputs(30), 17, then), labels(30));
        let mut model = Sequential::builder([6])
            .dense(16)
            .batch_norm()
            .relu()
            .dense(3)
            .build(&mut taper::seeded(7))
            .unwrap();
        let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer)
            .with_batch(10)
            .unwrap()
            .with_accumulation(accumulation)
            .unwrap()
            .with_communicator(rank);
        let before = weights(trainer.model());
        let result = trainer.fit(Dataset::new(&samples, &labels).unwrap(), Fit::epochs(1).in_order());
        let text = result.map_or_else(|error| error.to_string(), |_| "no error".to_owned());
        (text, weights(trainer.model()) == before)
    })
}

#[test]
fn a_sample_cannot_be_read() {
    // Sample 17 is in the second half of the second batch.
    for accumulation in [1, 2, 3] {
        for rank in ends_reading(|| Err(Error::other("bad sector")), accumulation) {
            let (text, is_as_before) = rank.unwrap();
            assert_eq!(text, "rank 1: sample 17 of the data set: bad sector");
            // The batch before is of the same step, or of one that has been made.
            assert_eq!(is_as_before, accumulation > 1);
        }
        let ranks = ends_reading(|| panic!("bad memory"), accumulation);
        assert_eq!(ranks[0], Ok(("rank 1: panic: bad memory".to_owned(), accumulation > 1)));
        assert_eq!(ranks[1], Err("bad memory".to_owned()));
    }
}

#[test]
fn a_loss_is_not_finite() {
    let errors = all_of(3, |rank| {
        let mut values = inputs(9).as_slice().to_vec();
        // Rank 1 has samples 3 to 5.
        values[6 * 4..6 * 5].fill(1e308);
        let inputs = Tensor::from_vec([9, 6], values).unwrap();
        let targets = Tensor::zeros([9, 3]).unwrap();
        let mut model = Sequential::builder([6]).dense(3).build(&mut taper::seeded(7)).unwrap();
        let before = weights(&model);
        let optimizer = Optimizer::new(Sgd::new(0.1).unwrap());
        let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), optimizer)
            .with_batch(9)
            .unwrap()
            .with_communicator(rank);
        let fit = Fit::epochs(2).in_order();
        let error = trainer.fit(Dataset::new(&inputs, &targets).unwrap(), fit).unwrap_err();
        assert_eq!(weights(trainer.model()), before);
        assert!(error.source().is_some());
        error.to_string()
    });
    assert!(
        errors[0].starts_with("rank 1: loss in epoch 0, step 0: expected a finite value, got "),
        "{errors:?}"
    );
    assert!(errors.iter().all(|error| error == &errors[0]));
}

/// What is told where rank 1 of two is made otherwise.
fn difference(make: fn(&mut Sequential<f64>, Threads, bool) -> Result<()>) -> String {
    let errors = all_of(2, move |rank| {
        let is_other = rank.rank() == 1;
        let mut model = model();
        let before = weights(&model);
        let error = make(&mut model, rank, is_other).unwrap_err();
        assert!(weights(&model) == before || is_other);
        error.to_string()
    });
    assert_eq!(errors[0], errors[1]);
    errors[0].clone()
}

/// Trains with all of this.
fn fit(
    model: &mut Sequential<f64>,
    rank: Threads,
    batch: usize,
    samples: usize,
    epochs: usize,
) -> Result<()> {
    let (inputs, labels) = (inputs(samples), labels(samples));
    let optimizer = Optimizer::new(Adam::new(0.01)?);
    let mut trainer =
        Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(batch)?.with_communicator(rank);
    trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(epochs)).map(|_| ())
}

#[test]
fn what_differs_is_told_before_the_first_step() {
    let text = difference(|model, rank, other| fit(model, rank, if other { 16 } else { 8 }, 30, 2));
    assert_eq!(text, "rank 1: expected `batch: 8`, as rank 0 has it, got `batch: 16`");
    let text = difference(|model, rank, other| fit(model, rank, 8, if other { 31 } else { 30 }, 2));
    assert!(text.starts_with("rank 1: expected `data: 30 samples shuffled by seed 0"), "{text}");
    let text = difference(|model, rank, other| fit(model, rank, 8, 30, if other { 3 } else { 2 }));
    assert_eq!(text, "rank 1: expected `epochs: 2`, as rank 0 has it, got `epochs: 3`");
    let text = difference(|model, rank, other| {
        if other {
            *model = Sequential::builder([6]).dense(17).gelu().dense(3).build(&mut taper::seeded(7))?;
        }
        fit(model, rank, 8, 30, 2)
    });
    assert_eq!(
        text,
        "rank 1: expected `layer: 0 dense 6 -> 16`, as rank 0 has it, got `layer: 0 dense 6 -> 17`"
    );
    let text = difference(|model, rank, other| {
        if other {
            model.param_mut("0.bias")?.set(&Tensor::full([16], 1e-300)?)?;
        }
        fit(model, rank, 8, 30, 2)
    });
    assert!(text.starts_with("rank 1: expected `checksum of the weights: "), "{text}");
    let text = difference(|model, rank, other| {
        if other {
            model.freeze("0")?;
        }
        fit(model, rank, 8, 30, 2)
    });
    assert!(text.ends_with("got `parameter: 0.weight [6, 16] frozen (1.0, 1.0)`"), "{text}");
    let text = difference(|model, rank, other| {
        let rate = if other { 0.02 } else { 0.01 };
        let optimizer = Optimizer::new(Adam::new(rate)?);
        let mut trainer = Trainer::new(model, CrossEntropy::new(), optimizer).with_communicator(rank);
        trainer.step(&Tensor::zeros([1, 6])?, &[0]).map(|_| ())
    });
    assert!(text.contains("0.01") && text.contains("0.02"), "{text}");
}

#[test]
fn an_error_before_the_first_step_is_one_of_all() {
    let text = difference(|model, rank, other| {
        let (inputs, mut labels) = (inputs(10), labels(10));
        if other {
            labels[4] = 3;
        }
        let mut trainer = trainer(model, rank);
        trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(1)).map(|_| ())
    });
    assert_eq!(text, "rank 1: target of sample 4: expected a class below 3, got 3");
}

#[test]
fn a_metric_that_differs_stops_all_ranks_in_one_epoch() {
    let ranks = all_of(2, |rank| {
        let (inputs, labels) = (inputs(20), labels(20));
        let (mut model, number, mut epochs) = (model(), rank.rank(), 0.0);
        let mut trainer = trainer(&mut model, rank);
        let data = Dataset::new(&inputs, &labels).unwrap();
        let fit = Fit::epochs(8)
            .with_validation(data)
            .with_metric("own", move |_, _| {
                epochs += 1.0;
                Ok(if number == 0 { epochs } else { -epochs })
            })
            .with_early_stopping(EarlyStopping::new(2).monitoring(Monitor::Highest("own")));
        let history = trainer.fit(data, fit).unwrap();
        let metrics: Vec<_> = history.epochs.iter().map(|epoch| epoch.metrics[0].1).collect();
        (metrics, weights(trainer.model()))
    });
    assert_eq!(ranks[0], ranks[1]);
    assert_eq!(ranks[0].0, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
}

#[cfg(feature = "safetensors")]
#[test]
fn checkpoints_that_nobody_would_write() {
    let path = std::env::temp_dir().join(format!("taper-ranks-elsewhere-{}", std::process::id()));
    let errors = all_of(2, move |rank| {
        let (inputs, labels) = (inputs(20), labels(20));
        let (mut model, number) = (model(), rank.rank());
        let mut trainer = trainer(&mut model, rank);
        let mut fit = Fit::epochs(2);
        if number == 1 {
            fit = fit.with_checkpoints(taper::io::Checkpoints::new(&path));
        }
        trainer.fit(Dataset::new(&inputs, &labels).unwrap(), fit).unwrap_err().to_string()
    });
    let expected = "checkpoints: expected some on rank 0, which alone writes them, got some on other ranks";
    assert_eq!(errors, [expected; 2]);
}
