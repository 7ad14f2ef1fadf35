//! How long it takes to read a file of 100 MB, beside what no reader does without; and whether a network that was read is as fast as the
//! one that it was written of.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use taper::io::ToOnnx;
use taper::layers::{Backward, Conv2d, Forward, GradientSink, OnnxGraph, OnnxValue, Window};
use taper::sequential::Builder;
use taper::{
    Dense, Layer, Mode, Parallelism, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, seeded,
};

/// Inputs and outputs of a dense layer of 100 MB.
const WIDTH: usize = 5000;

/// Channels of a convolution of 3×3 of as much.
const CHANNELS: usize = 1667;

/// How often readers take turns.
const READS: usize = 9;

/// How often networks take turns.
const PASSES: usize = 1500;

pub(crate) fn run() -> std::result::Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("taper-onnx-speed-{}.onnx", std::process::id()));
    let outcome = reading(&path).and_then(|()| passes());
    // The error of the work counts, not that of tidying up.
    let _ = fs::remove_file(path);
    Ok(outcome?)
}

fn reading(path: &Path) -> Result<()> {
    let window = || Window::new(3).with_padding(1);
    let weight = |shape: &[usize]| {
        Tensor::from_fn(Shape::new(shape)?, |place| {
            ((place as u64 * 2_654_435_761) % 251) as f32 / 251.0 - 0.5
        })
    };
    let rows = weight(&[WIDTH, WIDTH])?;
    let dense = || Dense::from_parts(&rows, None);
    println!("a file of 100 MB, read, and its bytes read and its weights packed alone");
    compare("dense, a row for each input", path, Sequential::builder([WIDTH]).layer(dense()?), dense)?;
    compare(
        "dense, a row for each output",
        path,
        Sequential::builder([WIDTH]).layer(Turned(rows.clone())),
        dense,
    )?;
    let kernels = weight(&[3, 3, CHANNELS, CHANNELS])?;
    let conv = || Conv2d::from_parts(window(), 1, &kernels, None);
    compare("convolution of 3×3", path, Sequential::builder([8, 8, CHANNELS]).layer(conv()?), conv)
}

/// Reads a model that is written to the path, in turns with what it takes to read the bytes and to make the layer of its weights.
fn compare<L>(name: &str, path: &Path, builder: Builder<f32>, pack: impl Fn() -> Result<L>) -> Result<()> {
    builder.build(&mut seeded(0))?.to_onnx(path)?;
    let (mut read, mut least) = (Vec::new(), Vec::new());
    for _ in 0..READS {
        let start = Instant::now();
        let model = Sequential::<f32>::from_onnx(path)?;
        read.push(start.elapsed());
        drop(black_box(model));
        let start = Instant::now();
        let both = (fs::read(path).ok(), pack()?);
        least.push(start.elapsed());
        drop(black_box(both));
    }
    tell(name, read, least);
    Ok(())
}

/// Networks with normalisations, as they were built and as they are read, for inference.
fn passes() -> Result<()> {
    let same = || Window::new(3).with_padding(1);
    let mlp = Sequential::<f32>::builder([784])
        .dense(512)
        .batch_norm()
        .relu()
        .dense(256)
        .batch_norm()
        .relu()
        .dense(10);
    let lenet =
        Sequential::builder([28, 28, 1]).conv2d(6, Window::new(5).with_padding(2)).tanh().avg_pool2d(2);
    let lenet =
        lenet.conv2d(16, 5).tanh().avg_pool2d(2).flatten().dense(120).tanh().dense(84).tanh().dense(10);
    let residual = Sequential::builder([14, 14, 32]).conv2d(32, same()).batch_norm().relu();
    let residual = residual
        .residual(|block| block.conv2d(32, same()).batch_norm().relu().conv2d(32, same()).batch_norm())
        .relu()
        .global_avg_pool2d()
        .dense(10);
    println!("\nthe network that was read, and the one built by hand; 8 samples, one thread");
    for (name, builder) in [("MLP", mlp), ("LeNet", lenet), ("residual block", residual)] {
        let built = builder.build(&mut seeded(0))?;
        let read = Sequential::from_onnx_bytes(&built.to_onnx_bytes(&ToOnnx::new())?)?;
        let models = [read.for_inference()?, built.for_inference()?];
        let x = Tensor::full(built.input().with_batch(8)?, 0.5)?;
        let workspace = |model: &Sequential<f32>| {
            Ok(model.workspace(Mode::Infer, 8)?.with_parallelism(Parallelism::Threads(1)))
        };
        let mut workspaces = [workspace(&models[0])?, workspace(&models[1])?];
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..PASSES {
            for ((model, workspace), times) in models.iter().zip(&mut workspaces).zip(&mut times) {
                let start = Instant::now();
                black_box(model.infer(black_box(&x), workspace)?);
                times.push(start.elapsed());
            }
        }
        let [read, built] = times;
        tell(name, read, built);
    }
    Ok(())
}

/// The least of both, and their ratio.
fn tell(name: &str, ours: Vec<Duration>, others: Vec<Duration>) {
    let [ours, others] =
        [ours, others].map(|times| times.into_iter().min().unwrap_or_default().as_secs_f64());
    println!("{name:32}{:10.3} ms{:10.3} ms{:8.3}", ours * 1e3, others * 1e3, ours / others);
}

/// A dense layer that is written as PyTorch does, with a row for each output. It is for writing alone.
#[derive(Debug, Clone)]
struct Turned(Tensor<f32>);

impl Layer<f32> for Turned {
    fn kind(&self) -> &'static str {
        "turned"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        _: TensorView<'_, f32>,
        _: TensorViewMut<'_, f32>,
        _: &mut Forward<'_, f32>,
    ) -> Result<()> {
        Err(taper::Error::Empty { what: "operations" })
    }

    fn backward(&mut self, _: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
        Err(taper::Error::Empty { what: "operations" })
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, f32>) -> Result<OnnxValue> {
        let weight = graph.constant("weight", self.0.clone());
        Ok(graph.node("Gemm", &[x, weight], &[("transB", 1.into())], x.shape()))
    }
}
