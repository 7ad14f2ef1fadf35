//! One dense layer at a time: forward, the input's gradient, the weight's gradient; and layers that normalise, forward and
//! backward.
//!
//! `cargo bench --bench layers`; a part of it by name: `cargo bench --bench layers -- "input gradient 12544"`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use taper::layers::{Backward, Forward, GradientSink, Whole};
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
fn backward(model: &mut Sequential<f32>, batch: usize, passes: u64) -> Duration {
    let x = numbers([batch, model.input().len()]);
    let workspace = model.workspace(Mode::Train, batch).expect("it fits");
    let mut workspace = workspace.with_parallelism(Parallelism::Threads(1));
    let mut gradients = GradientStore::new(model).with_parallelism(Parallelism::Threads(1));
    let mut time = Duration::ZERO;
    for _ in 0..passes {
        model.forward(&x, &mut workspace).expect("it fits");
        let (_, mut gradient) = workspace.outputs_and_gradient().expect("a pass came before");
        gradient.as_mut_slice().fill(0.5);
        gradients.clear();
        let clock = Instant::now();
        model.backward(black_box(&x), &mut workspace, &mut gradients).expect("it fits");
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

        for (name, model) in [("input gradient", &mut above), ("weight gradient", &mut alone)] {
            let mut group = criterion.benchmark_group(format!("{name} {inputs} to {outputs}"));
            for batch in BATCHES {
                group.throughput(multiply_adds(batch));
                group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
                    bencher.iter_custom(|passes| backward(model, batch, passes));
                });
            }
            group.finish();
        }
    }
}

/// Forward and backward, with the gradients of the input and of all parameters, and inference.
fn normalisations(criterion: &mut Criterion) {
    const BATCH: usize = 32;
    let below = || Below(Param::new("unused", &Tensor::from([0.0])));
    let image = Shape::from([26, 26, 32]);
    let rng = &mut taper::seeded(0);
    let batch_norm = Sequential::<f32>::builder(image).layer(below()).batch_norm().build(rng).expect("it fits");
    let x = Tensor::from_fn(image.with_batch(BATCH).expect("short enough"), |i| (i % 17) as f32 / 17.0 - 0.5)
        .expect("small enough");
    for (name, mut model) in [("batch_norm 32x26x26x32", batch_norm)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(x.len() as u64));
        let workspace = model.workspace(Mode::Train, BATCH).expect("it fits");
        let mut workspace = workspace.with_parallelism(Parallelism::Threads(1));
        let mut gradients = GradientStore::new(&mut model).with_parallelism(Parallelism::Threads(1));
        let mut time = |passes: u64, is_counted: [bool; 2]| {
            let mut time = Duration::ZERO;
            for _ in 0..passes {
                let clock = Instant::now();
                model.forward(black_box(&x), &mut workspace).expect("it fits");
                time += if is_counted[0] { clock.elapsed() } else { Duration::ZERO };
                let (_, mut gradient) = workspace.outputs_and_gradient().expect("a pass came before");
                gradient.as_mut_slice().fill(0.5);
                gradients.clear();
                let clock = Instant::now();
                model.backward(black_box(&x), &mut workspace, &mut gradients).expect("it fits");
                time += if is_counted[1] { clock.elapsed() } else { Duration::ZERO };
            }
            time
        };
        for (part, is_counted) in [("forward", [true, false]), ("backward", [false, true])] {
            group.bench_function(part, |bencher| bencher.iter_custom(|passes| time(passes, is_counted)));
        }
        group.bench_function("infer", |bencher| {
            bencher.iter(|| model.infer(black_box(&x), &mut workspace).expect("it fits").as_slice()[0]);
        });
        group.finish();
    }
}

criterion_group!(benches, layers, normalisations);
criterion_main!(benches);
