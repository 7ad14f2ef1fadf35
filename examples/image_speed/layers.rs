//! Layers by themselves: inference, and both passes of training.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use taper::layers::Window;
use taper::losses::CrossEntropy;
use taper::{Activation, GradientStore, Mode, Parallelism, Result, Sequential, Shape, Tensor};

/// A layer, named as in `peers.py`.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Kind {
    LayerNorm,
    RmsNorm,
    /// In 32 groups.
    GroupNorm,
    InstanceNorm,
    BatchNorm,
    /// 2×2.
    MaxPool2,
    /// 3×3, moved by 2, with a border of 1.
    MaxPool3,
    /// 2×2.
    AvgPool2,
    /// 3×3, moved by 2, with a border of 1.
    AvgPool3,
    GlobalAvgPool,
    /// 3×3 with the padding that keeps the size; as a first layer, without the gradient of its input.
    Conv3,
    /// 7×7, moved by 2, with a border of 3; as a first layer.
    Conv7,
    Softmax,
    LogSoftmax,
    /// The loss: its value and gradient are the backward pass.
    CrossEntropy,
    Relu,
    Gelu,
    GeluTanh,
    Silu,
    Tanh,
    Sigmoid,
}

/// What is timed.
pub(crate) struct Case {
    pub(crate) layer: Kind,
    pub(crate) sample: Shape,
    /// The channels of a convolution's outputs.
    pub(crate) outputs: usize,
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) time: Duration,
}

impl Case {
    /// The medians in milliseconds of a pass of inference, of one forward in training, and of one backward.
    pub(crate) fn medians(&self) -> Result<[f64; 3]> {
        let &Self { layer, batch, time, .. } = self;
        let parallelism = Parallelism::Threads(self.threads);
        let mut model = self.model()?;
        let x = pattern(model.input().with_batch(batch)?)?;
        let slope = pattern(model.output().with_batch(batch)?)?;
        let mut workspace = model.workspace(Mode::Infer, batch)?.with_parallelism(parallelism);
        let [infer] = medians(time, || Ok([timed(|| model.infer(&x, &mut workspace).map(drop))?]))?;

        let mut workspace = model.workspace(Mode::Train, batch)?.with_parallelism(parallelism);
        let mut gradients = GradientStore::new(&mut model).with_parallelism(parallelism);
        let mut dx = Tensor::zeros(x.shape())?;
        let classes: Vec<usize> = (0..batch).map(|row| row % model.output().len()).collect();
        let [forward, backward] = medians(time, || {
            let forward = timed(|| model.forward_pass(&x, &mut workspace).map(drop))?;
            if layer == Kind::CrossEntropy {
                let loss = timed(|| workspace.loss(&CrossEntropy::new(), &classes).map(drop))?;
                return Ok([forward, loss]);
            }
            workspace.outputs_and_gradient()?.1.as_mut_slice().copy_from_slice(slope.as_slice());
            gradients.clear();
            let backward = timed(|| match layer {
                Kind::Conv3 | Kind::Conv7 => model.backward_pass(&x, &mut workspace, &mut gradients),
                _ => model.backward_to_input(&x, &mut workspace, &mut gradients, &mut dx),
            })?;
            Ok([forward, backward])
        })?;
        Ok([infer, forward, backward])
    }

    /// A model of the one layer.
    fn model(&self) -> Result<Sequential<f32>> {
        let rng = &mut taper::seeded(1);
        let model = Sequential::builder(self.sample);
        let strided = |size, border: usize| Window::new(size).with_stride(2).with_padding(border);
        let model = match self.layer {
            Kind::LayerNorm => model.layer_norm(),
            Kind::RmsNorm => model.rms_norm(),
            Kind::GroupNorm => model.group_norm(32),
            Kind::InstanceNorm => model.instance_norm(),
            Kind::BatchNorm => model.batch_norm(),
            Kind::MaxPool2 => model.max_pool2d(2),
            Kind::MaxPool3 => model.max_pool2d(strided(3, 1)),
            Kind::AvgPool2 => model.avg_pool2d(2),
            Kind::AvgPool3 => model.avg_pool2d(strided(3, 1)),
            Kind::GlobalAvgPool => model.global_avg_pool2d(),
            Kind::Conv3 => model.conv2d(self.outputs, Window::new(3).with_padding(1)),
            Kind::Conv7 => model.conv2d(self.outputs, strided(7, 3)),
            Kind::Softmax => model.softmax(),
            Kind::LogSoftmax => model.log_softmax(),
            Kind::CrossEntropy => model.reshape(self.sample),
            Kind::Relu => model.relu(),
            Kind::Gelu => model.gelu(),
            Kind::GeluTanh => model.activation(Activation::GeluTanh),
            Kind::Silu => model.silu(),
            Kind::Tanh => model.tanh(),
            Kind::Sigmoid => model.sigmoid(),
        };
        model.build(rng)
    }
}

/// The shape of a sample from its axes: 768, or 56,56,64.
pub(crate) fn sample(text: &str) -> std::result::Result<Shape, String> {
    let axes: std::result::Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
    match axes.map_err(|error| error.to_string())?[..] {
        [features] => Ok([features].into()),
        [height, width, channels] => Ok([height, width, channels].into()),
        _ => Err("expected 1 or 3 axes".to_owned()),
    }
}

/// Numbers from −1 to 1.
fn pattern(shape: Shape) -> Result<Tensor<f32>> {
    Tensor::from_fn(shape, |i| ((i * 37 + 11) % 101) as f32 / 50.5 - 1.0)
}

fn timed(pass: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begin = Instant::now();
    pass()?;
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

/// Of many calls; the first of them are to warm up.
fn medians<const N: usize>(time: Duration, mut call: impl FnMut() -> Result<[f64; N]>) -> Result<[f64; N]> {
    let (mut times, start) = (Vec::new(), Instant::now());
    while times.len() < 4 || start.elapsed() < time {
        times.push(call()?);
    }
    let warm = &times[times.len().div_ceil(10)..];
    Ok(std::array::from_fn(|which| {
        let mut times: Vec<f64> = warm.iter().map(|times| times[which]).collect();
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 2]
    }))
}
