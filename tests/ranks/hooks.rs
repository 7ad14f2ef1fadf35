//! Code of somebody's own that a trainer calls: where it fails on one rank alone, all end with that, and stay together.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};

use taper::layers::{Backward, Forward, GradientSink, RandomKey};
use taper::losses::{CrossEntropy, Target};
use taper::optimizers::{Adam, Rule, RuleSettings, Update};
use taper::schedules::Schedule;
use taper::train::{
    Callback, Communicator, Control, Dataset, Epoch, Fit, Samples, StepReport, Threads, Training,
};
use taper::{
    Error, Layer, Loss, Optimizer, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, Trainer,
};

use super::{all_of, inputs, labels, weights};

/// What may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hook {
    StepSchedule,
    EpochSchedule,
    Divisor,
    LossValue,
    LossName,
    LossCheck,
    Metric,
    Augmentation,
    Sample,
    Has,
    AfterStep,
    AfterEpoch,
    Rule,
    RuleName,
    LayerForward,
    LayerBackward,
    LayerName,
}

/// What fails, how, and whether it does on this rank. Nothing fails before it is armed.
#[derive(Clone, Copy)]
struct Fault {
    hook: Hook,
    panics: bool,
    here: bool,
}

impl Fault {
    /// Fails, if this is what fails.
    fn at(self, hook: Hook) -> Result<()> {
        if !self.here || self.hook != hook {
            return Ok(());
        }
        assert!(!self.panics, "a mistake");
        Err(Error::other("no luck"))
    }

    /// The same where there is no error to be had: `fail` is a number that is one.
    fn number(self, hook: Hook, number: f64, fail: f64) -> f64 {
        if self.at(hook).is_err() { fail } else { number }
    }
}

/// It is told as whatever has it would be.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fault")
    }
}

#[derive(Debug)]
struct Rates(Fault, Hook);

impl Schedule for Rates {
    fn learning_rate(&self, step: u64) -> f64 {
        // Not in the first step or epoch: the others have made one by then.
        if step == 0 { 0.02 } else { self.0.number(self.1, 0.01, f64::NAN) }
    }
}

struct OwnLoss(CrossEntropy, Fault);

impl fmt::Debug for OwnLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.at(Hook::LossName).map_err(|_| fmt::Error)?;
        f.write_str("own")
    }
}

impl Loss<f64> for OwnLoss {
    fn kind(&self) -> &'static str {
        "own"
    }

    fn each(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<Tensor<f64>> {
        self.1.at(Hook::LossValue)?;
        self.0.each(outputs, target)
    }

    fn forward(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<f64> {
        self.1.at(Hook::LossValue)?;
        self.0.forward(outputs, target)
    }

    fn backward(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        gradient: TensorViewMut<'_, f64>,
    ) -> Result<()> {
        self.0.backward(outputs, target, gradient)
    }

    fn divisor(&self, target: Target<'_, f64>) -> Option<f64> {
        let _ = self.1.at(Hook::Divisor);
        Loss::<f64>::divisor(&self.0, target)
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, f64>) -> Result<()> {
        self.1.at(Hook::LossCheck)?;
        Loss::<f64>::check_target(&self.0, outputs, target)
    }
}

struct OwnRule(Adam, Fault);

impl fmt::Debug for OwnRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.at(Hook::RuleName).map_err(|_| fmt::Error)?;
        f.write_str("own")
    }
}

impl Rule<f64> for OwnRule {
    fn kind(&self) -> &'static str {
        "own"
    }

    fn settings(&self) -> &RuleSettings {
        Rule::<f64>::settings(&self.0)
    }

    fn settings_mut(&mut self) -> &mut RuleSettings {
        Rule::<f64>::settings_mut(&mut self.0)
    }

    fn buffers(&self) -> usize {
        Rule::<f64>::buffers(&self.0)
    }

    fn update(&self, update: Update<'_, f64>) {
        let _ = self.1.at(Hook::Rule);
        self.0.update(update);
    }
}

#[derive(Debug, Clone)]
struct OwnLayer(Fault);

impl Layer<f64> for OwnLayer {
    fn kind(&self) -> &'static str {
        "own"
    }

    fn describe(&self) -> String {
        let _ = self.0.at(Hook::LayerName);
        "own".to_owned()
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        x: TensorView<'_, f64>,
        mut y: TensorViewMut<'_, f64>,
        _: &mut Forward<'_, f64>,
    ) -> Result<()> {
        y.as_mut_slice().copy_from_slice(x.as_slice());
        self.0.at(Hook::LayerForward)
    }

    fn backward(&mut self, pass: Backward<'_, f64>, _: &mut dyn GradientSink<f64>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
        }
        self.0.at(Hook::LayerBackward)
    }
}

