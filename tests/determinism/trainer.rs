//! What a trainer makes of its data.

use approx::assert_relative_eq;
use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::{Adam, MovingAverage, Sgd};
use taper::schedules::{OnPlateau, StepDecay};
use taper::train::metrics::ConfusionMatrix;
use taper::train::{
    Callback, Control, Dataset, EarlyStopping, Fit, Inputs, Monitor, Pixels, StepReport, Training,
};
use taper::{Optimizer, Parallelism, Result, Sequential, Tensor, Trainer};

use super::{narrow, random, weights};

fn sgd(learning_rate: f64) -> Optimizer<f64> {
    Optimizer::new(Sgd::new(learning_rate).unwrap())
}

fn rows(tensor: &Tensor<f64>, start: usize, count: usize) -> Tensor<f64> {
    let width = tensor.view().sample_len();
    Tensor::from_slice([count, width], &tensor.as_slice()[start * width..][..count * width]).unwrap()
}

/// Ten samples in batches of 4 are three steps, and the last of 2 counts.
#[test]
fn the_last_batch_is_used() {
    let (inputs, targets) = (random([10, 5], 1), random([10, 3], 2));
    let (mut fitted, mut by_hand) = (narrow::<f64>(), narrow::<f64>());
    let mut trainer = Trainer::new(&mut fitted, MeanSquaredError::new(), sgd(0.1)).with_batch(4).unwrap();
    let data = Dataset::new(&inputs, &targets).unwrap();
    let history = trainer.fit(data, Fit::epochs(1).in_order()).unwrap();

    let mut steps = Trainer::new(&mut by_hand, MeanSquaredError::new(), sgd(0.1));
    let mut loss = 0.0;
    for (start, count) in [(0, 4), (4, 4), (8, 2)] {
        let part = steps.step(&rows(&inputs, start, count), &rows(&targets, start, count)).unwrap();
        loss += part * count as f64 / 10.0;
    }
    assert_eq!(weights(&fitted), weights(&by_hand));
    assert_relative_eq!(history.epochs[0].train.loss, loss, max_relative = 1e-14);
}

/// Steps of two batches of 4, the last of one batch of 2: as if they were batches of 8 and 2.
#[test]
fn accumulated_batches_are_one_large_batch() {
    let (inputs, targets) = (random([10, 5], 1), random([10, 3], 2));
    let data = Dataset::new(&inputs, &targets).unwrap();
    let fit = |batch: usize, accumulation: usize| {
        let mut model = narrow::<f64>();
        let trainer = Trainer::new(&mut model, MeanSquaredError::new(), sgd(0.1)).with_batch(batch).unwrap();
        trainer.with_accumulation(accumulation).unwrap().fit(data, Fit::epochs(3).in_order()).unwrap();
        model.param("fc1.weight").unwrap().to_tensor().into_vec()
    };
    for (found, expected) in fit(4, 2).iter().zip(&fit(8, 1)) {
        assert!((found - expected).abs() <= 1e-12, "{found}, expected {expected}");
    }
}

/// One thread gathers small batches, and all threads together large ones, where there are several.
#[test]
fn large_data_gives_the_same_bits_at_any_number_of_threads() {
    let inputs = Tensor::<f32>::from_fn([9001, 1000], |i| (i * 7 % 1013) as f32 / 1013.0).unwrap();
    let labels: Vec<_> = (0..9001).map(|sample| sample * 5 % 3).collect();
    let values = Tensor::from_fn([9001, 3], |i| (i % 11) as f32).unwrap();
    let by_class = Dataset::new(&inputs, &labels).unwrap();
    let by_value = Dataset::new(&inputs, &values).unwrap();
    let fit = |parallelism, batch, stop_after| {
        let mut model = Sequential::builder([1000]).dense(3).build(&mut taper::seeded(1)).unwrap();
        let optimizer = || Optimizer::new(Sgd::new(0.01).unwrap());
        let prepared = |trainer: Trainer<'_, f32>, data| {
            let trainer = trainer.with_batch(batch).unwrap().with_accumulation(2).unwrap();
            let mut trainer = trainer.with_parallelism(parallelism);
            trainer.fit(data, Fit::epochs(2).with_callback(StopAfter(stop_after))).unwrap()
        };
        let first = prepared(Trainer::new(&mut model, CrossEntropy::new(), optimizer()), by_class);
        let second = prepared(Trainer::new(&mut model, MeanSquaredError::new(), optimizer()), by_value);
        (weights(&model), first.epochs[0].train.loss.to_bits(), second.epochs[0].train.loss.to_bits())
    };
    for (batch, stop_after) in [(140, 3), (140, usize::MAX), (700, 3), (700, usize::MAX)] {
        let [one, all] = [Parallelism::Threads(1), Parallelism::Pool].map(|it| fit(it, batch, stop_after));
        assert_eq!(one, all, "batches of {batch}, stopped after {stop_after}");
    }
}

