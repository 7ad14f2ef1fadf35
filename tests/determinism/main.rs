//! The same bits whatever the threads, the batch and the day; and training does what its settings say.

#[path = "../common/layers.rs"]
mod all_layers;
mod apply;
mod batches;
mod parameters;
mod pools;
mod random_models;
#[cfg(feature = "rayon")]
mod threads;
mod trainer;

use taper::optimizers::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, Lion, NAdam, RAdam, RmsProp, Rprop, Rule, Sgd, WeightDecay,
};
use taper::{Layer, Optimizer, Scalar, Sequential, Tensor, seeded};

/// Numbers between −1 and 1 that depend on the seed.
fn random<T: Scalar>(shape: impl Into<taper::Shape>, seed: u64) -> Tensor<T> {
    use rand::Rng;
    let mut rng = seeded(seed);
    Tensor::from_fn(shape, |_| T::of(rng.next_u64() as f64 / 2.0_f64.powi(63) - 1.0)).unwrap()
}

/// Inputs of a model: words where it takes words, else as [`random`].
fn inputs<T: Scalar>(model: &Sequential<T>, batch: usize, seed: u64) -> Tensor<T> {
    let mut x = random::<T>(model.input().with_batch(batch).unwrap(), seed);
    if let Some(words) = model.vocabulary() {
        x.as_mut_slice().iter_mut().for_each(|x| *x = (x.abs() * T::of(words as f64 - 0.5)).floor());
    }
    x
}

/// All weights to the bit, and padding with them.
fn weights<T: Scalar>(model: &dyn Layer<T>) -> Vec<u64> {
    let mut bits = Vec::new();
    model.params(&mut |param| bits.extend(param.buffer().iter().map(|w| w.as_f64().to_bits())));
    bits
}

fn bits<T: Scalar>(values: &[T]) -> Vec<u64> {
    values.iter().map(|value| value.as_f64().to_bits()).collect()
}

/// Every optimizer with all that it can do, and weight decay of both kinds.
fn optimizers<T: Scalar>() -> Vec<(String, Optimizer<T>)> {
    fn optimizer<T: Scalar>(rule: impl Rule<T> + 'static) -> (String, Optimizer<T>) {
        (format!("{rule:?}"), Optimizer::new(rule))
    }
    let rate = 0.05;
    let mut optimizers = Vec::new();
    for decay in [WeightDecay::Coupled(0.1), WeightDecay::Decoupled(0.1)] {
        let sgd = Sgd::new(rate).unwrap().with_weight_decay(decay).unwrap();
        let momentum = sgd.clone().with_momentum(0.9).unwrap();
        let rms = RmsProp::new(rate).unwrap().with_weight_decay(decay).unwrap();
        optimizers.extend([
            optimizer(sgd),
            optimizer(momentum.clone().with_nesterov().unwrap()),
            optimizer(momentum.with_dampening(0.5).unwrap()),
            optimizer(Adam::new(rate).unwrap().with_weight_decay(decay).unwrap()),
            optimizer(rms.clone()),
            optimizer(rms.with_momentum(0.5).unwrap().centered()),
            optimizer(Adagrad::new(rate).unwrap().with_weight_decay(decay).unwrap()),
            optimizer(
                Adagrad::new(rate).unwrap().with_initial(0.1).unwrap().with_weight_decay(decay).unwrap(),
            ),
            optimizer(Lion::new(rate).unwrap().with_weight_decay(decay).unwrap()),
            optimizer(Adam::new(rate).unwrap().with_amsgrad().with_weight_decay(decay).unwrap()),
            optimizer(NAdam::new(rate).unwrap().with_weight_decay(decay).unwrap()),
            // Rectified from the first steps on.
            optimizer(
                RAdam::new(rate).unwrap().with_betas(0.9, 0.8).unwrap().with_weight_decay(decay).unwrap(),
            ),
            optimizer(RAdam::new(rate).unwrap().with_weight_decay(decay).unwrap()),
            optimizer(Adamax::new(rate).unwrap().with_weight_decay(decay).unwrap()),
            optimizer(Adadelta::new(rate).unwrap().with_weight_decay(decay).unwrap()),
            optimizer(Rprop::new(rate).unwrap().with_weight_decay(decay).unwrap()),
            optimizer(Asgd::new(rate).unwrap().with_weight_decay(decay).unwrap()),
            optimizer(Asgd::new(rate).unwrap().with_start(0.0).unwrap().with_weight_decay(decay).unwrap()),
        ]);
    }
    optimizers.push(optimizer(AdamW::new(rate).unwrap()));
    optimizers
}

/// 5 → 37 → 3, with panels that are not full.
fn narrow<T: Scalar>() -> Sequential<T> {
    let builder = Sequential::builder([5]).dense(37).named("fc1").tanh().dense(3).named("fc2");
    builder.build(&mut seeded(7)).unwrap()
}
