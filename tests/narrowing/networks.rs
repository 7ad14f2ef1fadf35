//! Networks and inputs for the tests of narrowing.

use rand::RngExt;
use taper::init::{Init, Initializer};
use taper::{Scalar, Sequential, Shape, Tensor};

/// Numbers from −1 to 1.
pub(crate) fn inputs<T: Scalar>(shape: &[usize], seed: u64) -> Tensor<T> {
    let init: &dyn Initializer<T> = &Init::Uniform { bound: 1.0 };
    init.initialize(Shape::new(shape).unwrap(), 1, &mut taper::seeded(seed)).unwrap()
}

/// A dense network of these widths with ReLU in between, and biases that are not 0. Layers are `fc1`, `fc2`, and so on.
pub(crate) fn dense<T: Scalar>(widths: &[usize], seed: u64) -> Sequential<T> {
    let mut builder = Sequential::builder([widths[0]]);
    for (number, &width) in widths.iter().enumerate().skip(1) {
        builder = builder.dense(width).named(&format!("fc{number}"));
        if number + 1 < widths.len() {
            builder = builder.relu();
        }
    }
    let mut model = builder.build(&mut taper::seeded(seed)).unwrap();
    let mut rng = taper::seeded(seed + 1);
    for number in 1..widths.len() {
        let bias = model.param_mut(&format!("fc{number}.bias")).unwrap();
        let values = Tensor::from_fn(bias.shape(), |_| T::of(rng.random::<f64>() - 0.5)).unwrap();
        bias.set(&values).unwrap();
    }
    model
}

/// The part of the variance of the outputs that is lost, by plain sums.
pub(crate) fn lost<T: Scalar>(before: &Tensor<T>, after: &Tensor<T>) -> f64 {
    let columns = before.view().sample_len();
    let value = |tensor: &Tensor<T>, place: usize| tensor.as_slice()[place].as_f64();
    let count = before.len() / columns;
    let means: Vec<f64> = (0..columns)
        .map(|column| (0..count).map(|row| value(before, row * columns + column)).sum::<f64>() / count as f64)
        .collect();
    let places = || 0..before.len();
    let differences: f64 = places().map(|place| (value(after, place) - value(before, place)).powi(2)).sum();
    let around: f64 = places().map(|place| (value(before, place) - means[place % columns]).powi(2)).sum();
    differences / around
}
