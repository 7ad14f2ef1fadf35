//! What callbacks see of a training, and what they change of it.

use std::sync::{Arc, Mutex};

use taper::optimizers::Adam;
use taper::schedules::{Cosine, Schedule};
use taper::train::{Callback, Control, Dataset, Epoch, Fit, StepReport, Training};
use taper::{Optimizer, Param, Result, Sequential, Target, Tensor, Trainer, losses::CrossEntropy};

use super::{model, weights};

const SAMPLES: usize = 40;
const BATCH: usize = 8;

fn inputs() -> Tensor<f32> {
    Tensor::from_fn([SAMPLES, 6], |i| ((i * 29) % 31) as f32 / 31.0 - 0.5).unwrap()
}

fn labels() -> Vec<usize> {
    (0..SAMPLES).map(|sample| sample % 3).collect()
}

fn trainer(model: &mut Sequential<f32>) -> Trainer<'_, f32> {
    let optimizer = Optimizer::new(Adam::new(0.05).unwrap());
    Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(BATCH).unwrap().with_seed(3)
}

/// No neuron's weights get longer than this.
fn constrain(weight: &mut Param<f32>) -> Result<()> {
    const LONGEST: f32 = 0.4;
    let (old, outputs) = (weight.to_tensor(), weight.shape().axes()[1]);
    let mut squares = vec![0.0; outputs];
    old.as_slice().iter().enumerate().for_each(|(i, w)| squares[i % outputs] += w * w);
    let shrink = |i: usize| LONGEST / squares[i % outputs].sqrt().max(LONGEST) * old.as_slice()[i];
    weight.set(&Tensor::from_fn(old.shape(), shrink)?)
}

#[test]
fn steps_are_counted_over_all_calls_and_have_their_learning_rate() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let schedule = Cosine::new(0.1, 20).unwrap();
    let seen = Mutex::new(Vec::new());
    let see = |step: &StepReport, training: &mut Training<'_, f32>| {
        assert_eq!(training.steps(), step.number + 1);
        assert_eq!(training.learning_rate(), step.learning_rate);
        assert_eq!(training.history().epochs.len(), step.epoch);
        assert!(training.outputs().is_none() && training.target().is_none());
        seen.lock().unwrap().push((step.number, step.learning_rate));
        Ok(())
    };
    for accumulation in [1, 2] {
        seen.lock().unwrap().clear();
        let mut model = model(1);
        let trainer = trainer(&mut model).with_schedule(schedule.clone());
        let mut trainer = trainer.with_accumulation(accumulation).unwrap();
        trainer.fit(data, Fit::epochs(2).after_step(see)).unwrap();
        trainer.fit(data, Fit::epochs(1).after_step(see)).unwrap();
        let steps = 3 * (SAMPLES / BATCH).div_ceil(accumulation) as u64;
        let expected: Vec<(u64, f64)> = (0..steps).map(|step| (step, schedule.learning_rate(step))).collect();
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}

/// A constraint after each step is what the loop by hand does with the parameter between two steps.
#[test]
fn what_is_set_after_a_step_is_where_the_next_begins() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let (mut fitted, mut by_hand) = (model(1), model(1));
    let fit = Fit::epochs(2).in_order().after_step(|_, training| constrain(training.param_mut("0.weight")?));
    trainer(&mut fitted).fit(data, fit).unwrap();
    let mut steps = trainer(&mut by_hand);
    for part in (0..SAMPLES / BATCH).cycle().take(2 * SAMPLES / BATCH) {
        let x = Tensor::from_slice([BATCH, 6], &inputs.as_slice()[part * BATCH * 6..][..BATCH * 6]).unwrap();
        steps.step(&x, &labels[part * BATCH..][..BATCH]).unwrap();
        constrain(steps.model_mut().param_mut("0.weight").unwrap()).unwrap();
    }
    assert_eq!(weights(&fitted), weights(&by_hand));
    let mut without = model(1);
    trainer(&mut without).fit(data, Fit::epochs(2).in_order()).unwrap();
    assert_ne!(weights(&fitted), weights(&without));
    // What pads the weight is 0 as it was.
    let weight = fitted.param("0.weight").unwrap();
    let nonzero = weight.buffer().iter().filter(|&&w| w != 0.0).count();
    assert!(weight.buffer().len() > weight.count() && nonzero <= weight.count());
}

