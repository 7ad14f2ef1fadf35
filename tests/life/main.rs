//! The life of a training: how its calls follow one another, what is left after an error, what is told before it begins.

mod augmentations;
mod augmented;
mod begins;
mod branches;
mod callbacks;
mod calls;
mod errors;
mod optimizer_state;
mod own_errors;
mod own_metrics;
mod owning;
mod sources;
mod undone;
mod warns;

use taper::{Error, Layer, Scalar, Sequential};

/// All numbers of a model, to the bit.
fn weights<T: Scalar>(model: &dyn Layer<T>) -> Vec<u64> {
    let mut bits = Vec::new();
    model.params(&mut |param| bits.extend(param.buffer().iter().map(|w| w.as_f64().to_bits())));
    bits
}

/// The text of an error.
fn error<T>(result: Result<T, Error>) -> String {
    result.map_or_else(|error| error.to_string(), |_| "no error".to_owned())
}

/// 6 → 20 → 3 with a normalisation and dropout: statistics, randomness and weights.
fn model(seed: u64) -> Sequential<f32> {
    let builder = Sequential::builder([6]).dense(20).batch_norm().named("norm").relu().dropout(0.3);
    builder.dense(3).build(&mut taper::seeded(seed)).unwrap()
}
