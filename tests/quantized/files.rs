//! Models of 8-bit weights in files.

use std::path::PathBuf;

use taper::io::{Load, Open, Orientation, Save, TensorFile};
use taper::layers::Window;
use taper::sequential::Quantization;
use taper::{Sequential, Tensor, seeded};

use crate::models::{network, number};

/// An image that is flattened, so that PyTorch has the rows of `fc1` in another order.
fn flattened() -> Sequential<f32> {
    Sequential::builder([6, 6, 3])
        .conv2d(5, Window::new(3).with_padding(1))
        .named("conv")
        .batch_norm()
        .relu()
        .flatten()
        .dense(7)
        .named("fc1")
        .relu()
        .dense(4)
        .without_bias()
        .named("fc2")
        .build(&mut seeded(3))
        .unwrap()
}

fn images(model: &Sequential<f32>, count: usize) -> Tensor<f32> {
    Tensor::from_fn(model.input().with_batch(count).unwrap(), number).unwrap()
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("taper-quantized-{name}-{}.safetensors", std::process::id()))
}

#[test]
fn a_model_comes_back_to_the_bit() {
    for model in [network(), flattened()] {
        let inputs = images(&model, 9);
        for quantization in [
            Quantization::int8(),
            Quantization::int8().calibrated(&inputs),
            Quantization::int8().without(if model.len() > 8 { "wide" } else { "fc1" }),
        ] {
            let small = model.quantized(&quantization).unwrap();
            for orientation in [Orientation::PyTorch, Orientation::Keras] {
                let save = Save::new().with_orientation(orientation).with_check(&images(&model, 2));
                let bytes = small.to_bytes(&save).unwrap();
                let opened = Sequential::<f32>::open_bytes(&bytes).unwrap();
                assert_eq!(format!("{opened:?}"), format!("{small:?}"));
                assert_eq!(opened.state(), small.state());
                assert_eq!(opened.predict(&inputs).unwrap(), small.predict(&inputs).unwrap());
                assert!(opened.to_bytes(&save).unwrap() == bytes);
                let mut loaded = small.clone();
                let zeros = small.param("logits.weight").or_else(|_| small.param("fc2.weight")).unwrap();
                let (name, zeros) = (zeros.name().to_owned(), Tensor::zeros(zeros.shape()).unwrap());
                loaded.param_mut(&name).unwrap().set(&zeros).unwrap();
                loaded.load_bytes(&bytes, &Load::new()).unwrap();
                assert_eq!(loaded.state(), small.state());
            }
        }
    }
}

/// The names, types and shapes of `compressed-tensors`, with scales for each output.
#[test]
fn tensors_have_the_names_and_types_that_others_read() {
    let model = flattened();
    let small = model.quantized(&Quantization::int8().calibrated(&images(&model, 9))).unwrap();
    let file = TensorFile::from_bytes(small.to_bytes(&Save::new()).unwrap()).unwrap();
    let mut told: Vec<String> = file
        .names()
        .map(|name| format!("{name} {} {}", file.number_type(name).unwrap(), file.shape(name).unwrap()))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "conv.bias f32 [5]",
            "conv.input_scale f32 [1]",
            "conv.input_zero_point i8 [1]",
            "conv.weight i8 [5, 3, 3, 3]",
            "conv.weight_scale f32 [5, 1]",
            "fc1.bias f32 [7]",
            "fc1.input_scale f32 [1]",
            "fc1.input_zero_point i8 [1]",
            "fc1.weight i8 [7, 180]",
            "fc1.weight_scale f32 [7, 1]",
            "fc2.input_scale f32 [1]",
            "fc2.input_zero_point i8 [1]",
            "fc2.weight i8 [4, 7]",
            "fc2.weight_scale f32 [4, 1]",
        ]
    );
    // The rows of `fc1` lie in PyTorch's order: channels, height, width.
    let ours = small.param("fc1.weight").unwrap().to_tensor();
    let bytes = small.to_bytes(&Save::new()).unwrap();
    let start = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..start]).unwrap();
    let begin = start + header["fc1.weight"]["data_offsets"][0].as_u64().unwrap() as usize;
    for output in 0..7 {
        for (channel, place) in (0..5).flat_map(|channel| (0..36).map(move |place| (channel, place))) {
            let theirs = bytes[begin + output * 180 + channel * 36 + place].cast_signed();
            assert_eq!(f32::from(theirs), ours.as_slice()[(place * 5 + channel) * 7 + output]);
        }
    }
}

