//! An ONNX file that may be anything: an error of a bounded text or a model that runs, and never a panic.
//!
//! The first byte of an input chooses: the rest is a file as it is, or it says how a valid file is changed.

#![no_main]

mod brief;
mod changed;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use taper::io::ToOnnx;
use taper::sequential::Quantization;
use taper::{Sequential, Tensor};

use brief::is_brief;
use changed::changed;

/// Networks of dense layers, of an image with branches, of a sequence, what is left of shapes, and whole numbers of few bits.
const FILES: [&[u8]; 7] = [
    include_bytes!("../../tests/fixtures/onnx/mlp_script.onnx"),
    include_bytes!("../../tests/fixtures/onnx/squeezenet_script.onnx"),
    include_bytes!("../../tests/fixtures/onnx/sequence_dynamo.onnx"),
    include_bytes!("../../tests/fixtures/onnx/normed_script.onnx"),
    include_bytes!("../../tests/fixtures/onnx/mlp_static.onnx"),
    include_bytes!("../../tests/fixtures/onnx/lenet_dynamic.onnx"),
    include_bytes!("../../tests/fixtures/onnx/weights.onnx"),
];

/// Those, and layers of eight bits as this crate writes them, of ranges that are known before and of those of each sample.
fn files() -> &'static [Vec<u8>] {
    static FILES_AND_WRITTEN: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES_AND_WRITTEN.get_or_init(|| {
        let net = Sequential::<f32>::builder([5, 5, 2]).conv2d(3, 3).relu().flatten().dense(2);
        let net = net.build(&mut taper::seeded(1)).unwrap();
        let kinds = [
            Quantization::int8(),
            Quantization::int8().calibrated(&Tensor::full([1, 5, 5, 2], 0.5).unwrap()),
        ];
        let written = kinds.map(|kind| net.quantized(&kind).unwrap().to_onnx_bytes(&ToOnnx::new()).unwrap());
        FILES.iter().map(|file| file.to_vec()).chain(written).collect()
    })
}

fn survive(bytes: &[u8]) {
    match Sequential::<f32>::from_onnx_bytes(bytes) {
        Err(error) => is_brief(&error),
        Ok(model) => {
            if model.input().len() <= 1 << 12 && model.layers().len() < 64 {
                let x = Tensor::full(model.input().with_batch(1).unwrap(), 0.5).unwrap();
                if let Ok(output) = model.predict(&x) {
                    assert_eq!(output.shape(), model.output().with_batch(1).unwrap());
                }
                write(&model);
            }
        }
    }
}

/// What was read is written, or it is told why not; and what was written is read, or it is told why not, as a model of the same shapes.
fn write(model: &Sequential<f32>) {
    match model.to_onnx_bytes(&ToOnnx::new()).and_then(|bytes| Sequential::<f32>::from_onnx_bytes(&bytes)) {
        Ok(again) => assert_eq!([again.input(), again.output()], [model.input(), model.output()]),
        Err(error) => is_brief(&error),
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    match files().get(usize::from(choice) % (files().len() + 1)) {
        Some(file) => survive(&changed(file, rest, false)),
        None => survive(rest),
    }
});
