//! After an error on the way, the best weights are there and so is the history.

use std::sync::{Arc, Mutex};

use taper::losses::CrossEntropy;
use taper::optimizers::Sgd;
use taper::schedules::Schedule;
use taper::train::{Callback, Control, Dataset, EarlyStopping, Epoch, Fit, StepReport, Training};
use taper::{Error, Optimizer, Result, Sequential, Tensor, Trainer};

use super::{error, model, weights};

const SAMPLES: usize = 24;

fn inputs() -> Tensor<f32> {
    Tensor::from_fn([SAMPLES, 6], |i| ((i * 37) % 23) as f32 / 11.0 - 1.0).unwrap()
}

fn labels() -> Vec<usize> {
    (0..SAMPLES).map(|i| i * i % 3).collect()
}

/// Up to the end of the fourth epoch a rate that learns, then one that destroys.
#[derive(Debug)]
struct Destroys;

impl Schedule for Destroys {
    fn learning_rate(&self, epoch: u64) -> f64 {
        if epoch < 4 { 0.05 } else { 1e38 }
    }
}

/// The validation losses of the epochs, and the weights after each.
type Seen = Arc<Mutex<Vec<(f64, Vec<u64>)>>>;

struct Watches(Seen);

impl Callback<f32> for Watches {
    fn after_epoch(&mut self, epoch: &Epoch, training: &mut Training<'_, f32>) -> Result<Control> {
        let loss = epoch.validation.as_ref().unwrap().loss;
        self.0.lock().unwrap().push((loss, weights(training.model())));
        Ok(Control::Continue)
    }
}

/// Fails in a step of the fifth epoch, or after it.
enum Fails {
    InStep,
    AfterEpoch,
}

impl Callback<f32> for Fails {
    fn after_step(&mut self, report: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
        let is_due = matches!(self, Self::InStep) && report.epoch == 4 && report.step == 1;
        if is_due { Err(Error::Empty { what: "places in a step" }) } else { Ok(Control::Continue) }
    }

    fn after_epoch(&mut self, epoch: &Epoch, _: &mut Training<'_, f32>) -> Result<Control> {
        let is_due = matches!(self, Self::AfterEpoch) && epoch.epoch == 4;
        if is_due { Err(Error::Empty { what: "places after an epoch" }) } else { Ok(Control::Continue) }
    }
}

fn trainer(model: &mut Sequential<f32>) -> Trainer<'_, f32> {
    let optimizer = Optimizer::new(Sgd::new(0.05).unwrap());
    Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(8).unwrap()
}

/// Trains until it fails, and compares with what was seen of the best epoch. The number of epochs that are done.
fn check<'a>(
    mut trainer: Trainer<'_, f32>,
    data: Dataset<'a, f32>,
    add: impl FnOnce(Fit<'a, f32>) -> Fit<'a, f32>,
    expected: &str,
) -> usize {
    let seen = Seen::default();
    let fit = Fit::epochs(20).with_validation(data).with_early_stopping(EarlyStopping::new(20));
    let text = error(trainer.fit(data, add(fit.with_callback(Watches(seen.clone())))));
    assert!(text.contains(expected), "{text}");
    let seen = seen.lock().unwrap();
    let best = (0..seen.len()).min_by(|&a, &b| seen[a].0.total_cmp(&seen[b].0)).unwrap();
    assert!(
        weights(trainer.model()) == seen[best].1,
        "{expected}: the weights of epoch {best} are not there"
    );
    let history = trainer.history().clone();
    assert_eq!((history.epochs.len(), history.restored), (seen.len(), Some(best)), "{expected}");
    // What comes after is the epoch that was not done.
    let next = trainer.fit(data, Fit::epochs(0)).unwrap();
    assert!(next.epochs.is_empty());
    assert_eq!(trainer.history(), &history);
    seen.len()
}

#[test]
fn the_best_weights_and_the_history_are_there() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let mut model = model(1);
    let destroyed = trainer(&mut model).with_epoch_schedule(Destroys);
    assert_eq!(check(destroyed, data, |fit| fit, "loss in epoch 4, step 1: expected a finite value"), 4);
    let fails = |fit: Fit<'static, f32>, fails| fit.with_callback(fails);
    let data: Dataset<'static, f32> = Dataset::new(
        Box::leak(Box::new(inputs.clone())).view(),
        Box::leak(Box::new(labels.clone())).as_slice(),
    )
    .unwrap();
    let epochs = check(trainer(&mut model), data, |fit| fails(fit, Fails::InStep), "places in a step");
    assert_eq!(epochs, 4);
    // The epoch itself was done.
    let epochs =
        check(trainer(&mut model), data, |fit| fails(fit, Fails::AfterEpoch), "places after an epoch");
    assert_eq!(epochs, 5);
}

#[cfg(feature = "safetensors")]
#[test]
fn a_file_that_cannot_be_written_costs_no_epoch() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let mut model = model(1);
    let checkpoints = taper::io::Checkpoints::new("no/such/folder/file").every_epochs(3).unwrap();
    let epochs = check(trainer(&mut model), data, |fit| fit.with_checkpoints(checkpoints), "no/such/folder");
    assert_eq!(epochs, 3);
}

/// Without an epoch that was done there is nothing to restore: the model is that of the last good step.
#[test]
fn an_error_in_the_first_epoch_leaves_the_last_step() {
    struct Fails;
    impl Callback<f32> for Fails {
        fn after_step(&mut self, report: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
            if report.step == 1 { Err(Error::Empty { what: "places" }) } else { Ok(Control::Continue) }
        }
    }
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let (mut failing, mut by_hand) = (model(1), model(1));
    let mut trainer_that_fails = trainer(&mut failing);
    let fit = Fit::epochs(2).with_validation(data).with_early_stopping(EarlyStopping::new(3)).in_order();
    trainer_that_fails.fit(data, fit.with_callback(Fails)).unwrap_err();
    assert!(trainer_that_fails.history().epochs.is_empty());
    assert_eq!(trainer_that_fails.history().restored, None);
    let mut steps = trainer(&mut by_hand);
    for part in 0..2 {
        let x = Tensor::from_slice([8, 6], &inputs.as_slice()[part * 48..][..48]).unwrap();
        steps.step(&x, &labels[part * 8..][..8]).unwrap();
    }
    assert_eq!(weights(&failing), weights(&by_hand));
}
