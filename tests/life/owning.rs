//! A trainer that owns its model, and what its model can be told between steps.

use taper::optimizers::{Adam, Sgd};
use taper::train::{Dataset, EarlyStopping, Fit};
use taper::{Optimizer, Sequential, Tensor, Trainer, losses::CrossEntropy};

use super::{error, model, weights};

fn inputs() -> Tensor<f32> {
    Tensor::from_fn([40, 6], |i| ((i * 29) % 31) as f32 / 31.0 - 0.5).unwrap()
}

fn labels() -> Vec<usize> {
    (0..40).map(|sample| sample % 3).collect()
}

fn adam() -> Optimizer<f32> {
    Optimizer::new(Adam::new(0.01).unwrap())
}

/// A struct of a user's that holds both.
struct Learner {
    trainer: Trainer<'static, f32>,
}

#[test]
fn an_owned_model_is_trained_to_the_same_bits() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let mut borrowed = model(1);
    let mut trainer = Trainer::new(&mut borrowed, CrossEntropy::new(), adam()).with_seed(3);
    let expected = trainer.fit(data, Fit::epochs(3)).unwrap();

    let mut learner =
        Learner { trainer: Trainer::owning(model(1), CrossEntropy::new(), adam()).with_seed(3) };
    let history = learner.trainer.fit(data, Fit::epochs(3)).unwrap();
    assert_eq!(history.epochs[2].train, expected.epochs[2].train);
    // It can go to another thread, and come back.
    let learner = std::thread::spawn(move || learner).join().unwrap();
    assert_eq!(weights(learner.trainer.model()), weights(&borrowed));
    assert_eq!(weights(&learner.trainer.into_model()), weights(&borrowed));
}

#[test]
fn a_borrowed_model_is_copied_out() {
    let mut borrowed = model(1);
    let before = weights(&borrowed);
    let copy = Trainer::new(&mut borrowed, CrossEntropy::new(), adam()).into_model();
    borrowed.param_mut("0.bias").unwrap().set(&Tensor::full([20], 3.0).unwrap()).unwrap();
    assert_eq!(weights(&copy), before);
    assert_ne!(weights(&borrowed), before);
}

#[test]
fn parameters_can_be_set_and_frozen_between_steps() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let mut trainer = Trainer::owning(model(1), CrossEntropy::new(), adam());
    let fit = Fit::epochs(2).with_validation(data).with_early_stopping(EarlyStopping::new(3));
    trainer.fit(data, fit).unwrap();
    assert!(trainer.history().restored.is_some());
    let bias = Tensor::full([20], 3.0).unwrap();
    trainer.model_mut().param_mut("0.bias").unwrap().set(&bias).unwrap();
    // These are no epoch's weights.
    assert_eq!(trainer.history().restored, None);
    trainer.model_mut().freeze("0").unwrap();
    trainer.fit(data, Fit::epochs(1)).unwrap();
    assert_eq!(trainer.model().param("0.bias").unwrap().to_tensor(), bias);
}

#[test]
fn another_model_in_its_place_is_an_error_until_training_begins_anew() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let other = || Sequential::<f32>::builder([6]).dense(7).dense(3).build(&mut taper::seeded(2)).unwrap();
    for (warm, accumulation) in [(false, 1), (true, 1), (false, 2), (true, 2)] {
        let trainer = Trainer::owning(model(1), CrossEntropy::new(), Optimizer::new(Sgd::new(0.1).unwrap()));
        let trainer = trainer.with_batch(8).unwrap().with_accumulation(accumulation).unwrap();
        let mut trainer = trainer.with_moving_average(0.9).unwrap();
        if warm {
            trainer.fit(data, Fit::epochs(1)).unwrap();
        }
        *trainer.model_mut() = other();
        let text = error(trainer.fit(data, Fit::epochs(1)));
        assert_ne!(text, "no error", "warm {warm}, accumulation {accumulation}");
        assert_eq!(weights(trainer.model()), weights(&other()), "{text}");
        trainer.begin_anew();
        trainer.fit(data, Fit::epochs(1)).unwrap();
        assert_ne!(weights(trainer.model()), weights(&other()));
    }
}