/// Of `tests/fixtures/files/make_compressed_tensors.py`.
#[test]
fn a_file_of_compressed_tensors_is_read() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/files");
    let values = TensorFile::open(folder.join("compressed_tensors_values.safetensors")).unwrap();
    let inputs = values.tensor::<f32>("inputs").unwrap();
    let model = Sequential::builder([20]).dense(16).named("fc1").relu().dense(3).named("fc2");
    let model = model.build(&mut seeded(0)).unwrap();
    let mut small = model.quantized(&Quantization::int8().calibrated(&inputs)).unwrap();
    small.load(folder.join("compressed_tensors.safetensors")).unwrap();
    let (got, expected) = (small.predict(&inputs).unwrap(), values.tensor::<f32>("outputs").unwrap());
    for (got, expected) in got.as_slice().iter().zip(expected.as_slice()) {
        assert!((got - expected).abs() <= 1e-5, "{got} {expected}");
    }
}

#[test]
fn a_file_in_f32_is_opened_straight_into_eight_bits() {
    for model in [network(), flattened()] {
        let inputs = images(&model, 70);
        let save = Save::new().with_check(&images(&model, 2));
        let (bytes, path) = (model.to_bytes(&save).unwrap(), path(&format!("straight-{}", model.len())));
        model.save_with(&path, &save).unwrap();
        for quantization in [
            Quantization::int8(),
            Quantization::int8().calibrated(&inputs),
            Quantization::int8().without(if model.len() > 8 { "head.fc1" } else { "fc1" }),
        ] {
            let open = Open::new().quantized(&quantization);
            let expected = model.quantized(&quantization).unwrap();
            for opened in [
                Sequential::open_bytes_with(&bytes, &open).unwrap(),
                Sequential::open_with(&path, &open).unwrap(),
            ] {
                assert_eq!(format!("{opened:?}"), format!("{expected:?}"));
                assert_eq!(opened.state(), expected.state());
                assert_eq!(opened.predict(&inputs).unwrap(), expected.predict(&inputs).unwrap());
            }
        }
        std::fs::remove_file(&path).unwrap();
    }
}

/// A file with one tensor exchanged for another, or without it.
fn with_tensor(bytes: &[u8], name: &str, change: impl Fn(&mut serde_json::Value, &mut Vec<u8>)) -> Vec<u8> {
    let start = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..start]).unwrap();
    let (mut data, mut entries) = (Vec::new(), serde_json::Map::new());
    entries.insert("__metadata__".into(), header["__metadata__"].clone());
    let mut tensors: Vec<_> =
        header.as_object().unwrap().iter().filter(|(key, _)| *key != "__metadata__").collect();
    tensors.sort_by_key(|(_, tensor)| tensor["data_offsets"][0].as_u64());
    for (key, tensor) in tensors {
        let place = |end: usize| start + tensor["data_offsets"][end].as_u64().unwrap() as usize;
        let (mut tensor, mut own) = (tensor.clone(), bytes[place(0)..place(1)].to_vec());
        if key == name {
            change(&mut tensor, &mut own);
        }
        tensor["data_offsets"] = serde_json::json!([data.len(), data.len() + own.len()]);
        data.extend(own);
        entries.insert(key.clone(), tensor);
    }
    let header = serde_json::to_vec(&entries).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

