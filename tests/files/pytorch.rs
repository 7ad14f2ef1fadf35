//! Files of PyTorch and in the way of Keras, and back.

use std::path::Path;

use safetensors::SafeTensors;
use taper::io::{Load, Orientation, Save};
use taper::{Scalar, Sequential, Shape, Tensor};

use crate::hand_made::HandMade;

/// Where to write what PyTorch is to read.
const FOLDER: &str = "TAPER_TEST_FOLDER";

const FEATURES: usize = 24;

fn head<T: Scalar>(sample: impl Into<Shape>) -> Sequential<T> {
    let builder = Sequential::builder(sample).flatten().named("flatten");
    let builder = builder.dense(16).named("fc1").relu().dense(8).named("fc2").tanh().dense(3).named("fc3");
    builder.build(&mut taper::seeded(1)).unwrap()
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/files");
    let path = folder.join(format!("{name}.safetensors"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A tensor of a file, read by the crate that defines the format.
pub(crate) fn tensor<T: Scalar>(bytes: &[u8], name: &str) -> Tensor<T> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let tensor = file.tensor(name).unwrap();
    let values = match tensor.dtype() {
        safetensors::Dtype::F32 => {
            let numbers = tensor.data().as_chunks().0;
            numbers.iter().map(|&bytes| T::of(f64::from(f32::from_le_bytes(bytes)))).collect()
        }
        safetensors::Dtype::F64 => {
            let numbers = tensor.data().as_chunks().0;
            numbers.iter().map(|&bytes| T::of(f64::from_le_bytes(bytes))).collect()
        }
        other => panic!("{other:?}"),
    };
    Tensor::from_vec(Shape::new(tensor.shape()).unwrap(), values).unwrap()
}

/// How far a model's outputs are from those in a file, as a share of the largest.
fn off<T: Scalar>(model: &Sequential<T>, name: &str, inputs: &Tensor<T>) -> f64 {
    let expected = tensor::<T>(&fixture(&format!("{name}_values")), "outputs");
    let outputs = model.predict(inputs).unwrap();
    assert_eq!(outputs.shape(), expected.shape());
    let pairs = outputs.as_slice().iter().zip(expected.as_slice());
    let off = pairs.fold(0.0, |off: f64, (a, b)| off.max((a.as_f64() - b.as_f64()).abs()));
    let largest =
        expected.as_slice().iter().fold(0.0, |largest: f64, value| largest.max(value.as_f64().abs()));
    println!("{name} in {}: off by {:.2e} of the largest", T::NAME, off / largest);
    off / largest
}

fn loaded<T: Scalar>(name: &str, load: &Load) -> (Sequential<T>, Tensor<T>) {
    let mut model = head([FEATURES]);
    model.load_bytes(&fixture(name), load).unwrap();
    (model, tensor(&fixture(&format!("{name}_values")), "inputs"))
}

#[test]
fn outputs_are_those_of_pytorch() {
    let (model, inputs) = loaded::<f32>("torch_f32", &Load::new());
    assert!(off(&model, "torch_f32", &inputs) <= 1e-6);
    let (model, inputs) = loaded::<f64>("torch_f64", &Load::new());
    assert!(off(&model, "torch_f64", &inputs) <= 1e-12);
    // Single precision computed in double, and the other way round, is as good as single precision.
    let (model, inputs) = loaded::<f64>("torch_f32", &Load::new());
    assert!(off(&model, "torch_f32", &inputs) <= 1e-6);
    let (model, inputs) = loaded::<f32>("torch_f64", &Load::new());
    assert!(off(&model, "torch_f64", &inputs) <= 1e-6);
}

#[test]
fn outputs_are_those_of_weights_in_the_way_of_keras() {
    let load = Load::new().with_orientation(Orientation::Keras);
    let (model, inputs) = loaded::<f64>("keras", &load);
    assert!(off(&model, "keras", &inputs) <= 1e-12);
    let (model, inputs) = loaded::<f32>("keras", &load);
    assert!(off(&model, "keras", &inputs) <= 1e-6);
    assert!(head::<f64>([FEATURES]).load_bytes(&fixture("keras"), &Load::new()).is_err());
}

#[test]
fn weights_of_16_bits_are_read() {
    for name in ["torch_f16", "torch_bf16"] {
        let (model, inputs) = loaded::<f64>(name, &Load::new());
        assert!(off(&model, name, &inputs) <= 1e-12);
        let (model, inputs) = loaded::<f32>(name, &Load::new());
        assert!(off(&model, name, &inputs) <= 1e-6);
    }
}

/// PyTorch flattens `[channels, height, width]`; the model takes the same images as `[height, width, channels]`.
#[test]
fn features_that_pytorch_has_flattened_are_put_in_order() {
    let name = "channels_first";
    let images = tensor::<f64>(&fixture("channels_first_values"), "inputs");
    let &[samples, channels, height, width] = images.shape().axes() else { panic!("images") };
    let turned = Tensor::from_fn([samples, height, width, channels], |place| {
        let (y, x, channel) = (place / channels / width % height, place / channels % width, place % channels);
        let sample = place / (channels * width * height);
        images.as_slice()[((sample * channels + channel) * height + y) * width + x]
    });
    let load = Load::new().with_rename("1.", "fc1.").with_rename("3.", "fc2.").with_rename("5.", "fc3.");
    let mut model = head::<f64>([height, width, channels]);
    model.load_bytes(&fixture(name), &load.clone().from_channels_first([channels, height, width])).unwrap();
    assert!(off(&model, name, turned.as_ref().unwrap()) <= 1e-12);
    // A model that takes images as PyTorch does, and flattens them so, has its weights in order already.
    let mut model = head::<f64>([channels, height, width]);
    model.load_bytes(&fixture(name), &load.clone().in_model_order("fc1.weight")).unwrap();
    assert!(off(&model, name, &images) <= 1e-12);
    // Untold it is refused, and with the wrong order the outputs are others.
    let mut model = head::<f64>([height, width, channels]);
    assert!(model.load_bytes(&fixture(name), &load).is_err());
    model.load_bytes(&fixture(name), &load.from_channels_last([height, width, channels])).unwrap();
    assert!(off(&model, name, turned.as_ref().unwrap()) > 1e-3);
}

/// A model, inputs and outputs in files of their own.
fn write<T: Scalar>(folder: &Path, name: &str, orientation: Orientation) {
    let mut model = head::<T>([FEATURES]);
    // The layers that PyTorch gets have no flatten, which has no tensors.
    let noise = |seed: usize, place: usize| T::of(((seed * 31 + place) as f64 * 0.618).sin() * 0.5);
    let mut seed = 0;
    taper::Layer::params_mut(&mut model, &mut |param| {
        seed += 1;
        let values = Tensor::from_fn(param.shape(), |place| noise(seed, place)).unwrap();
        param.set(&values).unwrap();
    });
    let inputs = Tensor::from_fn([5, FEATURES], |place| noise(77, place)).unwrap();
    let outputs = model.predict(&inputs).unwrap();
    let path = |name: &str| folder.join(format!("{name}.safetensors"));
    model.save_with(path(name), &Save::new().with_orientation(orientation).with_check(&inputs)).unwrap();
    let values = |tensor: &Tensor<T>| -> Vec<f64> { tensor.as_slice().iter().map(|x| x.as_f64()).collect() };
    let mut file = HandMade::new();
    for (name, tensor) in [("inputs", &inputs), ("outputs", &outputs)] {
        let (values, shape) = (values(tensor), tensor.shape());
        file = if T::NAME == "f32" {
            let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            file.f32(name, shape.axes(), &values)
        } else {
            file.f64(name, shape.axes(), &values)
        };
    }
    std::fs::write(path(&format!("{name}_values")), file.bytes()).unwrap();
}

/// For `tests/fixtures/files/check_files.py`.
#[test]
#[ignore = "writes files, for PyTorch to read, into the folder that TAPER_TEST_FOLDER names"]
fn writes_files_for_pytorch() {
    let folder = std::env::var(FOLDER).expect("TAPER_TEST_FOLDER names a folder");
    let folder = Path::new(&folder);
    write::<f32>(folder, "torch_f32", Orientation::PyTorch);
    write::<f64>(folder, "torch_f64", Orientation::PyTorch);
    write::<f64>(folder, "keras_f64", Orientation::Keras);
}