/// Stops in the middle of an epoch.
struct StopAfter(usize);

impl Callback<f32> for StopAfter {
    fn after_step(&mut self, report: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
        Ok(if report.step >= self.0 { Control::Stop } else { Control::Continue })
    }
}

/// Every sample is used once an epoch: with a learning rate of 0, the loss is that of the whole.
#[test]
fn shuffling_leaves_nothing_out() {
    let (inputs, targets) = (random([11, 5], 1), random([11, 3], 2));
    let data = Dataset::new(&inputs, &targets).unwrap();
    let mut model = narrow::<f64>();
    let trainer = Trainer::new(&mut model, MeanSquaredError::new(), sgd(0.0)).with_batch(3).unwrap();
    let mut trainer = trainer.with_seed(9);
    let whole = trainer.evaluate(data).unwrap().loss;
    for epoch in trainer.fit(data, Fit::epochs(3)).unwrap().epochs {
        assert_relative_eq!(epoch.train.loss, whole, max_relative = 1e-14);
    }
}

struct Steps<'a>(&'a mut Vec<StepReport>);

impl Callback<f64> for Steps<'_> {
    fn after_step(&mut self, report: &StepReport, _: &mut Training<'_, f64>) -> Result<Control> {
        self.0.push(*report);
        Ok(if report.epoch == 2 && report.step == 1 { Control::Stop } else { Control::Continue })
    }
}

#[test]
fn history_and_callbacks_tell_every_epoch_and_step() {
    let (inputs, labels) = (random([10, 5], 1), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
    let data = Dataset::new(&inputs, &labels).unwrap();
    let (mut steps, mut epochs) = (Vec::new(), Vec::new());
    let mut model = narrow::<f64>();
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd(0.1)).with_batch(4).unwrap();
    let mut trainer = trainer.with_epoch_schedule(StepDecay::new(0.4, 1, 0.5).unwrap());
    let fit = Fit::epochs(5).with_validation(data).with_callback(Steps(&mut steps));
    let history = trainer.fit(data, fit.after_epoch(|epoch, _| epochs.push(epoch.clone()))).unwrap();
    // The callback stops in the third epoch, after its second step.
    assert_eq!(history.epochs.len(), 3);
    assert_eq!(history.epochs, epochs);
    assert_eq!(history.restored, None);
    let places: Vec<_> = steps.iter().map(|step| (step.epoch, step.step, step.steps)).collect();
    let expected = [(0, 0, 3), (0, 1, 3), (0, 2, 3), (1, 0, 3), (1, 1, 3), (1, 2, 3), (2, 0, 3), (2, 1, 3)];
    assert_eq!(places, expected);
    for (epoch, rate) in history.epochs.iter().zip([0.4, 0.2, 0.1]) {
        assert_eq!(epoch.learning_rate, rate);
        let validation = epoch.validation.as_ref().unwrap();
        assert_eq!(validation.confusion.as_ref().unwrap().total(), 10);
        assert_eq!(validation.accuracy, validation.confusion.as_ref().map(ConfusionMatrix::accuracy));
    }
    assert_eq!(history.epochs[1].train.confusion.as_ref().unwrap().total(), 10);
    assert!(trainer.fit(data, Fit::epochs(0)).unwrap().epochs.is_empty());
}

/// A learning rate that spoils the model after a while: the best epoch comes back, to the bit.
#[test]
fn early_stopping_restores_the_best() {
    let (inputs, targets) = (random([8, 5], 1), random([8, 3], 2));
    let data = Dataset::new(&inputs, &targets).unwrap();
    for monitor in [Monitor::ValidationLoss, Monitor::TrainLoss] {
        let mut kept: Vec<Vec<u64>> = Vec::new();
        let mut model = narrow::<f64>();
        let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), sgd(0.3));
        let schedule = |step: u64| if step < 4 { 0.05 } else { 3.0 };
        trainer = trainer.with_epoch_schedule(Steep(schedule));
        let stopping = EarlyStopping::new(2).monitoring(monitor);
        let fit = Fit::epochs(50).with_validation(data).with_early_stopping(stopping);
        let fit = fit.after_epoch(|_, model| kept.push(weights(model)));
        let history = trainer.fit(data, fit).unwrap();
        let loss = |epoch: &taper::train::Epoch| match monitor {
            Monitor::TrainLoss => epoch.train.loss,
            _ => epoch.validation.as_ref().unwrap().loss,
        };
        let losses: Vec<f64> = history.epochs.iter().map(loss).collect();
        let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap();
        assert_eq!(history.restored, Some(best), "{losses:?}");
        assert_eq!(history.epochs.len(), best + 4, "three epochs that are no better: {losses:?}");
        assert_eq!(weights(&model), kept[best]);
    }
}

