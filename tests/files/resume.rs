//! k steps, a file and n − k steps are n steps, to the bit.

use std::path::{Path, PathBuf};

use taper::io::Checkpoints;
use taper::layers::{BatchNorm, Momentum};
use taper::losses::CrossEntropy;
use taper::optimizers::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, Clip, Lion, NAdam, RAdam, RmsProp, Rprop, Rule, Sgd,
    WeightDecay,
};
use taper::schedules::{OnPlateau, OneCycle};
use taper::train::{Callback, Control, Dataset, EarlyStopping, Fit, History, StepReport, Training};
use taper::{Error, Optimizer, Result, Sequential, Tensor, Trainer};

const EPOCHS: usize = 3;
const SAMPLES: usize = 22;
const BATCH: usize = 5;

/// A file of this test alone, removed at the end.
pub(crate) struct TemporaryFile(pub(crate) PathBuf);

impl TemporaryFile {
    pub(crate) fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("taper-{name}-{}", std::process::id())))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A training that dies after some steps of the whole training.
struct Dies {
    after: usize,
    steps: usize,
}

impl Callback<f32> for Dies {
    fn after_step(&mut self, _: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
        self.steps += 1;
        if self.steps > self.after { Err(Error::Empty { what: "power" }) } else { Ok(Control::Continue) }
    }
}

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

fn model(seed: u64) -> Sequential<f32> {
    // The rule that takes batches of one, too.
    let norm = BatchNorm::new(40).unwrap().with_momentum(Momentum::Keras(0.9)).unwrap();
    let builder = Sequential::builder([6]).dense(40).layer(norm).relu().dropout(0.3);
    builder.layer_norm().dense(3).build(&mut taper::seeded(seed)).unwrap()
}

/// What a training has in the end, without what time it took.
#[derive(Debug, PartialEq)]
struct Outcome {
    state: Vec<Vec<u32>>,
    average: Option<Vec<Vec<u32>>>,
    history: History,
}

type MakeTrainer<'a> = dyn Fn(&mut Sequential<f32>) -> Trainer<'_, f32> + 'a;
type MakeFit<'a> = dyn Fn(&'a Data) -> Fit<'a, f32> + 'a;

fn outcome(mut history: History, trainer: &mut Trainer<'_, f32>) -> Outcome {
    for epoch in &mut history.epochs {
        epoch.seconds = 0.0;
    }
    let bits = |tensor: &Tensor<f32>| tensor.as_slice().iter().map(|value| value.to_bits()).collect();
    let all_bits =
        |trainer: &Trainer<'_, f32>| trainer.model().state().iter().map(|(_, t)| bits(t)).collect();
    let state = all_bits(trainer);
    // The model gets the average, if the trainer keeps one.
    let average = trainer.swap_average().is_ok().then(|| all_bits(trainer));
    Outcome { state, average, history }
}

/// Interrupts a training after each of its steps, goes on with a model of other weights, and compares.
fn check(name: &str, make: &MakeTrainer<'_>, fit: &MakeFit<'_>, data: &'static Data, every: u64) {
    let file = TemporaryFile::new(&format!("resume-{name}"));
    let mut whole = model(1);
    let mut trainer = make(&mut whole);
    let history = trainer.fit(data.set(), fit(data)).unwrap();
    let expected = outcome(history, &mut trainer);
    let steps = EPOCHS * SAMPLES.div_ceil(BATCH);
    let mut interrupted = 0;
    // Near the ends of epochs, which have five steps, and in the middle of one.
    for after in [1, 4, 5, 6, 8, steps - 1] {
        let _ = std::fs::remove_file(&file.0);
        let checkpoints = || Checkpoints::new(&file.0).every_steps(every).unwrap();
        let mut first = model(1);
        let dying = fit(data).with_checkpoints(checkpoints()).with_callback(Dies { after, steps: 0 });
        let died = make(&mut first).fit(data.set(), dying).is_err();
        if !file.0.exists() {
            continue;
        }
        interrupted += usize::from(died);
        let mut second = model(2);
        let mut trainer = make(&mut second);
        trainer.resume(&file.0).unwrap();
        let history = trainer.fit(data.set(), fit(data).with_checkpoints(checkpoints())).unwrap();
        assert!(
            outcome(history, &mut trainer) == expected,
            "{name}: another result when interrupted after {after}"
        );
    }
    assert!(interrupted > 2, "{name}: interrupted {interrupted} times only");
}

fn data() -> &'static Data {
    Box::leak(Box::new(Data::new()))
}

fn with_rule<R: Rule<f32> + Clone + 'static>(rule: R) -> impl Fn(&mut Sequential<f32>) -> Trainer<'_, f32> {
    move |model| {
        Trainer::new(model, CrossEntropy::new(), Optimizer::new(rule.clone()))
            .with_batch(BATCH)
            .unwrap()
            .with_seed(9)
    }
}