#[test]
fn what_is_wrong_with_a_file_is_told() {
    let model = flattened();
    let small = model.quantized(&Quantization::int8().calibrated(&images(&model, 9))).unwrap();
    let bytes = small.to_bytes(&Save::new()).unwrap();
    let told = |bytes: &[u8]| {
        let mut loaded = small.clone();
        let error = loaded.load_bytes(bytes, &Load::new()).unwrap_err().to_string();
        assert_eq!(loaded.state(), small.state());
        (Sequential::<f32>::open_bytes(bytes).unwrap_err().to_string(), error)
    };
    let number = |value: f32| {
        move |_: &mut serde_json::Value, own: &mut Vec<u8>| {
            own[..4].copy_from_slice(&value.to_le_bytes());
        }
    };
    for (tensor, value) in [
        ("fc1.weight_scale", 0.0),
        ("fc1.weight_scale", -1.0),
        ("conv.weight_scale", f32::NAN),
        ("fc2.input_scale", 0.0),
        ("fc2.input_scale", f32::INFINITY),
    ] {
        let (opened, loaded) = told(&with_tensor(&bytes, tensor, number(value)));
        for error in [opened, loaded] {
            assert!(error.contains(tensor), "{tensor} {value}: {error}");
            assert!(error.contains("finite"), "{tensor} {value}: {error}");
        }
    }
    let as_f32 = |tensor: &mut serde_json::Value, own: &mut Vec<u8>| {
        tensor["dtype"] = "F32".into();
        *own = own.iter().flat_map(|&byte| f32::from(byte.cast_signed()).to_le_bytes()).collect();
    };
    for name in ["fc1.weight", "fc1.input_zero_point"] {
        let (opened, loaded) = told(&with_tensor(&bytes, name, as_f32));
        for error in [opened, loaded] {
            assert!(error.contains(name) && error.contains("expected i8"), "{error}");
        }
    }
    let shorter = |tensor: &mut serde_json::Value, own: &mut Vec<u8>| {
        tensor["shape"] = serde_json::json!([6, 1]);
        own.truncate(24);
    };
    let (opened, loaded) = told(&with_tensor(&bytes, "fc1.weight_scale", shorter));
    assert!(opened.contains("[7, 1]") && loaded.contains("[7, 1]"), "{opened} {loaded}");
    // Whole numbers are no weight of f32, and a model of f32 takes none of eight bits.
    let mut plain = model.for_inference().unwrap();
    let error = plain.load_bytes(&bytes, &Load::new().allow_left_over()).unwrap_err().to_string();
    assert!(error.contains("`conv.weight`: expected f64, f32, f16 or bf16, got I8"), "{error}");
    let mut other = small.clone();
    let lean = model.for_inference().unwrap().to_bytes(&Save::new()).unwrap();
    let error = other.load_bytes(&lean, &Load::new()).unwrap_err().to_string();
    assert!(error.contains("`conv.weight`: expected i8") && error.contains("Open::quantized"), "{error}");
    // In double precision there are no layers of eight bits.
    let error = Sequential::<f64>::open_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("f32"), "{error}");
    // A file that is quantized already has nothing to quantize.
    let open = Open::new().quantized(&Quantization::int8());
    let error = Sequential::open_bytes_with(&bytes, &open).unwrap_err().to_string();
    assert!(error.contains("expected a model with a dense layer or a convolution in f32"), "{error}");
}

#[test]
fn what_is_wrong_with_a_file_in_f32_is_told_when_it_is_opened_into_eight_bits() {
    let model = flattened();
    let bytes = model.to_bytes(&Save::new()).unwrap();
    let open = Open::new().quantized(&Quantization::int8());
    let told = |bytes: &[u8]| Sequential::open_bytes_with(bytes, &open).unwrap_err().to_string();
    let nan =
        |_: &mut serde_json::Value, own: &mut Vec<u8>| own[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = told(&with_tensor(&bytes, "fc1.weight", nan));
    assert!(error.contains("`fc1.weight`: expected finite values, got NaN at 1"), "{error}");
    let whole = |tensor: &mut serde_json::Value, own: &mut Vec<u8>| {
        tensor["dtype"] = "I8".into();
        own.truncate(28);
    };
    let error = told(&with_tensor(&bytes, "fc2.weight", whole));
    assert!(error.contains("`fc2.weight`: expected f64, f32, f16 or bf16, got I8"), "{error}");
    let more = |tensor: &mut serde_json::Value, own: &mut Vec<u8>| {
        tensor["shape"] = serde_json::json!([8]);
        own.extend([0; 4]);
    };
    let error = told(&with_tensor(&bytes, "fc1.bias", more));
    assert!(error.contains("fc1") && error.contains("[8]"), "{error}");
    let cut = &bytes[..bytes.len() - 3];
    assert_eq!(told(cut), Sequential::<f32>::open_bytes(cut).unwrap_err().to_string());
    assert_eq!(told(b"PK\x03\x04"), Sequential::<f32>::open_bytes(b"PK\x03\x04").unwrap_err().to_string());
}
