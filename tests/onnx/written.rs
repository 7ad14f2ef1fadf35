//! Every layer written as ONNX and read again.

use super::all_layers::{layers, number};
use super::{fixture, values};
use std::path::{Path, PathBuf};

use taper::io::ToOnnx;
use taper::{Layer, Scalar, Sequential, Shape, Tensor};

/// Every layer with its name, alone in a model.
pub(crate) fn models<T: Scalar>() -> Vec<(String, Sequential<T>)> {
    layers(3).into_iter().chain(layers(8)).collect()
}

/// A batch of inputs for a model; whole numbers for one that takes words.
pub(crate) fn inputs<T: Scalar>(model: &Sequential<T>, batch: usize) -> Tensor<T> {
    let value = |place: usize| match model.vocabulary() {
        Some(words) => T::of((place * 7 % words) as f64),
        None => T::of(3.0 * number(place)),
    };
    Tensor::from_fn(model.input().with_batch(batch).unwrap(), value).unwrap()
}

/// The samples with their last axis in front of the others.
pub(crate) fn channels_first<T: Scalar>(x: &Tensor<T>) -> Tensor<T> {
    let shape = x.shape();
    let &[batch, ref places @ .., channels] = shape.axes() else { panic!("a batch") };
    let count: usize = places.iter().product();
    let shape = Shape::new(&[&[batch, channels], places].concat()).unwrap();
    let value = |index: usize| {
        let (sample, channel, place) = (index / (channels * count), index / count % channels, index % count);
        x.as_slice()[(sample * count + place) * channels + channel]
    };
    Tensor::from_fn(shape, value).unwrap()
}

fn is_turned(sample: Shape) -> bool {
    matches!(sample.rank(), 2 | 3)
}

/// How far a layer comes back.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Return {
    /// The same bits.
    Bits,
    /// The same function, rounded elsewhere.
    Near,
    /// It is for other programs alone.
    Refused,
}

/// How far a layer has to come back, by its name in the table.
fn expected_return(name: &str) -> Return {
    let is_uneven = |name: &str| {
        ["adaptive_max_pool2d [5, 3]", "adaptive_avg_pool2d [5, 3]"].contains(&name)
            || ["adaptive_max_pool1d 3", "adaptive_avg_pool1d 3"].contains(&name)
    };
    match name {
        // Axes are cut where they were not put together.
        "reshape" => Return::Refused,
        // A choice between a value and a constant.
        name if name.starts_with("Threshold") && !name.contains("value: 0.0") => Return::Refused,
        // A slope for each element, where only some are read for each channel.
        name if name.starts_with("prelu [3, ") => Return::Refused,
        // Zeros behind what the windows reach.
        name if name.starts_with("conv_transpose2d -> 4, 2x3 dilation 2x1") => Return::Refused,
        // Parts of an axis.
        name if is_uneven(name) => Return::Refused,
        // Constants become a normalisation that multiplies and adds, where other numbers were divided.
        name if name.starts_with("normalization") => Return::Near,
        name if name.starts_with("ScaledSoftplus") && name.contains("inf") => Return::Near,
        name if name.starts_with("avg_pool") && name.contains(" / ") => Return::Near,
        // With channels first, the axes that are normalised together lie in another order, and so do their sums.
        name if name.starts_with("layer_norm of [3, ") || name == "branches, side by side" => Return::Near,
        // What ceil mode has behind the padding is divided again.
        name if name.starts_with("avg_pool") && name.contains("ceil_mode") => Return::Near,
        _ => Return::Bits,
    }
}

/// How a model comes back that is written and read, and what is to be told of it.
fn comes_back<T: Scalar>(name: &str, model: &Sequential<T>, is_first: bool) -> (Return, String) {
    let (bytes, x, y) = written(name, model, is_first);
    let again = match Sequential::<T>::from_onnx_bytes(&bytes) {
        Ok(again) => again,
        Err(error) => return (Return::Refused, error.to_string()),
    };
    let got = again.predict(&x).unwrap();
    if got == y {
        return (Return::Bits, String::new());
    }
    let largest = y.as_slice().iter().fold(0.0, |most: f64, y| most.max(y.as_f64().abs()));
    let off = got.as_slice().iter().zip(y.as_slice()).map(|(got, y)| (got.as_f64() - y.as_f64()).abs());
    let off = off.fold(0.0, f64::max) / largest;
    assert!(off < 2e-7, "{name}: off by {off}");
    (Return::Near, format!("off by {off:e}"))
}

