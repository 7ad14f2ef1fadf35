//! A training on several ranks: what is that of one, what ends on all of them, and that none waits for one that is gone.

mod bits;
mod equality;
mod faults;
mod hooks;
mod lines;
#[cfg(feature = "safetensors")]
mod resume;
mod shards;
mod statistics;
mod steps;
mod synchronized;
mod whole;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use taper::train::Threads;
use taper::{Layer, Sequential, Tensor};

/// What each rank has of its own work; a panic is told as its text. One that takes longer than five minutes hangs.
fn on_ranks<R: Send + 'static>(
    size: usize,
    work: impl Fn(Threads) -> R + Send + Clone + 'static,
) -> Vec<Result<R, String>> {
    let (sender, receiver) = mpsc::channel();
    for (number, rank) in Threads::new(size).into_iter().enumerate() {
        let (sender, work) = (sender.clone(), work.clone());
        thread::spawn(move || {
            let done = thread::spawn(move || work(rank)).join();
            let done = done.map_err(|panic| match panic.downcast_ref::<&str>() {
                Some(text) => (*text).to_owned(),
                None => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
            });
            let _ = sender.send((number, done));
        });
    }
    let mut all: Vec<_> =
        (0..size).map(|_| receiver.recv_timeout(Duration::from_secs(300)).expect("a rank hangs")).collect();
    all.sort_by_key(|&(number, _)| number);
    all.into_iter().map(|(_, done)| done).collect()
}

/// The same where no rank panics.
fn all_of<R: Send + 'static>(size: usize, work: impl Fn(Threads) -> R + Send + Clone + 'static) -> Vec<R> {
    on_ranks(size, work).into_iter().map(|rank| rank.unwrap_or_else(|panic| panic!("{panic}"))).collect()
}

/// All numbers of a model.
fn weights(model: &Sequential<f64>) -> Vec<f64> {
    let mut weights = Vec::new();
    model.params(&mut |param| weights.extend_from_slice(param.to_tensor().as_slice()));
    weights
}

/// The largest difference.
fn off(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// So many samples of 6 numbers.
fn inputs(samples: usize) -> Tensor<f64> {
    Tensor::from_fn([samples, 6], |i| ((i * 37) % 101) as f64 / 50.0 - 1.0).unwrap()
}

/// Their classes, of three.
fn labels(samples: usize) -> Vec<usize> {
    (0..samples).map(|sample| (sample * sample + 1) % 3).collect()
}

/// 6 → 16 → 3 with dropout.
fn model() -> Sequential<f64> {
    Sequential::builder([6]).dense(16).gelu().dropout(0.3).dense(3).build(&mut taper::seeded(7)).unwrap()
}
