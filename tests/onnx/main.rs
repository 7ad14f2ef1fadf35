//! Models from ONNX files, against what ONNX Runtime makes of the same files.

#[path = "../common/layers.rs"]
mod all_layers;
mod backend;
mod constants;
mod eight_bits;
mod graph;
mod hostile;
mod models;
mod networks;
mod operators;
mod written;
mod written_eight_bits;
mod written_models;

use std::path::PathBuf;

use taper::io::TensorFile;
use taper::{Sequential, Tensor};

/// A file of `tests/fixtures/onnx`.
fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "onnx", name].iter().collect()
}

/// Whether a file has whole numbers of few bits. A runtime rounds them otherwise, so they are in tests of their own.
fn is_rounded(name: &str) -> bool {
    name.ends_with("_static") || name.ends_with("_dynamic") || name == "weights"
}

/// The input and the output that stand beside a file.
fn values(name: &str) -> (Tensor<f32>, Tensor<f32>) {
    let file = TensorFile::open(fixture(&format!("{name}.safetensors"))).unwrap();
    (file.tensor("x").unwrap(), file.tensor("y").unwrap())
}

/// How far the outputs of a model are from others, as a share of the largest of them.
fn off(model: &Sequential<f32>, x: &Tensor<f32>, y: &Tensor<f32>) -> f32 {
    let got = model.predict(x).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(got.shape(), y.shape());
    let largest = y.as_slice().iter().fold(f32::MIN_POSITIVE, |largest, y| largest.max(y.abs()));
    let off = got.as_slice().iter().zip(y.as_slice()).map(|(got, y)| (got - y).abs());
    off.fold(0.0, |most, off| if off.is_nan() { f32::NAN } else { most.max(off) }) / largest
}