fn trainer(model: &mut Sequential<f32>) -> Trainer<'_, f32> {
    with_rule(Adam::new(0.02).unwrap())(model)
}

fn averaged(model: &mut Sequential<f32>) -> Trainer<'_, f32> {
    trainer(model).with_moving_average(0.8).unwrap()
}

fn with_plateau(model: &mut Sequential<f32>) -> Trainer<'_, f32> {
    // No loss falls by so much: each epoch but the first lowers the rate.
    trainer(model).with_plateau(OnPlateau::new(0.5, 0).unwrap().with_threshold(0.4).unwrap())
}

fn accumulating(model: &mut Sequential<f32>) -> Trainer<'_, f32> {
    trainer(model).with_batch(3).unwrap().with_accumulation(2).unwrap()
}

fn plain_fit(_: &Data) -> Fit<'_, f32> {
    Fit::epochs(EPOCHS)
}

#[test]
fn every_optimizer_goes_on() -> Result<()> {
    let decay = WeightDecay::Coupled(0.01);
    let check_rule = |name, make: &MakeTrainer<'_>| check(name, make, &plain_fit, data(), 1);
    check_rule("sgd", &with_rule(Sgd::new(0.1)?));
    check_rule("momentum", &with_rule(Sgd::new(0.1)?.with_momentum(0.9)?));
    check_rule("adam", &with_rule(Adam::new(0.01)?.with_weight_decay(decay)?));
    check_rule("adamw", &with_rule(AdamW::new(0.01)?));
    check_rule("adagrad", &with_rule(Adagrad::new(0.05)?));
    check_rule("rmsprop", &with_rule(RmsProp::new(0.01)?));
    check_rule("lion", &with_rule(Lion::new(0.01)?));
    check_rule("amsgrad", &with_rule(Adam::new(0.01)?.with_amsgrad()));
    check_rule("nadam", &with_rule(NAdam::new(0.01)?));
    check_rule("radam", &with_rule(RAdam::new(0.01)?.with_betas(0.9, 0.8)?));
    check_rule("adamax", &with_rule(Adamax::new(0.01)?));
    check_rule("adadelta", &with_rule(Adadelta::new(1.0)?));
    check_rule("rprop", &with_rule(Rprop::new(0.01)?));
    check_rule("asgd", &with_rule(Asgd::new(0.1)?.with_start(2.0)?));
    Ok(())
}

#[test]
fn everything_beside_the_optimizer_goes_on() {
    let check_trainer = |name, make: &MakeTrainer<'_>| check(name, make, &plain_fit, data(), 1);
    check_trainer("average", &averaged);
    check_trainer("schedule", &|model| trainer(model).with_schedule(OneCycle::new(0.05, 15).unwrap()));
    check_trainer("epochs", &|model| trainer(model).with_epoch_schedule(OneCycle::new(0.05, 3).unwrap()));
    check_trainer("plateau", &with_plateau);
    check_trainer("clip", &|model| {
        let rule = Sgd::new(0.5).unwrap().with_momentum(0.9).unwrap();
        let optimizer = Optimizer::new(rule).with_clip(Clip::GlobalNorm(0.1)).unwrap();
        Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(BATCH).unwrap()
    });
    check_trainer("frozen", &|model| {
        model.freeze("0").unwrap();
        trainer(model)
    });
}

#[test]
fn steps_of_several_batches_go_on() {
    check("accumulation", &accumulating, &plain_fit, data(), 1);
    check("every-third", &trainer, &plain_fit, data(), 3);
    check("in-order", &trainer, &|_| Fit::epochs(EPOCHS).in_order(), data(), 2);
}

#[test]
fn early_stopping_goes_on() {
    for patience in [0, 10] {
        // A rate so high that the first epochs are the best.
        let make = with_rule(Sgd::new(3.0).unwrap().with_momentum(0.95).unwrap());
        let fit = move |data: &'static Data| {
            let fit = Fit::epochs(EPOCHS).with_validation(data.set());
            fit.with_early_stopping(EarlyStopping::new(patience))
        };
        check(&format!("stopping-{patience}"), &make, &fit, data(), 1);
    }
}

#[test]
fn a_training_by_hand_goes_on() {
    let (data, file) = (data(), TemporaryFile::new("by-hand"));
    let step = |trainer: &mut Trainer<'_, f32>| trainer.step(&data.inputs, &data.labels).unwrap();
    let make = with_rule(Adam::new(0.01).unwrap());
    let mut whole = model(1);
    let mut trainer = make(&mut whole);
    for _ in 0..3 {
        step(&mut trainer);
    }
    trainer.save_checkpoint(&file.0).unwrap();
    let expected: Vec<f32> = (0..3).map(|_| step(&mut trainer)).collect();
    let mut other = model(2);
    let mut trainer = make(&mut other);
    trainer.resume(&file.0).unwrap();
    let got: Vec<f32> = (0..3).map(|_| step(&mut trainer)).collect();
    assert_eq!(got, expected);
    assert_eq!(other.state(), whole.state());
}

