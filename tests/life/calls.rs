//! n calls of one epoch are a call of n epochs, to the bit.

use taper::losses::CrossEntropy;
use taper::optimizers::{Adam, Clip, Sgd};
use taper::schedules::{Cosine, Exponential, OnPlateau, OneCycle, StepDecay};
use taper::train::{Callback, Control, Dataset, EarlyStopping, Fit, History, StepReport, Training};
use taper::{Optimizer, Result, Sequential, Tensor, Trainer};

use super::{model, weights};

const SAMPLES: usize = 26;
const BATCH: usize = 6;
const EPOCHS: usize = 5;

struct Data {
    inputs: Tensor<f32>,
    labels: Vec<usize>,
}

impl Data {
    fn new() -> Self {
        let inputs = Tensor::from_fn([SAMPLES, 6], |i| ((i * 37) % 23) as f32 / 11.0 - 1.0).unwrap();
        Self { inputs, labels: (0..SAMPLES).map(|i| i * i % 3).collect() }
    }

    fn set(&self) -> Dataset<'_, f32> {
        Dataset::new(&self.inputs, &self.labels).unwrap()
    }
}

type Make = fn(Trainer<'_, f32>) -> Result<Trainer<'_, f32>>;

/// Trainers with everything that an epoch can depend on.
const TRAINERS: &[(&str, Make)] = &[
    ("a constant rate", |trainer| Ok(trainer)),
    ("one cycle by steps", |trainer| Ok(trainer.with_schedule(OneCycle::new(0.1, 25)?))),
    ("a cosine by epochs", |trainer| {
        Ok(trainer.with_epoch_schedule(Cosine::new(0.1, 5)?.with_warm_up(2, 0.01)?))
    }),
    ("steps by epochs", |trainer| Ok(trainer.with_epoch_schedule(StepDecay::new(0.1, 2, 0.5)?))),
    ("exponential by epochs", |trainer| Ok(trainer.with_epoch_schedule(Exponential::new(0.1, 1, 0.5)?))),
    ("a plateau", |trainer| Ok(trainer.with_plateau(OnPlateau::new(0.5, 1)?.with_threshold(0.2)?))),
    ("an average", |trainer| trainer.with_moving_average(0.8)),
    ("accumulation", |trainer| trainer.with_batch(4)?.with_accumulation(2)),
    ("a dropped batch", |trainer| Ok(trainer.with_drop_last())),
];

fn trainer(model: &mut Sequential<f32>, make: Make) -> Trainer<'_, f32> {
    let optimizer = Optimizer::new(Adam::new(0.02).unwrap()).with_clip(Clip::GlobalNorm(1.0)).unwrap();
    let trainer = Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(BATCH).unwrap();
    make(trainer.with_seed(3)).unwrap()
}

/// All that a training leaves behind, without the time that it took.
#[derive(Debug, PartialEq)]
struct Left {
    weights: Vec<u64>,
    average: Option<Vec<u64>>,
    learning_rate: f64,
    history: History,
}

fn left(trainer: &mut Trainer<'_, f32>) -> Left {
    let mut history = trainer.history().clone();
    history.epochs.iter_mut().for_each(|epoch| epoch.seconds = 0.0);
    let weights_of_model = weights(trainer.model());
    let average = trainer.swap_average().is_ok().then(|| weights(trainer.model()));
    if average.is_some() {
        trainer.swap_average().unwrap();
    }
    Left { weights: weights_of_model, average, learning_rate: trainer.optimizer().learning_rate(), history }
}

#[test]
fn calls_of_one_epoch_are_a_call_of_all() {
    let data = Data::new();
    for &(name, make) in TRAINERS {
        for validated in [false, true] {
            let fit = |epochs| {
                let fit = Fit::epochs(epochs);
                if validated { fit.with_validation(data.set()) } else { fit }
            };
            let train = |parts: &[usize]| {
                let mut model = model(1);
                let mut trainer = trainer(&mut model, make);
                for &epochs in parts {
                    let before = trainer.history().epochs.len();
                    let history = trainer.fit(data.set(), fit(epochs)).unwrap();
                    assert_eq!(history.epochs, trainer.history().epochs[before..], "{name}");
                }
                left(&mut trainer)
            };
            let whole = train(&[EPOCHS]);
            let numbers: Vec<usize> = whole.history.epochs.iter().map(|epoch| epoch.epoch).collect();
            assert_eq!(numbers, [0, 1, 2, 3, 4], "{name}");
            assert!(train(&[1; EPOCHS]) == whole, "{name}: five calls of one epoch differ");
            assert!(train(&[2, 0, 3]) == whole, "{name}: calls of two and three epochs differ");
        }
    }
}

