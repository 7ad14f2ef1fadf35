//! What every rule does, whatever its formula.

use super::*;
use crate::optimizers::{Adadelta, Adagrad, Adam, Adamax, Asgd, Lion, NAdam, RAdam, RmsProp, Rprop, Sgd};

/// More than are computed side by side.
const ELEMENTS: usize = LANES + 1;

/// Weights that start at 0, and what a rule remembers of them.
struct Memory {
    weight: [f32; ELEMENTS],
    buffers: [[f32; ELEMENTS]; MAX_BUFFERS],
    steps: u64,
}

impl Memory {
    fn new(rule: &dyn Rule<f32>) -> Self {
        let initial = [rule.initial() as f32; ELEMENTS];
        Self { weight: [0.0; ELEMENTS], buffers: [initial; MAX_BUFFERS], steps: 0 }
    }

    fn step(&mut self, rule: &dyn Rule<f32>, gradient: f32) {
        self.step_below(rule, gradient, f32::INFINITY);
    }

    fn step_below(&mut self, rule: &dyn Rule<f32>, gradient: f32, limit: f32) {
        self.steps += 1;
        let adjust = Adjust { scale: 1.0, limit, decay: 0.0, shrink: 1.0 };
        let begun = Begun { step: self.steps, learning_rate: 1.0, adjust };
        let buffers = self.buffers.each_mut().map(|buffer| &mut buffer[..]);
        rule.update(Update::of(begun, &mut self.weight, &[gradient; ELEMENTS], buffers));
    }
}

/// Each rule with a learning rate of 0.1, and no ε where it can do without.
fn rules() -> Vec<Box<dyn Rule<f32>>> {
    let momentum = Sgd::new(0.1).unwrap().with_momentum(0.9).unwrap();
    vec![
        Box::new(Sgd::new(0.1).unwrap()),
        Box::new(momentum.with_nesterov().unwrap()),
        Box::new(Adam::new(0.1).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(Adam::new(0.1).unwrap().with_epsilon(0.0).unwrap().with_amsgrad()),
        Box::new(NAdam::new(0.1).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(RAdam::new(0.1).unwrap().with_betas(0.9, 0.8).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(Adamax::new(0.1).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(Adadelta::new(0.1).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(RmsProp::new(0.1).unwrap().centered().with_momentum(0.9).unwrap()),
        Box::new(Adagrad::new(0.1).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(Lion::new(0.1).unwrap()),
        Box::new(Rprop::new(0.1).unwrap()),
        Box::new(Asgd::new(0.1).unwrap().with_start(2.0).unwrap()),
    ]
}

#[test]
fn an_element_without_weight_and_gradient_stays_zero() {
    for rule in rules() {
        let mut memory = Memory::new(&*rule);
        (0..12).for_each(|_| memory.step(&*rule, 0.0));
        assert_eq!(memory.weight, [0.0; ELEMENTS], "{rule:?}");
    }
}

#[test]
fn a_gradient_of_nan_is_not_hidden() {
    for rule in rules() {
        let mut memory = Memory::new(&*rule);
        (0..9).for_each(|_| memory.step(&*rule, 0.5));
        memory.step(&*rule, f32::NAN);
        assert!(memory.weight.iter().all(|weight| weight.is_nan()), "{rule:?}");
    }
}

#[test]
fn a_limit_that_no_gradient_reaches_changes_nothing() {
    for rule in &rules() {
        // The first takes the loop without clipping, the second the loop with it, and the third clips.
        let [without, with, clipped] = [f32::INFINITY, 1e30, 0.25].map(|limit| {
            let mut memory = Memory::new(&**rule);
            (0..5).for_each(|step| memory.step_below(&**rule, 0.5 - step as f32 / 3.0, limit));
            (memory.weight.map(f32::to_bits), memory.buffers.map(|buffer| buffer.map(f32::to_bits)))
        });
        assert_eq!(without, with, "{rule:?}");
        assert_ne!(without, clipped, "{rule:?}");
    }
}

#[test]
fn memory_ends_as_zero_and_never_as_a_subnormal_number() {
    let momentum = || Sgd::new(1.0).unwrap().with_momentum(0.9).unwrap();
    let adam = Adam::new(1.0).unwrap().with_betas(0.9, 0.99).unwrap();
    let rms_prop = RmsProp::new(1.0).unwrap().centered().with_momentum(0.9).unwrap();
    let lion = Lion::new(1.0).unwrap().with_betas(0.9, 0.9).unwrap();
    let rules: [Box<dyn Rule<f32>>; 8] = [
        Box::new(momentum()),
        Box::new(momentum().with_nesterov().unwrap()),
        Box::new(adam),
        Box::new(rms_prop),
        Box::new(lion),
        Box::new(NAdam::new(1.0).unwrap().with_betas(0.9, 0.99).unwrap()),
        Box::new(RAdam::new(1.0).unwrap().with_betas(0.9, 0.99).unwrap()),
        Box::new(Adadelta::new(1.0).unwrap()),
    ];
    for rule in &rules {
        let (mut memory, kept) = (Memory::new(&**rule), rule.buffers());
        memory.step(&**rule, 1.0);
        assert!(memory.buffers[..kept].as_flattened().iter().all(|&number| number != 0.0), "{rule:?}");
        for step in 0..10_000 {
            memory.step(&**rule, 0.0);
            let subnormal = memory.buffers.as_flattened().iter().find(|number| number.is_subnormal());
            assert_eq!(subnormal, None, "{rule:?}, step {step}");
        }
        assert_eq!(memory.buffers[..kept].as_flattened(), vec![0.0; kept * ELEMENTS], "{rule:?}");
    }
}

#[test]
fn a_step_is_bounded_however_small_gradient_and_epsilon_are() {
    let rules: [Box<dyn Rule<f32>>; 8] = [
        Box::new(Adam::new(1.0).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(RmsProp::new(1.0).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(Adagrad::new(1.0).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(Adam::new(1.0).unwrap().with_epsilon(0.0).unwrap().with_amsgrad()),
        Box::new(NAdam::new(1.0).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(RAdam::new(1.0).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(Adamax::new(1.0).unwrap().with_epsilon(0.0).unwrap()),
        Box::new(Adadelta::new(1.0).unwrap().with_epsilon(0.0).unwrap()),
    ];
    for rule in &rules {
        for exponent in 0..=45 {
            let (mut memory, mut before) = (Memory::new(&**rule), 0.0);
            for step in 1..=100 {
                memory.step(&**rule, 10_f32.powi(-exponent));
                // RMSprop's first step is 1/√(1 − 0.99) learning rates long, the others' one.
                let length = (memory.weight[0] - before).abs();
                assert!(length <= 10.01, "{rule:?}, 1e-{exponent}, step {step}: {length}");
                before = memory.weight[0];
            }
        }
    }
}
