//! A whole training step, gradients applied as they come.
//!
//! `cargo bench --bench train_step`; a part of it by name: `cargo bench --bench train_step -- adam`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use taper::losses::CrossEntropy;
use taper::optimizers::{Adam, Sgd};
use taper::{Mode, Optimizer, Parallelism, Sequential, Tensor, Trainer};

/// The reference network, one for pictures of 28×28, and one so small that calls count more than products.
const NETWORKS: [&[usize]; 3] = [&[12544, 1024, 512, 3], &[784, 128, 10], &[6, 64, 8, 4]];
const BATCHES: [usize; 3] = [1, 32, 128];

/// The name of an optimizer, and how it is made.
type Recipe = (&'static str, fn() -> Optimizer<f32>);

const OPTIMIZERS: [Recipe; 3] = [("sgd", sgd), ("momentum", momentum), ("adam", adam)];

fn sgd() -> Optimizer<f32> {
    Optimizer::new(Sgd::new(1e-3).expect("a fine rate"))
}

fn momentum() -> Optimizer<f32> {
    let sgd = Sgd::new(1e-3).expect("a fine rate");
    Optimizer::new(sgd.with_momentum(0.9).expect("a fine momentum"))
}

fn adam() -> Optimizer<f32> {
    Optimizer::new(Adam::new(1e-4).expect("a fine rate"))
}

/// Dense layers of these widths with ReLU between them.
fn model(widths: &[usize]) -> Sequential<f32> {
    let (&classes, hidden) = widths[1..].split_last().expect("a network has layers");
    let mut builder = Sequential::builder([widths[0]]);
    for &width in hidden {
        builder = builder.dense(width).relu();
    }
    builder.dense(classes).build(&mut taper::seeded(0)).expect("it fits")
}

fn steps(criterion: &mut Criterion) {
    for widths in NETWORKS {
        let names: Vec<_> = widths.iter().map(ToString::to_string).collect();
        let mut group = criterion.benchmark_group(format!("step {}", names.join("-")));
        let classes = widths[widths.len() - 1];
        for (name, optimizer) in OPTIMIZERS {
            let mut model = model(widths);
            for batch in BATCHES {
                let x = Tensor::full([batch, widths[0]], 0.5).expect("small enough");
                let labels: Vec<_> = (0..batch).map(|sample| sample % classes).collect();
                let (mut optimizer, loss) = (optimizer(), CrossEntropy::new());
                let one = Parallelism::Threads(1);
                let workspace = model.workspace(Mode::Train, batch).expect("it fits");
                let mut workspace = workspace.with_parallelism(one);
                group.throughput(Throughput::Elements(batch as u64));
                group.bench_function(BenchmarkId::new(name, batch), |bencher| {
                    bencher.iter(|| {
                        model.forward_pass(black_box(&x), &mut workspace).expect("it fits");
                        workspace.loss(&loss, &labels).expect("they fit");
                        let apply = optimizer.apply(&model).expect("of this model");
                        let mut apply = apply.with_parallelism(one);
                        model.backward_pass(&x, &mut workspace, &mut apply).expect("it fits");
                        apply.finish(&model).expect("every gradient came");
                    });
                });
            }
        }
        group.finish();
    }
}

/// A step of descent on one sample in plain loops, as somebody would write it who has this one network.
struct Plain {
    /// Weight `[inputs][outputs]`, bias, output, gradient of the output.
    layers: Vec<[Vec<f32>; 4]>,
    widths: &'static [usize],
}

impl Plain {
    fn new(widths: &'static [usize]) -> Self {
        let layer = |pair: &[usize]| {
            let weight = (0..pair[0] * pair[1]).map(|i| (i % 17) as f32 / 17.0 - 0.5).collect();
            [weight, vec![0.0; pair[1]], vec![0.0; pair[1]], vec![0.0; pair[1]]]
        };
        Self { layers: widths.windows(2).map(layer).collect(), widths }
    }

    fn step(&mut self, x: &[f32], class: usize, learning_rate: f32) -> f32 {
        let last = self.layers.len() - 1;
        for layer in 0..=last {
            let (below, rest) = self.layers.split_at_mut(layer);
            let input = below.last().map_or(x, |[_, _, output, _]| output);
            let [weight, bias, output, _] = &mut rest[0];
            output.copy_from_slice(bias);
            for (&x, row) in input.iter().zip(weight.chunks_exact(output.len())) {
                output.iter_mut().zip(row).for_each(|(y, &w)| *y += x * w);
            }
            if layer < last {
                output.iter_mut().for_each(|y| *y = y.max(0.0));
            }
        }
        let [_, _, logits, gradient] = &mut self.layers[last];
        let max = logits.iter().copied().fold(f32::MIN, f32::max);
        gradient.iter_mut().zip(&*logits).for_each(|(g, &x)| *g = (x - max).exp());
        let sum: f32 = gradient.iter().sum();
        gradient.iter_mut().for_each(|g| *g /= sum);
        let loss = -gradient[class].ln();
        gradient[class] -= 1.0;
        for layer in (0..=last).rev() {
            let (below, rest) = self.layers.split_at_mut(layer);
            let [weight, bias, _, dy] = &mut rest[0];
            let rows = weight.chunks_exact_mut(self.widths[layer + 1]);
            match below.last_mut() {
                Some([_, _, output, dx]) => {
                    for ((row, &x), dx) in rows.zip(&*output).zip(dx) {
                        let sum: f32 = row.iter().zip(&*dy).map(|(&w, &dy)| w * dy).sum();
                        *dx = if x > 0.0 { sum } else { 0.0 };
                        row.iter_mut().zip(&*dy).for_each(|(w, &dy)| *w -= learning_rate * x * dy);
                    }
                }
                None => {
                    for (row, &x) in rows.zip(x) {
                        row.iter_mut().zip(&*dy).for_each(|(w, &dy)| *w -= learning_rate * x * dy);
                    }
                }
            }
            bias.iter_mut().zip(&*dy).for_each(|(b, &dy)| *b -= learning_rate * dy);
        }
        loss
    }
}

/// What calls and checks cost where there is next to nothing to compute: a trainer's step and plain loops, beside the
/// steps above.
fn small(criterion: &mut Criterion) {
    const WIDTHS: &[usize] = &[6, 64, 8, 4];
    let (mut model, x) = (model(WIDTHS), Tensor::full([1, 6], 0.5).expect("small enough"));
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd());
    criterion.bench_function("step 6-64-8-4/trainer/1", |bencher| {
        bencher.iter(|| trainer.step(black_box(&x), &[0]).expect("it fits"));
    });
    let (mut plain, x) = (Plain::new(WIDTHS), [0.5; 6]);
    criterion.bench_function("step 6-64-8-4/plain loops/1", |bencher| {
        bencher.iter(|| plain.step(black_box(&x), 0, 1e-3));
    });
}

criterion_group!(benches, steps, small);
criterion_main!(benches);