/// A callback that ends the training, as at the press of a key, leaves a file of just that moment.
#[test]
fn a_training_that_is_ended_goes_on() {
    struct Ends(usize);
    impl Callback<f32> for Ends {
        fn after_step(&mut self, _: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
            self.0 -= 1;
            Ok(if self.0 == 0 { Control::Stop } else { Control::Continue })
        }
    }
    let (data, file) = (data(), TemporaryFile::new("ended"));
    let make = with_rule(Adam::new(0.01).unwrap());
    let mut whole = model(1);
    let mut trainer = make(&mut whole);
    let history = trainer.fit(data.set(), plain_fit(data)).unwrap();
    let expected = outcome(history, &mut trainer);
    let mut first = model(1);
    let fit = plain_fit(data).with_checkpoints(Checkpoints::new(&file.0)).with_callback(Ends(7));
    make(&mut first).fit(data.set(), fit).unwrap();
    let mut second = model(2);
    let mut trainer = make(&mut second);
    trainer.resume(&file.0).unwrap();
    let again = trainer.fit(data.set(), plain_fit(data)).unwrap();
    assert_eq!(outcome(again, &mut trainer), expected);
}

/// A checkpoint is a model too.
#[test]
fn a_checkpoint_opens_as_a_model() {
    let file = TemporaryFile::new("as-model");
    let mut trained = model(1);
    let mut trainer = with_rule(Adam::new(0.01).unwrap())(&mut trained).with_moving_average(0.9).unwrap();
    trainer.step(&data().inputs, &data().labels).unwrap();
    trainer.save_checkpoint(&file.0).unwrap();
    assert_eq!(Sequential::<f32>::open(&file.0).unwrap().state(), trained.state());
    let mut loaded = model(2);
    loaded.load(&file.0).unwrap();
    assert_eq!(loaded.state(), trained.state());
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let (data, file) = (data(), TemporaryFile::new("other"));
    let make = with_rule(Adam::new(0.01).unwrap());
    let mut trained = model(1);
    let fit = plain_fit(data).with_checkpoints(Checkpoints::new(&file.0));
    make(&mut trained).fit(data.set(), fit).unwrap();
    let refused = |path: &Path, make: &MakeTrainer<'_>, text: &str| {
        let mut other = model(2);
        let before = other.state();
        let error = make(&mut other).resume(path).unwrap_err().to_string();
        assert!(error.contains(text), "{text}: {error}");
        assert_eq!(other.state(), before, "{text}");
    };
    refused(
        &file.0,
        &with_rule(Sgd::new(0.1).unwrap()),
        "expected the rule of the checkpoint, adam, got sgd",
    );
    refused(&file.0, &|model| make(model).with_seed(1), "expected the seed of the checkpoint, 9, got 1");
    refused(&file.0, &averaged, "expected a trainer without a moving average");
    refused(&file.0, &with_plateau, "the same kind of schedule");
    refused(Path::new("no/such/file"), &make, "read `no/such/file`");

    let mut other = model(2);
    let mut trainer = make(&mut other).with_batch(7).unwrap();
    trainer.resume(&file.0).unwrap();
    let error = trainer.fit(data.set(), plain_fit(data)).unwrap_err().to_string();
    assert!(error.contains("steps of 1 times 5 of them, got 22 samples"), "{error}");

    // The same kind of rule, which remembers more or less.
    let plain = with_rule(Sgd::new(0.1).unwrap());
    let momentum = with_rule(Sgd::new(0.1).unwrap().with_momentum(0.9).unwrap());
    plain(&mut trained).save_checkpoint(&file.0).unwrap();
    refused(&file.0, &momentum, "`@rule/0/0.weight` [40, 6] is missing");
    momentum(&mut trained).save_checkpoint(&file.0).unwrap();
    refused(&file.0, &plain, "expected a rule that remembers `@rule/0/0.weight`, got one that does not");

    trained.save(&file.0).unwrap();
    refused(&file.0, &make, "expected a checkpoint, got a model alone");
}

#[test]
fn two_checkpoints_do_not_write_to_one_file() {
    let file = TemporaryFile::new("twice");
    let (mut model, data) = (model(1), data());
    let mut trainer = trainer(&mut model);
    let fit = Fit::epochs(1).with_checkpoints(Checkpoints::new(&file.0));
    let best = Checkpoints::new(&file.0).best_only(taper::train::Monitor::TrainLoss);
    let error = trainer.fit(data.set(), fit.with_checkpoints(best)).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("checkpoints: expected each to a file of its own, got two to `{}`", file.0.display())
    );
    assert!(trainer.history().epochs.is_empty() && !file.0.exists());
}
