//! The product in the middle: our dense kernels in `f32`, in eight bits and in bf16 (inputs made so in the time), and `matrixmultiply`
//! beside them (behind `Tensor::matmul`).
//!
//! `cargo bench --bench gemm`; a part of it by name: `cargo bench --bench gemm -- 12544`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use taper::sequential::Quantization;
use taper::{Dense, Mode, Parallelism, Sequential, Tensor};

/// Widths of the reference network and square ones.
const SHAPES: [(usize, usize); 5] = [(12544, 1024), (1024, 512), (512, 3), (256, 256), (1024, 1024)];
const BATCHES: [usize; 5] = [1, 8, 32, 128, 256];

fn numbers(shape: [usize; 2]) -> Tensor<f32> {
    Tensor::from_fn(shape, |i| (i % 17) as f32 / 17.0 - 0.5).expect("small enough")
}

fn dense(criterion: &mut Criterion) {
    for (inputs, outputs) in SHAPES {
        let mut group = criterion.benchmark_group(format!("dense {inputs} to {outputs}"));
        let weight = numbers([inputs, outputs]);
        let layer = Dense::from_parts(&weight, None).expect("a matrix");
        let model = Sequential::builder([inputs]).layer(layer).build(&mut taper::seeded(0)).expect("it fits");
        let fewer = |quantization: &Quantization| model.quantized(quantization).expect("finite weights");
        let (int8, bf16) = (fewer(&Quantization::int8()), fewer(&Quantization::bf16()));
        for batch in BATCHES {
            let x = numbers([batch, inputs]);
            // Multiply-adds, so that the throughput printed is half of the operations.
            group.throughput(Throughput::Elements((batch * inputs * outputs) as u64));
            for (name, model) in [("taper", &model), ("taper int8", &int8), ("taper bf16", &bf16)] {
                let mut workspace = model.workspace(Mode::Infer, batch).expect("it fits");
                workspace = workspace.with_parallelism(Parallelism::Threads(1));
                group.bench_function(BenchmarkId::new(name, batch), |bencher| {
                    bencher
                        .iter(|| model.infer(black_box(&x), &mut workspace).expect("it fits").as_slice()[0]);
                });
            }
            group.bench_function(BenchmarkId::new("matrixmultiply", batch), |bencher| {
                bencher.iter(|| black_box(&x).matmul(&weight).expect("it fits"));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, dense);
criterion_main!(benches);
