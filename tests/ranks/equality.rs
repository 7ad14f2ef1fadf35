//! k ranks with a part of each batch compute what one does with all of it.

use std::sync::{Arc, Mutex};

use taper::layers::{Channels, Conv2d};
use taper::losses::{CrossEntropy, MeanSquaredError, Reduction};
use taper::optimizers::{Adam, AdamW, Clip, Lion, RmsProp, Rule, Sgd};
use taper::schedules::OneCycle;
use taper::train::augment::Noise;
use taper::train::{Communicator, Dataset, Fit, History, Threads};
use taper::{Loss, Optimizer, Sequential, Tensor, Trainer};

use super::{all_of, inputs, labels, model, off, weights};

/// 47 samples in batches of 7: the last has 5. On three ranks the parts are uneven, on nine some are empty.
const SAMPLES: usize = 47;
const BATCH: usize = 7;

/// What a training is made of.
#[derive(Clone, Copy)]
struct Case {
    rule: fn() -> Box<dyn FnOnce() -> Optimizer<f64>>,
    loss: fn() -> CrossEntropy,
    clip: Option<Clip>,
    accumulation: usize,
    weighted: bool,
    augmented: bool,
    epochs: usize,
}

fn rule<R: Rule<f64> + 'static>(rule: R) -> Box<dyn FnOnce() -> Optimizer<f64>> {
    Box::new(|| Optimizer::new(rule))
}

const MOMENTUM: Case = Case {
    rule: || rule(Sgd::new(0.05).unwrap().with_momentum(0.9).unwrap()),
    loss: CrossEntropy::new,
    clip: None,
    accumulation: 1,
    weighted: false,
    augmented: false,
    epochs: 9,
};

const ADAM: Case = Case { rule: || rule(Adam::new(0.01).unwrap()), ..MOMENTUM };

/// Weights, the average, and the history of a training on this rank, or alone.
fn train(case: Case, rank: Option<Threads>) -> (Vec<f64>, Vec<f64>, History) {
    let (inputs, labels) = (inputs(SAMPLES), labels(SAMPLES));
    let sample_weights: Vec<f64> = (0..SAMPLES).map(|sample| (sample % 4) as f64).collect();
    let noise = Noise::new(0.1).unwrap();
    let mut data = Dataset::new(&inputs, &labels).unwrap();
    if case.weighted {
        data = data.with_weights(&sample_weights).unwrap();
    }
    if case.augmented {
        data = data.with_augmentation(&noise);
    }
    let mut model = model();
    let mut optimizer = (case.rule)()();
    if let Some(clip) = case.clip {
        optimizer = optimizer.with_clip(clip).unwrap();
    }
    let mut trainer = Trainer::new(&mut model, (case.loss)(), optimizer)
        .with_batch(BATCH)
        .unwrap()
        .with_accumulation(case.accumulation)
        .unwrap()
        .with_moving_average(0.9)
        .unwrap()
        .with_seed(3);
    if let Some(rank) = rank {
        trainer = trainer.with_communicator(rank);
    }
    let history = trainer.fit(data, Fit::epochs(case.epochs)).unwrap();
    let own = weights(trainer.model());
    trainer.swap_average().unwrap();
    (own, weights(trainer.model()), history)
}

/// Whether 1, 2, 3 and 9 ranks come to what one trainer does alone.
fn check(name: &str, case: Case) {
    let (alone, average, history) = train(case, None);
    assert!(alone.iter().all(|weight| weight.is_finite()), "{name}");
    for size in [1, 2, 3, 9] {
        let ranks = all_of(size, move |rank| train(case, Some(rank)));
        for (own, own_average, own_history) in &ranks {
            assert_eq!(own, &ranks[0].0, "{name}: the same bits on all of {size} ranks");
            let tolerance = if size == 1 { 0.0 } else { 1e-12 };
            assert!(off(own, &alone) <= tolerance, "{name} on {size} ranks: {:e}", off(own, &alone));
            assert!(off(own_average, &average) < 1e-12, "{name} on {size} ranks");
            for (own, expected) in own_history.epochs.iter().zip(&history.epochs) {
                assert!((own.train.loss - expected.train.loss).abs() < 1e-12, "{name} on {size} ranks");
                let (accuracy, expected_accuracy) = (own.train.accuracy, expected.train.accuracy);
                assert!((accuracy.unwrap() - expected_accuracy.unwrap()).abs() < 1e-12);
                assert_eq!(own.train.confusion, expected.train.confusion, "{name} on {size} ranks");
            }
        }
    }
}

#[test]
fn sixty_steps_of_momentum_and_adam() {
    // Seven steps an epoch.
    check("momentum", MOMENTUM);
    check("adam", ADAM);
}

#[test]
fn other_rules() {
    let few = Case { epochs: 3, ..MOMENTUM };
    check("descent", Case { rule: || rule(Sgd::new(0.05).unwrap()), ..few });
    check("adamw", Case { rule: || rule(AdamW::new(0.01).unwrap()), ..few });
    check("lion", Case { rule: || rule(Lion::new(0.001).unwrap()), ..few });
    check("rmsprop", Case { rule: || rule(RmsProp::new(0.001).unwrap()), ..few });
}

