//! What an optimizer remembers, read and set.

use taper::optimizers::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, Lion, NAdam, ParamState, RAdam, RmsProp, Rprop, Sgd,
};
use taper::{Optimizer, Tensor, Trainer, losses::CrossEntropy};

use super::{error, model, weights};

fn trainer(seed: u64) -> Trainer<'static, f32> {
    Trainer::owning(model(seed), CrossEntropy::new(), Optimizer::new(Adam::new(0.01).unwrap()))
}

fn step(trainer: &mut Trainer<'_, f32>, count: usize) {
    let inputs = Tensor::from_fn([8, 6], |i| ((i * 29) % 31) as f32 / 31.0 - 0.5).unwrap();
    for _ in 0..count {
        trainer.step(&inputs, &[0, 1, 2, 0, 1, 2, 0, 1]).unwrap();
    }
}

#[test]
fn what_is_read_and_set_goes_on_to_the_same_bits() {
    let (mut whole, mut first) = (trainer(1), trainer(1));
    step(&mut whole, 5);
    step(&mut first, 3);
    // Dropout goes by the passes of a trainer, so the first steps are made there as well, on another model.
    let mut second = trainer(2);
    step(&mut second, 3);
    let mut names = Vec::new();
    for state in first.optimizer_state().unwrap() {
        names.push(state.parameter.clone());
        let value = first.model().param(&state.parameter).unwrap().to_tensor();
        second.model_mut().param_mut(&state.parameter).unwrap().set(&value).unwrap();
    }
    second.set_optimizer_state(&first.optimizer_state().unwrap()).unwrap();
    assert_eq!(second.optimizer_state().unwrap(), first.optimizer_state().unwrap());
    step(&mut second, 2);
    assert_eq!(weights(second.model()), weights(whole.model()));
    assert!(names.contains(&"0.weight".to_owned()), "{names:?}");
}

#[test]
fn before_the_first_step_it_is_what_the_rule_begins_with() {
    let states = trainer(1).optimizer_state().unwrap();
    assert!(states.iter().all(|state| state.steps == 0));
    let optimizer = Optimizer::<f32>::new(Adam::new(0.01).unwrap());
    assert_eq!(optimizer.state(&model(1)).unwrap(), states);
    let plain = Optimizer::<f32>::new(Sgd::new(0.1).unwrap()).state(&model(1)).unwrap();
    assert!(plain.iter().all(|state| state.buffers.is_empty()));
}

fn optimizers() -> [Optimizer<f32>; 14] {
    [
        Optimizer::new(Adadelta::new(0.1).unwrap()),
        Optimizer::new(Adagrad::new(0.1).unwrap()),
        Optimizer::new(Adam::new(0.1).unwrap()),
        Optimizer::new(Adam::new(0.1).unwrap().with_amsgrad()),
        Optimizer::new(AdamW::new(0.1).unwrap()),
        Optimizer::new(AdamW::new(0.1).unwrap().with_amsgrad()),
        Optimizer::new(Adamax::new(0.1).unwrap()),
        Optimizer::new(Asgd::new(0.1).unwrap()),
        Optimizer::new(Lion::new(0.1).unwrap()),
        Optimizer::new(NAdam::new(0.1).unwrap()),
        Optimizer::new(RAdam::new(0.1).unwrap()),
        Optimizer::new(RmsProp::new(0.1).unwrap().with_momentum(0.9).unwrap().centered()),
        Optimizer::new(Rprop::new(0.1).unwrap()),
        Optimizer::new(Sgd::new(0.1).unwrap().with_momentum(0.9).unwrap()),
    ]
}

/// Each has a name of its own, also those that a setting adds.
#[test]
fn every_rule_names_its_buffers() {
    for optimizer in optimizers() {
        let rule = optimizer.rule();
        let names: Vec<&str> = (0..rule.buffers()).map(|buffer| rule.buffer_name(buffer)).collect();
        assert!(!names.is_empty() && names.iter().all(|name| !name.starts_with("buffer_")), "{rule:?}");
        assert!(names.iter().enumerate().all(|(i, name)| !names[..i].contains(name)), "{names:?}");
    }
}