fn check_returns<T: Scalar>(exempt: impl Fn(&str) -> Option<Return>) {
    let mut problems = Vec::new();
    for (name, model) in models::<T>() {
        for is_first in [false, true] {
            let (got, why) = comes_back(&name, &model, is_first);
            let expected = exempt(&name).unwrap_or_else(|| expected_return(&name));
            if got > expected {
                problems.push(format!("{name}, channels first {is_first}: {got:?} {why}"));
            }
        }
    }
    assert!(problems.is_empty(), "{} problems: {}", problems.len(), problems.join("\n"));
}

#[test]
fn every_layer_comes_back() {
    check_returns::<f32>(|_| None);
}

#[test]
fn every_layer_comes_back_in_double_precision() {
    // Attributes have single precision, and a sixth is no short number in it; `Celu` has it everywhere, and is written in parts.
    let is_near = |name: &str| name.starts_with("HardSigmoid { alpha: 0.16") || name.starts_with("Celu");
    check_returns::<f64>(|name| is_near(name).then_some(Return::Near));
}

/// For programs of others: `tests/fixtures/onnx/check_written.py` says how they are checked.
#[test]
fn for_other_programs() {
    let Some(folder) = std::env::var_os("TAPER_ONNX_WRITTEN").map(PathBuf::from) else {
        println!("skipped: TAPER_ONNX_WRITTEN tells no folder");
        return;
    };
    std::fs::create_dir_all(&folder).unwrap();
    put_all::<f32>(&folder);
    put_all::<f64>(&folder);
    let nets = super::written_models::models().into_iter().map(|(name, model)| (name.to_owned(), model));
    for (name, model) in nets.chain(super::written_models::models_of_fewer_bits()) {
        for is_first in [false, true] {
            put(&folder, &format!("net_{is_first}_{name}"), &model, written(&name, &model, is_first));
        }
    }
    let fixtures = std::fs::read_dir(fixture("")).unwrap().map(|entry| entry.unwrap().path());
    for path in fixtures.filter(|path| path.extension().is_some_and(|extension| extension == "onnx")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let model = Sequential::<f32>::from_onnx(&path).unwrap();
        let bytes = model.to_onnx_bytes(&ToOnnx::new()).unwrap();
        let x = values(name).0;
        let y = model.predict(&x).unwrap();
        put(&folder, &format!("read_{name}"), &model, (bytes, x, y));
    }
}

fn put_all<T: Scalar>(folder: &Path) {
    for (index, (name, model)) in models::<T>().iter().enumerate() {
        for is_first in [false, true] {
            put(
                folder,
                &format!("{}_{index:04}_{is_first}_{name}", T::NAME),
                model,
                written(name, model, is_first),
            );
        }
    }
}

/// Writes a file with its inputs and outputs beside it.
fn put<T: Scalar>(
    folder: &Path,
    name: &str,
    model: &Sequential<T>,
    (bytes, x, y): (Vec<u8>, Tensor<T>, Tensor<T>),
) {
    let clean = |sign: char| if sign.is_alphanumeric() || ".-".contains(sign) { sign } else { '_' };
    let clean: String = name.chars().map(clean).collect();
    // The file says which type its input has.
    let is_whole = model.vocabulary().is_some();
    let (x, y) = (bytes_of(&x, is_whole), bytes_of(&y, false));
    for (kind, bytes) in [("onnx", bytes), ("x", x), ("y", y)] {
        std::fs::write(folder.join(format!("{clean}.{kind}")), bytes).unwrap();
    }
}

/// A model as a file, inputs and its outputs for them, as they lie outside.
fn written<T: Scalar>(name: &str, model: &Sequential<T>, is_first: bool) -> (Vec<u8>, Tensor<T>, Tensor<T>) {
    let to_onnx = if is_first { ToOnnx::new().with_channels_first() } else { ToOnnx::new() };
    let bytes = model.to_onnx_bytes(&to_onnx).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut x = inputs(model, 3);
    let mut y = model.predict(&x).unwrap();
    if is_first && is_turned(model.input()) && !name.starts_with("channels_last") {
        x = channels_first(&x);
    }
    if is_first && is_turned(model.output()) && !name.starts_with("channels_first") {
        y = channels_first(&y);
    }
    (bytes, x, y)
}

/// The numbers of a tensor as a program of others reads them.
fn bytes_of<T: Scalar>(tensor: &Tensor<T>, is_whole: bool) -> Vec<u8> {
    let bytes = |number: &T| match T::NAME {
        _ if is_whole => (number.as_f64() as i64).to_le_bytes().to_vec(),
        "f64" => number.as_f64().to_le_bytes().to_vec(),
        _ => (number.as_f64() as f32).to_le_bytes().to_vec(),
    };
    tensor.as_slice().iter().flat_map(bytes).collect()
}