struct OwnCallback(Fault);

impl Callback<f64> for OwnCallback {
    fn after_step(&mut self, step: &StepReport, _: &mut Training<'_, f64>) -> Result<Control> {
        if step.number > 0 {
            self.0.at(Hook::AfterStep)?;
        }
        Ok(Control::Continue)
    }

    fn after_epoch(&mut self, _: &Epoch, _: &mut Training<'_, f64>) -> Result<Control> {
        self.0.at(Hook::AfterEpoch).map(|()| Control::Continue)
    }
}

struct OwnSamples(Tensor<f64>, Fault);

impl Samples<f64> for OwnSamples {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn read(&self, index: usize, into: &mut [f64]) -> Result<()> {
        self.1.at(Hook::Sample)?;
        into.copy_from_slice(self.0.view().sample(index));
        Ok(())
    }

    fn has(&self, _: usize) -> bool {
        self.1.at(Hook::Has).is_ok()
    }
}

/// How a training of three ranks ends where this fails on rank 1, and what each has then: its text or panic, whether the model is as before,
/// and whether all can still be measured together.
fn ends(hook: Hook, panics: bool) -> Vec<(std::result::Result<String, String>, bool, bool)> {
    all_of(3, move |rank: Threads| {
        let fault = Fault { hook, panics, here: rank.rank() == 1 };
        let (samples, labels) = (OwnSamples(inputs(30), fault), labels(30));
        let whole = inputs(30);
        let model = Sequential::builder([6]).dense(9).relu().layer(OwnLayer(fault)).dense(3);
        let mut model = model.build(&mut taper::seeded(7)).unwrap();
        let optimizer = Optimizer::new(OwnRule(Adam::new(0.03).unwrap(), fault));
        let trainer = Trainer::new(&mut model, OwnLoss(CrossEntropy::new(), fault), optimizer);
        let trainer = trainer.with_batch(10).unwrap();
        let trainer = if hook == Hook::EpochSchedule {
            trainer.with_epoch_schedule(Rates(fault, Hook::EpochSchedule))
        } else {
            trainer.with_schedule(Rates(fault, Hook::StepSchedule))
        };
        let mut trainer = trainer.with_communicator(rank);
        let augment = |_: TensorViewMut<'_, f64>, _: RandomKey| fault.at(Hook::Augmentation);
        let data = Dataset::new(&samples, &labels).unwrap().with_augmentation(&augment);
        let fit = Fit::epochs(2)
            .with_validation(Dataset::new(&whole, &labels).unwrap())
            .with_callback(OwnCallback(fault))
            .with_metric("own", move |_, _| fault.at(Hook::Metric).map(|()| 1.0));
        let before = weights(trainer.model());
        let told = match catch_unwind(AssertUnwindSafe(|| trainer.fit(data, fit))) {
            Ok(result) => Ok(result.unwrap_err().to_string()),
            Err(panic) => Err((*panic.downcast_ref::<&str>().unwrap()).to_owned()),
        };
        let is_as_before = weights(trainer.model()) == before;
        // What fails at any time fails here too, on all.
        let measured = catch_unwind(AssertUnwindSafe(|| {
            trainer.evaluate(Dataset::new(&whole, &labels).unwrap()).map(|evaluation| evaluation.loss)
        }));
        (told, is_as_before, measured.is_ok_and(|measured| measured.is_ok()))
    })
}