/// Ends after so many steps, and sets a bias after each of them.
struct Ends<'a>(&'a Mutex<usize>, usize, bool);

impl Callback<f32> for Ends<'_> {
    fn after_step(&mut self, _: &StepReport, training: &mut Training<'_, f32>) -> Result<Control> {
        if self.2 {
            training.param_mut("0.bias")?.set(&Tensor::full([20], 1.0)?)?;
        }
        let mut count = self.0.lock().unwrap();
        *count += 1;
        Ok(if *count == self.1 { Control::Stop } else { Control::Continue })
    }
}

#[test]
fn a_moving_average_takes_in_what_is_set_with_the_next_step() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let averages = |steps: usize, change: bool| {
        let mut model = model(1);
        let mut trainer = trainer(&mut model).with_moving_average(0.5).unwrap();
        let count = Mutex::new(0);
        trainer.fit(data, Fit::epochs(1).with_callback(Ends(&count, steps, change))).unwrap();
        trainer.swap_average().unwrap();
        trainer.model().param("0.bias").unwrap().to_tensor()
    };
    assert_eq!(averages(1, true), averages(1, false));
    assert_ne!(averages(2, true), averages(2, false));
}

#[derive(Debug)]
struct Halves;

impl Schedule for Halves {
    fn learning_rate(&self, epoch: u64) -> f64 {
        0.05 * 0.5_f64.powi(epoch as i32)
    }
}

struct Halve;

impl Callback<f32> for Halve {
    fn after_epoch(&mut self, epoch: &Epoch, training: &mut Training<'_, f32>) -> Result<Control> {
        assert_eq!(epoch.learning_rate, training.learning_rate());
        training.set_learning_rate(0.5 * training.learning_rate())?;
        assert!(training.set_learning_rate(f64::NAN).is_err());
        Ok(Control::Continue)
    }
}

#[test]
fn a_learning_rate_that_is_set_stays_without_a_schedule() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let (mut by_callback, mut by_schedule) = (model(1), model(1));
    let history = trainer(&mut by_callback).fit(data, Fit::epochs(3).with_callback(Halve)).unwrap();
    let mut scheduled = trainer(&mut by_schedule).with_epoch_schedule(Halves);
    let expected = scheduled.fit(data, Fit::epochs(3)).unwrap();
    assert_eq!(weights(&by_callback), weights(&by_schedule));
    let rates = |history: &taper::train::History| -> Vec<f64> {
        history.epochs.iter().map(|epoch| epoch.learning_rate).collect()
    };
    assert_eq!(rates(&history), rates(&expected));
}

/// The rate of an epoch is that of its last step, also where a callback sets another one behind it.
#[test]
fn an_epoch_tells_the_rate_of_its_last_step() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let set = |step: &StepReport, training: &mut Training<'_, f32>| {
        training.set_learning_rate(1.0 / (step.number + 2) as f64)
    };
    let mut model = model(1);
    let history = trainer(&mut model).fit(data, Fit::epochs(2).after_step(set)).unwrap();
    let rates: Vec<f64> = history.epochs.iter().map(|epoch| epoch.learning_rate).collect();
    assert_eq!(rates, [1.0 / 5.0, 1.0 / 10.0]);
}

/// Lets everything learn after the second epoch.
struct LetGo(Arc<Mutex<Vec<Tensor<f32>>>>);

impl Callback<f32> for LetGo {
    fn after_epoch(&mut self, epoch: &Epoch, training: &mut Training<'_, f32>) -> Result<Control> {
        self.0.lock().unwrap().push(training.model().param("0.weight")?.to_tensor());
        if epoch.epoch == 1 {
            training.params_mut(Param::unfreeze);
        }
        Ok(Control::Continue)
    }
}