#[test]
fn limits_of_gradients() {
    let few = Case { epochs: 3, ..ADAM };
    for clip in [Clip::Value(0.01), Clip::Norm(0.05), Clip::GlobalNorm(0.1)] {
        check("clip", Case { clip: Some(clip), ..few });
        check("clip", Case { clip: Some(clip), accumulation: 3, ..few });
    }
}

#[test]
fn losses_are_divided_by_what_the_whole_batch_has() {
    let few = Case { epochs: 3, ..ADAM };
    check(
        "class weights",
        Case { loss: || CrossEntropy::new().with_class_weights(&[1.0, 5.0, 0.5]).unwrap(), ..few },
    );
    check("ignored", Case { loss: || CrossEntropy::new().with_ignored(1), ..few });
    check("smoothing", Case { loss: || CrossEntropy::new().with_label_smoothing(0.1).unwrap(), ..few });
    check("sum", Case { loss: || CrossEntropy::new().with_reduction(Reduction::Sum), ..few });
    check("weights of samples", Case { weighted: true, ..few });
    check("accumulation", Case { accumulation: 2, weighted: true, ..few });
}

#[test]
fn augmentations_follow_the_number_of_the_sample() {
    check("augmented", Case { augmented: true, epochs: 3, ..ADAM });
}

/// Images with convolutions and dropout of whole channels, in a model inside of another, by a schedule of steps.
fn train_images(rank: Option<Threads>) -> Vec<f64> {
    let inputs = Tensor::from_fn([20, 6, 6, 2], |i| ((i * 29) % 31) as f64 / 15.0 - 1.0).unwrap();
    let targets = Tensor::from_fn([20, 2], |i| (i % 3) as f64).unwrap();
    let rng = &mut taper::seeded(1);
    let conv = Conv2d::new(Channels::new(2, 4), [3, 3], rng).unwrap();
    let inner = Sequential::builder([6, 6, 2]).layer(conv).relu().dropout2d(0.4).build(rng).unwrap();
    let mut model =
        Sequential::builder([6, 6, 2]).layer(inner).flatten().layer_norm().dense(2).build(rng).unwrap();
    let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
    let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), optimizer)
        .with_batch(6)
        .unwrap()
        .with_schedule(OneCycle::new(0.01, 16).unwrap());
    if let Some(rank) = rank {
        trainer = trainer.with_communicator(rank);
    }
    trainer.fit(Dataset::new(&inputs, &targets).unwrap(), Fit::epochs(4)).unwrap();
    weights(trainer.model())
}

#[test]
fn images_and_models_inside() {
    let alone = train_images(None);
    for size in [2, 3] {
        for rank in all_of(size, |rank| train_images(Some(rank))) {
            assert!(off(&rank, &alone) < 1e-12);
        }
    }
}

#[test]
fn a_frozen_part_stays_to_the_bit() {
    let work = |rank: Threads| {
        let (inputs, labels) = (inputs(SAMPLES), labels(SAMPLES));
        let mut model = model();
        model.freeze("0").unwrap();
        let before = model.param("0.weight").unwrap().to_tensor();
        let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer).with_communicator(rank);
        trainer.fit(Dataset::new(&inputs, &labels).unwrap(), Fit::epochs(2)).unwrap();
        assert_eq!(trainer.model().param("0.weight").unwrap().to_tensor(), before);
        trainer.model_mut().unfreeze("0").unwrap();
        trainer.fit(Dataset::new(&inputs, &labels).unwrap(), Fit::epochs(1)).unwrap();
        assert_ne!(trainer.model().param("0.weight").unwrap().to_tensor(), before);
        weights(trainer.model())
    };
    let ranks = all_of(2, work);
    assert_eq!(ranks[0], ranks[1]);
}

#[test]
fn trainers_may_take_turns_at_a_communicator() {
    let ranks = all_of(2, |rank| {
        let (inputs, labels) = (inputs(10), labels(10));
        let mut models = [model(), model()];
        let rank = Arc::new(Mutex::new(rank));
        for model in &mut models {
            let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
            let mut trainer =
                Trainer::new(model, CrossEntropy::new(), optimizer).with_communicator(Arc::clone(&rank));
            trainer.fit(Dataset::new(&inputs, &labels).unwrap(), Fit::epochs(1)).unwrap();
        }
        assert_eq!(rank.size(), 2);
        models.map(|model| weights(&model))
    });
    assert_eq!(ranks[0], ranks[1]);
    assert_eq!(ranks[0][0], ranks[0][1]);
}

/// So that the cases say what they mean.
#[test]
fn the_losses_of_the_cases_differ() {
    let (logits, labels) = (inputs(4), [0, 1, 2, 1]);
    let loss = |loss: CrossEntropy| loss.forward(logits.view(), (&labels).into()).unwrap();
    let ignoring = loss(CrossEntropy::new().with_ignored(1));
    assert!((loss(CrossEntropy::new()) - ignoring).abs() > 1e-3);
}