/// Without early stopping's patience, which is that of a call: each call restores its only epoch, which is the last.
#[test]
fn calls_with_early_stopping_go_on_too() {
    let data = Data::new();
    let (mut stopping, mut plain) = (model(1), model(1));
    let mut trainers = [&mut stopping, &mut plain].map(|model| trainer(model, |trainer| Ok(trainer)));
    for epoch in 0..EPOCHS {
        let fit = Fit::epochs(1).with_validation(data.set());
        let history = trainers[0].fit(data.set(), fit.with_early_stopping(EarlyStopping::new(0))).unwrap();
        assert_eq!(history.restored, Some(epoch));
        assert_eq!(trainers[0].history().restored, Some(epoch));
        trainers[1].fit(data.set(), Fit::epochs(1)).unwrap();
    }
    assert_eq!(weights(trainers[0].model()), weights(trainers[1].model()));
    // A step is no longer of the weights that were restored.
    trainers[0].step(&data.inputs, &data.labels).unwrap();
    assert_eq!(trainers[0].history().restored, None);
}

/// Epoch, epochs and loss of each step.
struct Losses<'a>(&'a mut Vec<(usize, usize, u64)>);

impl Callback<f32> for Losses<'_> {
    fn after_step(&mut self, report: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
        self.0.push((report.epoch, report.epochs, report.loss.to_bits()));
        Ok(Control::Continue)
    }
}

#[test]
fn no_order_comes_twice() {
    let data = Data::new();
    // Of weights that stay, the loss of the first batch depends on nothing but the samples that are in it.
    let mut model = Sequential::builder([6]).dense(3).build(&mut taper::seeded(1)).unwrap();
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Sgd::new(0.0).unwrap()));
    let mut trainer = trainer.with_batch(SAMPLES / 2).unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        trainer.fit(data.set(), Fit::epochs(1).with_callback(Losses(&mut seen))).unwrap();
    }
    let places: Vec<_> = seen.iter().map(|&(epoch, epochs, _)| (epoch, epochs)).collect();
    assert_eq!(places, [(0, 1), (0, 1), (1, 2), (1, 2), (2, 3), (2, 3), (3, 4), (3, 4)]);
    let mut losses: Vec<u64> = seen.iter().step_by(2).map(|&(.., loss)| loss).collect();
    losses.sort_unstable();
    losses.dedup();
    assert_eq!(losses.len(), 4);
}

/// To begin anew is to be a new trainer with a new optimizer for the model as it is.
#[test]
fn a_training_that_begins_anew_is_that_of_a_new_trainer() {
    let data = Data::new();
    for &(name, make) in TRAINERS {
        let mut first = model(1);
        let mut old = trainer(&mut first, make);
        old.fit(data.set(), Fit::epochs(3)).unwrap();
        let mut second = old.model().clone();
        old.begin_anew();
        assert!(old.history().epochs.is_empty());
        let mut new = trainer(&mut second, make);
        for trainer in [&mut old, &mut new] {
            trainer.fit(data.set(), Fit::epochs(3)).unwrap();
        }
        assert!(left(&mut old) == left(&mut new), "{name}");
    }
}

/// A callback that ends a call in the middle of an epoch ends that epoch; the next call has the next one.
#[test]
fn an_epoch_that_was_ended_counts() {
    struct Ends;
    impl Callback<f32> for Ends {
        fn after_step(&mut self, report: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
            Ok(if report.step == 1 { Control::Stop } else { Control::Continue })
        }
    }
    let data = Data::new();
    let mut model = model(1);
    let mut trainer = trainer(&mut model, |trainer| Ok(trainer));
    trainer.fit(data.set(), Fit::epochs(3).with_callback(Ends)).unwrap();
    let history = trainer.fit(data.set(), Fit::epochs(2)).unwrap();
    let numbers: Vec<usize> = history.epochs.iter().map(|epoch| epoch.epoch).collect();
    assert_eq!((numbers, trainer.history().epochs.len()), (vec![1, 2], 3));
}

