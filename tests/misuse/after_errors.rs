//! After an error nothing is lost: the model is as it was, and the same workspace and trainer go on.

use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::{Adam, Optimizer};
use taper::train::{Dataset, Fit};
use taper::{GradientStore, Mode, Sequential, Tensor, Trainer};

use super::own_layers::{Fault, nested};
use super::{error, model};

fn x(batch: usize) -> Tensor<f32> {
    Tensor::from_fn([batch, 4], |i| (i % 5) as f32 - 2.0).unwrap()
}

/// All weights, to the bit.
fn weights(model: &Sequential<f32>) -> Vec<u32> {
    let mut bits = Vec::new();
    taper::Layer::params(model, &mut |param| bits.extend(param.buffer().iter().map(|w| w.to_bits())));
    bits
}

fn adam() -> Optimizer<f32> {
    Optimizer::new(Adam::new(0.1).unwrap())
}

#[test]
fn a_trainer_goes_on_after_failed_steps() {
    let (mut model, mut clean) = (model(), model());
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), adam());
    let mut untroubled = Trainer::new(&mut clean, CrossEntropy::new(), adam());
    for _ in 0..3 {
        let before = weights(trainer.model());
        trainer.step(&x(2), &[0, 2]).unwrap_err();
        trainer.step(&x(2), &[0]).unwrap_err();
        trainer.step(&x(2), &x(2)).unwrap_err();
        trainer.step(&Tensor::zeros([2, 3]).unwrap(), &[0, 1]).unwrap_err();
        trainer.step(&Tensor::full([2, 4], f32::INFINITY).unwrap(), &[0, 1]).unwrap_err();
        assert_eq!(weights(trainer.model()), before);
        let loss = trainer.step(&x(2), &[0, 1]).unwrap();
        assert_eq!(loss.to_bits(), untroubled.step(&x(2), &[0, 1]).unwrap().to_bits());
        assert_eq!(weights(trainer.model()), weights(untroubled.model()));
    }
}

#[test]
fn fitting_leaves_the_weights_of_the_last_good_step() {
    let mut inputs = x(6);
    inputs.as_mut_slice()[4 * 4..5 * 4].copy_from_slice(&[1e30, -1e30, 1e30, -1e30]);
    let targets = Tensor::from_fn([6, 2], |i| (i % 2) as f32).unwrap();
    let (mut model, mut clean) = (model(), model());
    let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), adam()).with_batch(2).unwrap();
    let data = Dataset::new(&inputs, &targets).unwrap();
    let text = error(trainer.fit(data, Fit::epochs(2).in_order()));
    assert_eq!(text, "loss in epoch 0, step 2: expected a finite value, got inf");

    let mut untroubled = Trainer::new(&mut clean, MeanSquaredError::new(), adam());
    let target = Tensor::from([[0.0, 1.0], [0.0, 1.0]]);
    untroubled.step(&x(2), &target).unwrap();
    let second = Tensor::from_slice([2, 4], &x(4).as_slice()[8..]).unwrap();
    untroubled.step(&second, &target).unwrap();
    assert_eq!(weights(trainer.model()), weights(untroubled.model()));

    // What cannot be judged is told before anything is learned.
    let before = weights(trainer.model());
    let stopping = taper::train::EarlyStopping::new(1);
    trainer.fit(data, Fit::epochs(2).in_order().with_early_stopping(stopping)).unwrap_err();
    assert_eq!(weights(trainer.model()), before);
}

/// A loss that refuses its target leaves no gradient behind, and the right target can still be given.
#[test]
fn a_refused_target_is_not_learned_from() {
    let mut model = model();
    let mut workspace = model.workspace(Mode::Train, 2).unwrap();
    let mut store = GradientStore::new(&mut model);
    model.forward_pass(&x(2), &mut workspace).unwrap();
    workspace.loss(&CrossEntropy::new(), &[0, 9]).unwrap_err();
    let text = error(model.backward_pass(&x(2), &mut workspace, &mut store));
    assert!(text.starts_with("workspace: expected a training pass and its loss"), "{text}");
    // Nor is a gradient of an earlier loss.
    workspace.loss(&CrossEntropy::new(), &[0, 1]).unwrap();
    workspace.loss(&CrossEntropy::new(), &[0, 9]).unwrap_err();
    model.backward_pass(&x(2), &mut workspace, &mut store).unwrap_err();
    workspace.loss(&CrossEntropy::new(), &[0, 1]).unwrap();
    model.backward_pass(&x(2), &mut workspace, &mut store).unwrap();
    adam().step(&mut model, &mut store).unwrap();
}

/// What failed half-way is neither outputs nor something to take a loss of.
#[test]
fn a_failed_pass_leaves_no_outputs() {
    let broken = nested(Fault::Forward);
    let mut workspace = broken.workspace(Mode::Train, 2).unwrap();
    broken.forward_pass(&x(2), &mut workspace).unwrap_err();
    assert_eq!(workspace.outputs().batch(), 0);
    let text = error(workspace.loss(&MeanSquaredError::new(), &Tensor::zeros([2, 3]).unwrap()));
    assert_eq!(
        text,
        "workspace: expected a training pass before the loss, got none; call `forward_pass` first"
    );
    broken.infer(&x(2), &mut workspace).unwrap_err();
    assert_eq!(workspace.outputs().batch(), 0);
}

#[test]
fn a_workspace_goes_on_after_wrong_calls() {
    let mut model = model();
    let mut workspace = model.workspace(Mode::Train, 2).unwrap();
    let mut store = GradientStore::new(&mut model);
    let before = weights(&model);
    let expected = model.predict(&x(2)).unwrap();
    model.forward_pass(&x(2), &mut workspace).unwrap();
    // Calls that are refused before anything is computed do not disturb the pass.
    model.infer(&x(3), &mut workspace).unwrap_err();
    model.forward_pass(&Tensor::zeros([2, 5]).unwrap(), &mut workspace).unwrap_err();
    nested(Fault::None).infer(&x(2), &mut workspace).unwrap_err();
    workspace.loss(&CrossEntropy::new(), &[0, 1]).unwrap();
    model.backward_pass(&x(1), &mut workspace, &mut store).unwrap_err();
    nested(Fault::None).backward_pass(&x(2), &mut workspace, &mut store).unwrap_err();
    model.backward_pass(&x(2), &mut workspace, &mut store).unwrap();
    assert_eq!(workspace.outputs(), expected.view());
    assert_eq!(weights(&model), before);
    assert_eq!(model.infer(&x(2), &mut workspace).unwrap(), expected.view());
}

#[test]
fn a_failed_step_or_set_changes_nothing() {
    let mut model = model();
    let before = weights(&model);
    let mut optimizer = adam();
    let mut store = GradientStore::new(&mut model);
    optimizer.step(&mut model, &mut store).unwrap_err();
    model.param_mut("fc1.weight").unwrap().set(&Tensor::zeros([3, 4]).unwrap()).unwrap_err();
    model.param_mut("fc1.bias").unwrap().set(&Tensor::zeros([4]).unwrap()).unwrap_err();
    model.freeze("fc3").unwrap_err();
    optimizer.set_learning_rate(-1.0).unwrap_err();
    assert_eq!((weights(&model), optimizer.learning_rate()), (before, 0.1));
    assert!(!model.param("fc1.weight").unwrap().is_frozen());
}