/// Sums and means of squares, and lengths of steps: by PyTorch's names for them.
#[test]
fn what_can_be_negative_is_taken_and_squares_are_not() {
    let of_squares =
        ["square_avg", "acc_delta", "sum", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "step_size"];
    for optimizer in optimizers() {
        let name = format!("{:?}", optimizer.rule());
        let mut trainer = Trainer::owning(model(1), CrossEntropy::new(), optimizer);
        step(&mut trainer, 1);
        let before = trainer.optimizer_state().unwrap();
        for buffer in 0..before[0].buffers.len() {
            let mut states = before.clone();
            states[0].buffers[buffer].1.as_mut_slice()[0] = -0.5;
            let is_taken = trainer.set_optimizer_state(&states).is_ok();
            let buffer = states[0].buffers[buffer].0.as_str();
            assert_eq!(is_taken, !of_squares.contains(&buffer), "{buffer} of {name}");
        }
    }
}

#[test]
fn some_parameters_can_be_set_alone() {
    let mut trainer = trainer(1);
    step(&mut trainer, 2);
    let before = trainer.optimizer_state().unwrap();
    let mut one = before[0].clone();
    one.steps = 7;
    // A subnormal number is none that a rule remembers.
    one.buffers[0].1.as_mut_slice()[3] = 1e-40;
    trainer.set_optimizer_state(&[one]).unwrap();
    let after = trainer.optimizer_state().unwrap();
    assert_eq!(after[1..], before[1..]);
    assert_eq!((after[0].steps, after[0].buffers[0].1.as_slice()[3]), (7, 0.0));
}

type Change = fn(&mut Vec<ParamState<f32>>);

#[test]
fn what_does_not_fit_changes_nothing() {
    let mut trainer = trainer(1);
    step(&mut trainer, 2);
    let before = trainer.optimizer_state().unwrap();
    let cases: [(Change, &str); 8] = [
        (|s| s[1].parameter = "9.bias".into(), "parameter name: expected one of `0.weight`, `0.bias`, "),
        (
            |s| s[1].parameter = "0.weight".into(),
            "optimizer state: expected one for each parameter, got two of `0.weight`",
        ),
        (
            |s| drop(s[1].buffers.pop()),
            "optimizer state: expected the buffers of the rule, got exp_avg for `0.bias`, of which the rule has exp_avg, exp_avg_sq",
        ),
        (
            |s| s[1].buffers[1].0 = "sum".into(),
            "optimizer state: expected the buffers of the rule, got exp_avg, sum for `0.bias`, of which",
        ),
        (
            |s| s[1].buffers[1] = s[1].buffers[0].clone(),
            "optimizer state: expected the buffers of the rule, got",
        ),
        (
            |s| s[1].buffers[1].1 = Tensor::zeros([1, 20]).unwrap(),
            "expected optimizer state [20], got [1, 20] in `exp_avg_sq` of `0.bias`",
        ),
        (
            |s| s[1].buffers[0].1.as_mut_slice()[4] = f32::NAN,
            "`exp_avg` of `0.bias`: expected a finite value, got NaN",
        ),
        (
            |s| s[1].buffers[1].1.as_mut_slice()[4] = -1.0,
            "optimizer state: expected numbers of at least 0 in a buffer of squares or lengths, got -1 in `exp_avg_sq` of `0.bias`",
        ),
    ];
    for (change, expected) in cases {
        let mut states = before.clone();
        states[0].steps = 99;
        change(&mut states);
        let text = error(trainer.set_optimizer_state(&states));
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(trainer.optimizer_state().unwrap(), before);
    }
    let other = taper::Sequential::builder([2]).dense(2).build(&mut taper::seeded(1)).unwrap();
    let text = error(trainer.optimizer().state(&other));
    assert!(text.contains("expected one that the optimizer was made for"), "{text}");
}

#[test]
fn steps_beyond_all_counting_stay_there() {
    let mut trainer = trainer(1);
    step(&mut trainer, 1);
    let mut states = trainer.optimizer_state().unwrap();
    states.iter_mut().for_each(|state| state.steps = u64::MAX);
    trainer.set_optimizer_state(&states).unwrap();
    step(&mut trainer, 2);
    assert!(trainer.optimizer_state().unwrap().iter().all(|state| state.steps == u64::MAX));
    assert!(weights(trainer.model()).iter().all(|&bits| f64::from_bits(bits).is_finite()));
    let mut workspace = trainer.model().workspace(taper::Mode::Train, 2).unwrap();
    workspace.set_random(0, u64::MAX);
    trainer.model().forward_pass(&Tensor::zeros([2, 6]).unwrap(), &mut workspace).unwrap();
}