/// In order: the same as without those samples, and others where the order changes.
#[test]
fn a_dropped_batch_is_that_of_the_last_samples() {
    let data = Data::new();
    // 24 of 26 samples in batches of 6; 24 in batches of 8, three to a step.
    for make in [(|trainer| Ok(trainer)) as Make, |trainer| trainer.with_batch(8)?.with_accumulation(2)] {
        let (mut dropping, mut shorter) = (model(1), model(1));
        let mut trainer_of_all = trainer(&mut dropping, make).with_drop_last();
        let all = trainer_of_all.fit(data.set(), Fit::epochs(2).in_order()).unwrap();
        let inputs = Tensor::from_slice([24, 6], &data.inputs.as_slice()[..24 * 6]).unwrap();
        let part = Dataset::new(&inputs, &data.labels[..24]).unwrap();
        let fewer = trainer(&mut shorter, make).fit(part, Fit::epochs(2).in_order()).unwrap();
        assert_eq!(all.epochs[1].train, fewer.epochs[1].train);
        assert_eq!(all.epochs[0].train.confusion.as_ref().unwrap().total(), 24);
        assert_eq!(trainer_of_all.evaluate(data.set()).unwrap().confusion.unwrap().total(), 26);
        assert_eq!(weights(&dropping), weights(&shorter));
    }
}

#[cfg(feature = "safetensors")]
mod in_files {
    use taper::io::Checkpoints;

    use super::*;

    struct Dies(usize);

    impl Callback<f32> for Dies {
        fn after_step(&mut self, _: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
            self.0 -= 1;
            if self.0 == 0 { Err(taper::Error::Empty { what: "power" }) } else { Ok(Control::Continue) }
        }
    }

    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("taper-life-{name}-{}", std::process::id()))
    }

    /// Killed in the second of three calls, at any step.
    #[test]
    fn a_call_that_was_cut_short_goes_on() {
        let (data, path) = (Data::new(), path("cut-short"));
        for &(name, make) in TRAINERS {
            let mut whole = model(1);
            let mut untroubled = trainer(&mut whole, make);
            for epochs in [2, 2, 1] {
                untroubled.fit(data.set(), Fit::epochs(epochs).with_validation(data.set())).unwrap();
            }
            let expected = left(&mut untroubled);
            for dies in 2..8 {
                let fit = |epochs| Fit::epochs(epochs).with_validation(data.set());
                let checkpoints = || Checkpoints::new(&path).every_steps(1).unwrap();
                let mut first = model(1);
                let mut killed = trainer(&mut first, make);
                killed.fit(data.set(), fit(2).with_checkpoints(checkpoints())).unwrap();
                killed
                    .fit(data.set(), fit(2).with_checkpoints(checkpoints()).with_callback(Dies(dies)))
                    .unwrap_err();
                let mut second = model(2);
                let mut resumed = trainer(&mut second, make);
                resumed.resume(&path).unwrap();
                // A file of a trainer that has not gone on yet is the same file.
                resumed.save_checkpoint(&path).unwrap();
                resumed.resume(&path).unwrap();
                let history = resumed.fit(data.set(), fit(2)).unwrap();
                let numbers: Vec<usize> = history.epochs.iter().map(|epoch| epoch.epoch).collect();
                assert_eq!(numbers, [2, 3], "{name}");
                resumed.fit(data.set(), fit(1)).unwrap();
                assert!(left(&mut resumed) == expected, "{name}: killed after {dies} steps");
            }
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_checkpoint_between_calls_is_followed_by_the_next_epoch() {
        let (data, path) = (Data::new(), path("between"));
        for &(name, make) in TRAINERS {
            let mut first = model(1);
            let mut whole = trainer(&mut first, make);
            whole.fit(data.set(), Fit::epochs(2)).unwrap();
            whole.save_checkpoint(&path).unwrap();
            let mut second = model(2);
            let mut resumed = trainer(&mut second, make);
            resumed.resume(&path).unwrap();
            for trainer in [&mut whole, &mut resumed] {
                trainer.fit(data.set(), Fit::epochs(2)).unwrap();
            }
            assert!(left(&mut whole) == left(&mut resumed), "{name}");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_training_that_drops_other_samples_is_refused() {
        let (data, path) = (Data::new(), path("dropping"));
        let mut first = model(1);
        let mut dropping = trainer(&mut first, |trainer| Ok(trainer.with_drop_last()));
        dropping.fit(data.set(), Fit::epochs(1).with_checkpoints(Checkpoints::new(&path))).unwrap();
        let mut second = model(1);
        let mut keeping = trainer(&mut second, |trainer| Ok(trainer));
        keeping.resume(&path).unwrap();
        let text = keeping.fit(data.set(), Fit::epochs(2)).unwrap_err().to_string();
        assert!(text.contains("times 6 of them, without what fills no batch, got 26 samples"), "{text}");
        std::fs::remove_file(path).unwrap();
    }
}
