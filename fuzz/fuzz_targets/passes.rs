//! Models of any layers, on any shapes: all ways through one come to the same numbers. The test of that name has the models.

#![no_main]

#[path = "../../tests/determinism/random_models.rs"]
mod random_models;

use libfuzzer_sys::fuzz_target;
use rand::Rng;
use taper::{Scalar, Tensor, seeded};

fn random<T: Scalar>(shape: impl Into<taper::Shape>, seed: u64) -> Tensor<T> {
    let mut rng = seeded(seed);
    Tensor::from_fn(shape, |_| T::of(rng.next_u64() as f64 / 2.0_f64.powi(63) - 1.0)).unwrap()
}

fn bits<T: Scalar>(values: &[T]) -> Vec<u64> {
    values.iter().map(|value| value.as_f64().to_bits()).collect()
}

fuzz_target!(|input: &[u8]| {
    random_models::check::<f32>(input, 1e-3);
});
