//! One layer at a time. Dense: forward, the same in eight bits, the input's gradient, the weight's gradient; convolutions, pools and layers that
//! normalise: forward and backward.
//!
//! `cargo bench --bench layers`; a part of it by name: `cargo bench --bench layers -- "input gradient 12544"`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use taper::layers::{
    AvgPool2d, Backward, Channels, Conv2d, Forward, GlobalAvgPool2d, GradientSink, MaxPool2d, Padding, Whole,
    Window,
};
use taper::sequential::{Builder, Quantization};
use taper::{
    Dense, GradientStore, Layer, Mode, Parallelism, Param, Result, Scalar, Sequential, Shape, Tensor,
    TensorView, TensorViewMut,
};

/// The layers of the reference network.
const LAYERS: [(usize, usize); 3] = [(12544, 1024), (1024, 512), (512, 3)];
const BATCHES: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Passes its input on and wants a gradient, so that the layer above has to compute one. Does nothing with it.
#[derive(Debug, Clone)]
struct Below<T>(Param<T>);

impl<T: Scalar> Layer<T> for Below<T> {
    fn kind(&self) -> &'static str {
        "below"
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }
    fn forward(&self, x: TensorView<T>, mut y: TensorViewMut<T>, _: &mut Forward<T>) -> Result<()> {
        y.as_mut_slice().copy_from_slice(x.as_slice());
        Ok(())
    }
    fn backward(&mut self, _: Backward<T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        sink.take(&mut self.0, &Whole(&[T::zero()]))
    }
    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        visit(&self.0);
    }
    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        visit(&mut self.0);
    }
}

fn numbers(shape: [usize; 2]) -> Tensor<f32> {
    Tensor::from_fn(shape, |i| (i % 17) as f32 / 17.0 - 0.5).expect("small enough")
}

fn dense(inputs: usize, outputs: usize) -> Dense<f32> {
    Dense::from_parts(&numbers([inputs, outputs]), Some(&Tensor::zeros([outputs]).expect("small enough")))
        .expect("the shapes fit")
}

/// The time of so many backward passes, each after a forward pass that is not counted.
fn backward(model: &mut Sequential<f32>, x: &Tensor<f32>, passes: u64) -> Duration {
    let batch = x.view().batch();
    let workspace = model.workspace(Mode::Train, batch).expect("it fits");
    let mut workspace = workspace.with_parallelism(Parallelism::Threads(1));
    let mut gradients = GradientStore::new(model).with_parallelism(Parallelism::Threads(1));
    let mut time = Duration::ZERO;
    for _ in 0..passes {
        model.forward_pass(x, &mut workspace).expect("it fits");
        let (_, mut gradient) = workspace.outputs_and_gradient().expect("a pass came before");
        gradient.as_mut_slice().fill(0.5);
        gradients.clear();
        let clock = Instant::now();
        model.backward_pass(black_box(x), &mut workspace, &mut gradients).expect("it fits");
        time += clock.elapsed();
    }
    time
}