#[derive(Debug)]
struct Steep(fn(u64) -> f64);

impl taper::schedules::Schedule for Steep {
    fn learning_rate(&self, step: u64) -> f64 {
        (self.0)(step)
    }
}

#[test]
fn the_best_is_restored_where_training_ends_by_itself() {
    let (inputs, labels) = (random([8, 5], 1), [0, 1, 2, 0, 1, 2, 0, 1]);
    let data = Dataset::new(&inputs, &labels).unwrap();
    let mut model = narrow::<f64>();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd(0.0));
    let stopping = EarlyStopping::new(9).monitoring(Monitor::ValidationAccuracy);
    let fit = Fit::epochs(3).with_validation(data).with_early_stopping(stopping);
    // With a learning rate of 0 no epoch is better than the first.
    assert_eq!(trainer.fit(data, fit).unwrap().restored, Some(0));
}

#[test]
fn a_plateau_lowers_the_learning_rate() {
    let (inputs, targets) = (random([8, 5], 1), random([8, 3], 2));
    let data = Dataset::new(&inputs, &targets).unwrap();
    let mut model = narrow::<f64>();
    // Steps too small to make the loss fall by the threshold.
    let trainer = Trainer::new(&mut model, MeanSquaredError::new(), sgd(1e-9));
    let mut trainer = trainer.with_plateau(OnPlateau::new(0.5, 1).unwrap());
    let history = trainer.fit(data, Fit::epochs(5)).unwrap();
    let rates: Vec<f64> = history.epochs.iter().map(|epoch| epoch.learning_rate).collect();
    assert_eq!(rates, [1e-9, 1e-9, 1e-9, 0.5e-9, 0.5e-9]);
    // A rate that is below the least already is not raised to it.
    let mut plateau = OnPlateau::new(0.5, 0).unwrap().with_least(0.1).unwrap();
    assert_eq!([1.0, 1.0, 1.0].map(|loss| plateau.observe(loss, 0.01)), [0.01; 3]);
}

/// The trainer's average is that of the formula, and is swapped in and out.
#[test]
fn a_trainer_keeps_an_average() {
    let (mut model, mut copy) = (narrow::<f64>(), narrow::<f64>());
    let adam = || Optimizer::new(Adam::new(0.01).unwrap());
    let mut average = MovingAverage::new(&copy, 0.9).unwrap();
    let trainer = Trainer::new(&mut model, MeanSquaredError::new(), adam());
    let mut trainer = trainer.with_moving_average(0.9).unwrap();
    for step in 0..4 {
        let (x, target) = (random([4, 5], step), random([4, 3], step + 50));
        trainer.step(&x, &target).unwrap();
        copy = Sequential::clone(trainer.model());
        average.update(&copy).unwrap();
    }
    trainer.swap_average().unwrap();
    average.swap(&mut copy).unwrap();
    assert_eq!(weights(trainer.model()), weights(&copy));
    trainer.swap_average().unwrap();
    assert_ne!(weights(trainer.model()), weights(&copy));
}

/// Pixels give the bits of the same numbers, gathered by one thread or by all, in training and out of it.
#[test]
fn pixels_are_trained_on_as_their_numbers_are() {
    let bytes: Vec<u8> = (0..3001 * 1000_usize).map(|i| (i * 7 % 251) as u8).collect();
    let labels: Vec<_> = (0..3001).map(|sample| sample * 5 % 3).collect();
    for (samples, batch, parallelism) in [
        (100, 33, Parallelism::Pool),
        (3001, 133, Parallelism::Threads(1)),
        (3001, 133, Parallelism::Pool),
        (3001, 333, Parallelism::Pool),
    ] {
        let pixels = Pixels::new([samples, 1000], &bytes[..samples * 1000]).unwrap();
        let pixels = pixels.with_rescaling(0.01, -1.25).unwrap();
        let values = Tensor::from_fn([samples, 1000], |i| f32::from(bytes[i]) * 0.01 - 1.25).unwrap();
        assert_eq!(pixels.to_tensor().unwrap(), values);
        let fit = |inputs: Inputs<'_, f32>| {
            let data = Dataset::new(inputs, &labels[..samples]).unwrap();
            let mut model = Sequential::builder([1000]).dense(3).build(&mut taper::seeded(1)).unwrap();
            let trainer =
                Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Sgd::new(0.01).unwrap()));
            let mut trainer = trainer.with_batch(batch).unwrap().with_parallelism(parallelism);
            let history = trainer.fit(data, Fit::epochs(1)).unwrap();
            let loss = trainer.evaluate(data).unwrap().loss;
            (weights(&model), history.epochs[0].train.loss, loss)
        };
        assert_eq!(
            fit(pixels.into()),
            fit(values.view().into()),
            "{samples} samples in batches of {batch}, {parallelism:?}"
        );
    }
}
