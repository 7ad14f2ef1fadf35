//! What training may change, and by how much.

use approx::assert_relative_eq;
use taper::layers::{GradientSink, Whole};
use taper::losses::MeanSquaredError;
use taper::optimizers::{MovingAverage, Sgd, WeightDecay};
use taper::{GradientStore, Optimizer, Scalar, Sequential, Tensor, Trainer, seeded};

use super::{bits, narrow, optimizers, random, weights};

fn train<T: Scalar>(model: &mut Sequential<T>, optimizer: Optimizer<T>, steps: u64) {
    let mut trainer = Trainer::new(model, MeanSquaredError::new(), optimizer);
    for step in 0..steps {
        trainer.step(&random([4, 5], step), &random([4, 3], 100 + step)).unwrap();
    }
}

#[test]
fn frozen_parameters_stay_the_same_to_the_byte() {
    for (name, optimizer) in optimizers::<f32>() {
        let mut model = narrow::<f32>();
        model.freeze("fc1").unwrap();
        model.param_mut("fc2.bias").unwrap().freeze();
        let values = |model: &Sequential<f32>, name: &str| bits(model.param(name).unwrap().buffer());
        let frozen = ["fc1.weight", "fc1.bias", "fc2.bias"];
        let before = frozen.map(|name| values(&model, name));
        let learned = values(&model, "fc2.weight");
        train(&mut model, optimizer, 3);
        assert_eq!(frozen.map(|name| values(&model, name)), before, "{name}");
        assert_ne!(values(&model, "fc2.weight"), learned, "{name}");
    }
}

#[test]
fn unfrozen_parameters_learn_again() {
    let mut model = narrow::<f32>();
    model.freeze("fc1").unwrap();
    model.unfreeze("fc1").unwrap();
    let before = bits(model.param("fc1.weight").unwrap().buffer());
    train(&mut model, Optimizer::new(Sgd::new(0.1).unwrap()), 1);
    assert_ne!(bits(model.param("fc1.weight").unwrap().buffer()), before);
}

/// The weight of 5 × 37 lies in panels that are not full. Whatever the optimizer, what is behind the last column
/// stays zero, and the outputs are those of three loops over the weight as a tensor.
#[test]
fn padding_stays_zero() {
    padding_stays_zero_in::<f32>(1e-5);
    padding_stays_zero_in::<f64>(1e-14);
}

fn padding_stays_zero_in<T: Scalar>(tolerance: f64) {
    for (name, optimizer) in optimizers::<T>() {
        let mut model = narrow::<T>();
        train(&mut model, optimizer, 3);
        for name in ["fc1.weight", "fc2.weight"] {
            let param = model.param(name).unwrap();
            let count = |values: &[T]| values.iter().filter(|value| !value.is_zero()).count();
            assert_eq!(count(param.buffer()), count(param.to_tensor().as_slice()), "padding of {name}");
            assert!(param.buffer().len() > param.count(), "{name} has padding");
        }
        let x = random::<T>([2, 5], 50);
        let hidden = naive(&model, "fc1", &x).map(T::tanh);
        let expected = naive(&model, "fc2", &hidden);
        let found = model.predict(&x).unwrap();
        for (found, expected) in found.as_slice().iter().zip(expected.as_slice()) {
            assert_relative_eq!(
                found.as_f64(),
                expected.as_f64(),
                max_relative = tolerance,
                epsilon = tolerance
            );
        }
        assert!(found.as_slice().iter().all(|value| value.is_finite()), "{name}");
    }
}

/// x·W + b by three loops.
fn naive<T: Scalar>(model: &Sequential<T>, layer: &str, x: &Tensor<T>) -> Tensor<T> {
    let weight = model.param(&format!("{layer}.weight")).unwrap().to_tensor();
    let bias = model.param(&format!("{layer}.bias")).unwrap().to_tensor();
    let &[inputs, outputs] = weight.shape().axes() else { panic!("a matrix") };
    Tensor::from_fn([x.view().batch(), outputs], |i| {
        let (row, column) = (i / outputs, i % outputs);
        let products = (0..inputs).map(|k| x.view().sample(row)[k] * weight.as_slice()[k * outputs + column]);
        products.sum::<T>() + bias.as_slice()[column]
    })
    .unwrap()
}