fn layers(criterion: &mut Criterion) {
    for (inputs, outputs) in LAYERS {
        let builder = || Sequential::<f32>::builder([inputs]);
        let rng = &mut taper::seeded(0);
        let mut alone = builder().layer(dense(inputs, outputs)).build(rng).expect("it fits");
        let below = Below(Param::new("unused", &Tensor::from([0.0])));
        let above = builder().layer(below).layer(dense(inputs, outputs)).named("dense");
        let mut above = above.build(rng).expect("it fits");
        above.freeze("dense").expect("it is there");
        let multiply_adds = |batch: usize| Throughput::Elements((batch * inputs * outputs) as u64);

        let mut group = criterion.benchmark_group(format!("forward {inputs} to {outputs}"));
        for batch in BATCHES {
            let x = numbers([batch, inputs]);
            let workspace = alone.workspace(Mode::Infer, batch).expect("it fits");
            let mut workspace = workspace.with_parallelism(Parallelism::Threads(1));
            group.throughput(multiply_adds(batch));
            group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
                bencher.iter(|| alone.infer(black_box(&x), &mut workspace).expect("it fits").as_slice()[0]);
            });
        }
        group.finish();

        let eight_bits = alone.quantized(&Quantization::int8()).expect("a dense layer");
        let mut group = criterion.benchmark_group(format!("int8 {inputs} to {outputs}"));
        for batch in BATCHES {
            let x = numbers([batch, inputs]);
            let workspace = eight_bits.workspace(Mode::Infer, batch).expect("it fits");
            let mut workspace = workspace.with_parallelism(Parallelism::Threads(1));
            group.throughput(multiply_adds(batch));
            group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
                bencher
                    .iter(|| eight_bits.infer(black_box(&x), &mut workspace).expect("it fits").as_slice()[0]);
            });
        }
        group.finish();

        for (name, model) in [("input gradient", &mut above), ("weight gradient", &mut alone)] {
            let mut group = criterion.benchmark_group(format!("{name} {inputs} to {outputs}"));
            for batch in BATCHES {
                group.throughput(multiply_adds(batch));
                let x = numbers([batch, inputs]);
                group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
                    bencher.iter_custom(|passes| backward(model, &x, passes));
                });
            }
            group.finish();
        }
    }
}

/// Layers around convolutions that have no weights, on what a 3×3 convolution makes of digits.
fn images(criterion: &mut Criterion) {
    const BATCH: usize = 32;
    let rng = &mut taper::seeded(0);
    let window = |size: usize, stride: usize| Window::new(size).with_stride(stride);
    let mut measure = |name: &str, sample: [usize; 3], add: &dyn Fn(Builder<f32>) -> Builder<f32>| {
        let flat = || Sequential::builder([sample.iter().product()]).reshape(sample);
        let alone = add(flat()).build(rng).expect("it fits");
        let below = Below(Param::new("unused", &Tensor::from([0.0])));
        let mut above = add(flat().layer(below)).build(rng).expect("it fits");
        let x = numbers([BATCH, alone.input().len()]);
        let workspace = alone.workspace(Mode::Infer, BATCH).expect("it fits");
        let mut workspace = workspace.with_parallelism(Parallelism::Threads(1));
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(size_of_val(x.as_slice()) as u64));
        group.bench_function("forward", |bencher| {
            bencher.iter(|| alone.infer(black_box(&x), &mut workspace).expect("it fits").as_slice()[0]);
        });
        group.bench_function("backward", |bencher| {
            bencher.iter_custom(|passes| backward(&mut above, &x, passes));
        });
        group.finish();
    };
    let (digits, narrow) = ([26, 26, 32], [26, 26, 3]);
    measure("max pool 2", digits, &|builder| builder.layer(MaxPool2d::new(2).expect("right")));
    measure("max pool 3 by 2", digits, &|builder| {
        builder.layer(MaxPool2d::new(window(3, 2)).expect("right"))
    });
    measure("max pool 2 of 3 channels", narrow, &|builder| builder.layer(MaxPool2d::new(2).expect("right")));
    measure("avg pool 2", digits, &|builder| builder.layer(AvgPool2d::new(2).expect("right")));
    measure("global avg pool", digits, &|builder| builder.layer(GlobalAvgPool2d));
    measure("channels last", [32, 26, 26], &Builder::channels_last);
    measure("channels first", digits, &Builder::channels_first);
    measure("channel dropout", digits, &|builder| builder.dropout2d(0.5));
}