#[test]
fn layers_can_be_frozen_and_let_go_on_the_way() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut model = model(1);
    let first = model.param("0.weight").unwrap().to_tensor();
    model.freeze("0").unwrap();
    trainer(&mut model).fit(data, Fit::epochs(3).with_callback(LetGo(seen.clone()))).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!((&seen[0], &seen[1]), (&first, &first));
    assert_ne!(seen[2], first);
}

/// Keeps what it saw of the validation.
struct Sees(Arc<Mutex<Vec<Tensor<f32>>>>, Vec<usize>);

impl Callback<f32> for Sees {
    fn after_epoch(&mut self, _: &Epoch, training: &mut Training<'_, f32>) -> Result<Control> {
        assert_eq!(training.target(), Some(Target::Classes(&self.1)));
        let outputs = training.outputs().expect("asked for");
        self.0.lock().unwrap().push(Tensor::from_slice(outputs.shape(), outputs.as_slice())?);
        Ok(Control::Continue)
    }

    fn needs_outputs(&self) -> bool {
        true
    }
}

/// Asks for outputs that there are not.
struct Blind;

impl Callback<f32> for Blind {
    fn after_epoch(&mut self, _: &Epoch, training: &mut Training<'_, f32>) -> Result<Control> {
        assert!(training.outputs().is_none());
        Ok(Control::Continue)
    }
    fn needs_outputs(&self) -> bool {
        true
    }
}

#[test]
fn the_outputs_of_the_validation_are_there_for_who_asks() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let few = [30, 3, 17, 11, 39, 0, 1, 2, 5];
    let validation = data.subset(&few).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = Sees(seen.clone(), few.iter().map(|&sample| labels[sample]).collect());
    let mut predicted = Vec::new();
    let mut model = model(1);
    let fit = Fit::epochs(3).with_validation(validation).with_callback(sees);
    let fit = fit.after_epoch(|_, model| predicted.push(model.predict(&inputs).unwrap()));
    trainer(&mut model).fit(data, fit).unwrap();
    for (seen, predicted) in seen.lock().unwrap().iter().zip(&predicted) {
        let expected: Vec<f32> =
            few.iter().flat_map(|&sample| predicted.view().sample(sample).to_vec()).collect();
        assert_eq!(seen.as_slice(), expected);
    }
    assert_eq!((seen.lock().unwrap().len(), predicted.len()), (3, 3));
    // Without validation data there are none to see.
    trainer(&mut model).fit(data, Fit::epochs(1).with_callback(Blind)).unwrap();
}

/// What a callback changes by the number of the step alone does not depend on an interruption.
#[cfg(feature = "safetensors")]
#[test]
fn a_training_that_a_callback_changes_goes_on_to_the_same_bits() {
    use taper::io::Checkpoints;

    struct Dies(u64);
    impl Callback<f32> for Dies {
        fn after_step(&mut self, step: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
            if step.number == self.0 {
                Err(taper::Error::other("the power is gone"))
            } else {
                Ok(Control::Continue)
            }
        }
    }
    let path = std::env::temp_dir().join(format!("taper-callbacks-{}.safetensors", std::process::id()));
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let change = |step: &StepReport, training: &mut Training<'_, f32>| {
        constrain(training.param_mut("0.weight")?)?;
        training.set_learning_rate(0.05 / (step.number + 1) as f64)
    };
    let fit = || Fit::epochs(3).after_step(change);
    let mut whole = model(1);
    trainer(&mut whole).fit(data, fit()).unwrap();
    for dies in [1, 4, 7] {
        let (mut first, mut second) = (model(1), model(9));
        let checkpoints = || Checkpoints::new(&path).every_steps(1).unwrap();
        let cut = fit().with_checkpoints(checkpoints()).with_callback(Dies(dies));
        trainer(&mut first).fit(data, cut).unwrap_err();
        let mut resumed = trainer(&mut second);
        resumed.resume(&path).unwrap();
        resumed.fit(data, fit().with_checkpoints(checkpoints())).unwrap();
        assert_eq!(weights(&second), weights(&whole), "{dies}");
    }
    std::fs::remove_file(path).unwrap();
}