/// One number of weight 2 and gradient 3, and a step from it.
fn step_of_one(optimizer: &mut Optimizer<f64>, learning_rate_scale: f64, weight_decay_scale: f64) -> f64 {
    let dense = taper::Dense::from_parts(&Tensor::from([[2.0]]), None).unwrap();
    let mut model = Sequential::builder([1]).layer(dense).build(&mut seeded(0)).unwrap();
    let param = model.param_mut("0.weight").unwrap();
    param.set_learning_rate_scale(learning_rate_scale).unwrap();
    param.set_weight_decay_scale(weight_decay_scale).unwrap();
    let mut store = GradientStore::new(&mut model);
    let param = model.param_mut("0.weight").unwrap();
    let mut gradient = vec![0.0; param.buffer().len()];
    gradient[0] = 3.0;
    store.take(param, &Whole(&gradient)).unwrap();
    optimizer.step(&mut model, &mut store).unwrap();
    model.param("0.weight").unwrap().to_tensor().as_slice()[0]
}

#[test]
fn shares_of_learning_rate_and_weight_decay() {
    let sgd = |decay| Optimizer::new(Sgd::new(0.1).unwrap().with_weight_decay(decay).unwrap());
    for (decay, rate_scale, decay_scale, expected) in [
        (WeightDecay::None, 1.0, 1.0, 2.0 - 0.1 * 3.0),
        (WeightDecay::None, 0.5, 1.0, 2.0 - 0.05 * 3.0),
        (WeightDecay::None, 0.0, 1.0, 2.0),
        (WeightDecay::Coupled(0.2), 1.0, 1.0, 2.0 - 0.1 * (3.0 + 0.2 * 2.0)),
        (WeightDecay::Coupled(0.2), 1.0, 0.5, 2.0 - 0.1 * (3.0 + 0.1 * 2.0)),
        (WeightDecay::Coupled(0.2), 2.0, 0.0, 2.0 - 0.2 * 3.0),
        (WeightDecay::Decoupled(0.2), 1.0, 1.0, 2.0 * (1.0 - 0.1 * 0.2) - 0.1 * 3.0),
        (WeightDecay::Decoupled(0.2), 1.0, 0.5, 2.0 * (1.0 - 0.1 * 0.1) - 0.1 * 3.0),
        (WeightDecay::Decoupled(0.2), 0.5, 1.0, 2.0 * (1.0 - 0.05 * 0.2) - 0.05 * 3.0),
        (WeightDecay::Decoupled(0.2), 1.0, 0.0, 2.0 - 0.1 * 3.0),
    ] {
        let found = step_of_one(&mut sgd(decay), rate_scale, decay_scale);
        assert_relative_eq!(found, expected, max_relative = 1e-15);
    }
}

#[test]
fn a_moving_average_follows_its_formula() {
    let mut model = narrow::<f64>();
    let mut average = MovingAverage::new(&model, 0.75).unwrap();
    let value = |model: &Sequential<f64>| model.param("fc1.weight").unwrap().to_tensor().into_vec();
    let mut expected = value(&model);
    for step in 0..5 {
        model.param_mut("fc1.weight").unwrap().set(&random([5, 37], step)).unwrap();
        average.update(&model).unwrap();
        for (expected, weight) in expected.iter_mut().zip(value(&model)) {
            *expected = 0.75 * *expected + 0.25 * weight;
        }
    }
    let before = weights(&model);
    average.swap(&mut model).unwrap();
    assert_eq!(value(&model), expected);
    average.swap(&mut model).unwrap();
    assert_eq!(weights(&model), before);
}
