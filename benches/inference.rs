//! Whole networks, from the input to the logits.
//!
//! `cargo bench --bench inference`; a part of it by name: `cargo bench --bench inference -- 784`. For shares of what
//! the machine could do at most, see the example `throughput`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use taper::{Mode, Parallelism, Scalar, Sequential, Tensor};

/// The reference network, one for pictures of 28×28, and one so small that calls count more than products.
const NETWORKS: [&[usize]; 3] = [&[12544, 1024, 512, 3], &[784, 128, 10], &[6, 64, 8, 4]];
const BATCHES: [usize; 5] = [1, 8, 32, 128, 256];

fn network<T: Scalar>(criterion: &mut Criterion, widths: &[usize]) {
    let names: Vec<_> = widths.iter().map(ToString::to_string).collect();
    let mut group = criterion.benchmark_group(format!("{} {}", names.join("-"), T::NAME));
    let mut builder = Sequential::<T>::builder([widths[0]]);
    let (last, hidden) = widths[1..].split_last().expect("a network has layers");
    for &width in hidden {
        builder = builder.dense(width).relu();
    }
    let model = builder.dense(*last).build(&mut taper::seeded(0)).expect("it fits");
    for batch in BATCHES {
        let x = Tensor::<T>::full([batch, widths[0]], T::of(0.5)).expect("small enough");
        group.throughput(Throughput::Elements(batch as u64));
        for (threads, parallelism) in
            [("1 thread", Parallelism::Threads(1)), ("all threads", Parallelism::Pool)]
        {
            let mut workspace =
                model.workspace(Mode::Infer, batch).expect("it fits").with_parallelism(parallelism);
            group.bench_function(BenchmarkId::new(threads, batch), |bencher| {
                bencher.iter(|| model.infer(black_box(&x), &mut workspace).expect("it fits").as_slice()[0]);
            });
        }
    }
    group.finish();
}

fn networks(criterion: &mut Criterion) {
    for widths in NETWORKS {
        network::<f32>(criterion, widths);
        network::<f64>(criterion, widths);
    }
}

criterion_group!(benches, networks);
criterion_main!(benches);