#[test]
fn all_ranks_end_with_what_fails_on_one() {
    // Whether it has an error, whether the first step has been made, and whether the ranks can go on together.
    let cases = [
        (Hook::StepSchedule, true, true, true),
        (Hook::EpochSchedule, true, true, true),
        (Hook::Divisor, false, false, false),
        (Hook::LossValue, true, false, false),
        (Hook::LossName, false, false, false),
        (Hook::LossCheck, true, false, false),
        (Hook::Metric, true, true, true),
        (Hook::Augmentation, true, false, true),
        (Hook::Sample, true, false, true),
        (Hook::Has, false, false, true),
        (Hook::AfterStep, true, true, true),
        (Hook::AfterEpoch, true, true, true),
        (Hook::Rule, false, true, false),
        (Hook::RuleName, false, false, true),
        (Hook::LayerForward, true, false, false),
        (Hook::LayerBackward, true, false, true),
        (Hook::LayerName, false, false, false),
    ];
    for (hook, has_error, moves, goes_on) in cases {
        for panics in [true, false] {
            if !panics && !has_error {
                continue;
            }
            let ranks = ends(hook, panics);
            for (rank, (told, is_as_before, can_go_on)) in ranks.iter().enumerate() {
                let case = format!("{hook:?} on rank {rank}: {told:?}");
                match told {
                    Err(text) => assert!(panics && rank == 1 && text == "a mistake", "{case}"),
                    Ok(text) => {
                        let expected = match (panics, hook) {
                            (true, _) => "panic: a mistake",
                            (false, Hook::StepSchedule | Hook::EpochSchedule) => "learning_rate: expected",
                            (false, _) => "no luck",
                        };
                        assert!(text.contains("rank 1: ") && text.contains(expected), "{case}");
                        assert!(!panics || rank != 1, "{case}");
                    }
                }
                // The rule that fails moves nothing on its own rank.
                let is_own_rule = hook == Hook::Rule && rank == 1;
                assert_eq!(*is_as_before, !moves || is_own_rule, "{case}");
                assert_eq!(*can_go_on, goes_on, "{case}");
            }
        }
    }
}

/// A layer that panics where the trainer asks what it costs, which no rank waits for.
#[derive(Debug, Clone)]
struct Costly(bool);

impl Layer<f64> for Costly {
    fn kind(&self) -> &'static str {
        "costly"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        x: TensorView<'_, f64>,
        mut y: TensorViewMut<'_, f64>,
        _: &mut Forward<'_, f64>,
    ) -> Result<()> {
        y.as_mut_slice().copy_from_slice(x.as_slice());
        Ok(())
    }

    fn backward(&mut self, _: Backward<'_, f64>, _: &mut dyn GradientSink<f64>) -> Result<()> {
        Ok(())
    }

    fn multiply_adds(&self, _: &Shape) -> u64 {
        assert!(!self.0 || !BEGUN.get(), "a mistake");
        1
    }
}

thread_local! {
    static BEGUN: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn a_panic_that_nobody_is_told_of_hangs_nobody() {
    // Rank 1 keeps its trainer until rank 0 has ended.
    let ended = Arc::new(Barrier::new(2));
    let told = all_of(2, move |rank: Threads| {
        let (inputs, labels, is_here) = (inputs(30), labels(30), rank.rank() == 1);
        let model = Sequential::builder([6]).layer(Costly(is_here)).dense(3);
        let mut model = model.build(&mut taper::seeded(7)).unwrap();
        let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer).with_communicator(rank);
        let data = Dataset::new(&inputs, &labels).unwrap();
        let fit = Fit::epochs(2).after_epoch(|_, _| BEGUN.set(true));
        let first = catch_unwind(AssertUnwindSafe(|| trainer.fit(data, fit)));
        ended.wait();
        BEGUN.set(false);
        let first = first.map_or_else(|_| "panic".to_owned(), |result| result.unwrap_err().to_string());
        (first, trainer.evaluate(data).unwrap_err().to_string())
    });
    assert_eq!(told[0].0, "all-reduce: expected numbers of all ranks, got none of rank 1, which is gone");
    assert_eq!(told[1].0, "panic");
    for (text, reason) in [(&told[0].1, "which is gone"), (&told[1].1, "were not told of")] {
        assert!(text.starts_with("communicator: expected one that has not failed") && text.contains(reason));
    }
}

#[test]
fn weights_that_a_rule_has_left_different_are_found_before_the_next_step() {
    let told = all_of(2, |rank: Threads| {
        let fault = Fault { hook: Hook::Rule, panics: true, here: rank.rank() == 1 };
        let mut model = Sequential::builder([6]).dense(3).build(&mut taper::seeded(7)).unwrap();
        let optimizer = Optimizer::new(OwnRule(Adam::new(0.01).unwrap(), fault));
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer).with_communicator(rank);
        let (inputs, labels) = (inputs(4), labels(4));
        let first = catch_unwind(AssertUnwindSafe(|| trainer.step(&inputs, &labels[..])));
        let first = first.map_or_else(|_| "panic".to_owned(), |result| result.unwrap_err().to_string());
        (first, trainer.step(&inputs, &labels[..]).unwrap_err().to_string())
    });
    assert_eq!(told[0].0, "rank 1: panic: a mistake");
    assert_eq!(told[1].0, "panic");
    assert!(told[0].1.starts_with("rank 1: expected `checksum of the weights: "), "{told:?}");
    assert_eq!(told[0].1, told[1].1);
}