/// Convolutions of 32 images and of one: rates in multiply-adds. Backward is without the gradient of the input for
/// pictures of 1 and 3 colours, which come first in a network, and with it for the others.
fn convolutions(criterion: &mut Criterion) {
    let rng = &mut taper::seeded(0);
    let same = Window::new(3).with_padding(Padding::Same);
    for (side, inputs, outputs, window) in [
        (28, 1, 32, same),
        (32, 3, 32, Window::new(3)),
        (14, 32, 64, same),
        (30, 32, 32, Window::new(3)),
        (12, 64, 64, Window::new(3)),
        (14, 64, 64, Window::new(1)),
    ] {
        let sample = [side, side, inputs];
        let conv = Conv2d::new(Channels::new(inputs, outputs), window, rng).expect("the settings are right");
        let builder = || Sequential::<f32>::builder(sample);
        let alone = builder().layer(conv.clone()).build(rng).expect("it fits");
        let below = Below(Param::new("unused", &Tensor::from([0.0])));
        let above = if inputs > 3 { builder().layer(below) } else { builder() };
        let mut above = above.layer(conv).build(rng).expect("it fits");
        let mut group = criterion.benchmark_group(format!("conv2d {side}x{side} {inputs} to {outputs}"));
        for batch in [1, 32] {
            let shape = Shape::from(sample).with_batch(batch).expect("short enough");
            let x = Tensor::from_fn(shape, |i| (i % 17) as f32 / 17.0 - 0.5).expect("small enough");
            let products = alone.summary().multiply_adds() * batch as u64;
            group.throughput(Throughput::Elements(products));
            let workspace = alone.workspace(Mode::Infer, batch).expect("it fits");
            let mut workspace = workspace.with_parallelism(Parallelism::Threads(1));
            group.bench_function(BenchmarkId::new("forward", batch), |bencher| {
                bencher.iter(|| alone.infer(black_box(&x), &mut workspace).expect("it fits").as_slice()[0]);
            });
            let backward_products = if inputs > 3 { 2 * products } else { products };
            group.throughput(Throughput::Elements(backward_products as u64));
            group.bench_function(BenchmarkId::new("backward", batch), |bencher| {
                bencher.iter_custom(|passes| backward(&mut above, &x, passes));
            });
        }
        group.finish();
    }
}

/// Forward, backward with the gradients of the input and of all parameters, and inference.
fn normalisations(criterion: &mut Criterion) {
    type Add = fn(Builder<f32>) -> Builder<f32>;
    let below = || Below(Param::new("unused", &Tensor::from([0.0])));
    let builder = |sample: Shape| Sequential::<f32>::builder(sample);
    let rng = &mut taper::seeded(0);
    let kinds: [(&str, Add, usize, Shape); 2] = [
        ("batch_norm", Builder::batch_norm, 32, [26, 26, 32].into()),
        ("layer_norm", Builder::layer_norm, 1024, [256].into()),
    ];
    for (name, add, batch, sample) in kinds {
        let shape = sample.with_batch(batch).expect("short enough");
        let x = Tensor::from_fn(shape, |i| (i % 17) as f32 / 17.0 - 0.5).expect("small enough");
        let alone = add(builder(sample)).build(rng).expect("it fits");
        let mut above = add(builder(sample).layer(below())).build(rng).expect("it fits");
        let mut group = criterion.benchmark_group(format!("{name} {shape}"));
        group.throughput(Throughput::Elements(x.len() as u64));
        let workspace = alone.workspace(Mode::Train, batch).expect("it fits");
        let mut workspace = workspace.with_parallelism(Parallelism::Threads(1));
        group.bench_function("infer", |bencher| {
            bencher.iter(|| alone.infer(black_box(&x), &mut workspace).expect("it fits").as_slice()[0]);
        });
        group.bench_function("forward", |bencher| {
            bencher
                .iter(|| alone.forward_pass(black_box(&x), &mut workspace).expect("it fits").as_slice()[0]);
        });
        group.bench_function("backward", |bencher| {
            bencher.iter_custom(|passes| backward(&mut above, &x, passes));
        });
        group.finish();
    }
}

criterion_group!(benches, layers, convolutions, images, normalisations);
criterion_main!(benches);
