//! The products in eight bits have the bits of their definition.

use super::backend::{ByteBackend, available};
use super::plain::{self, Weight};
use super::{ByteConvolutionForward, ByteDenseForward, ByteInput, MOST_BYTE_INPUTS};
use crate::kernels::oracle::{random, same_bits, sizes};
use crate::kernels::{Around, Axis, ConvolutionSize, DenseSize, Finish, Geometry, Parallelism};

/// Numbers of which the sign, and how large they are, is different from sample to sample.
fn samples(batch: usize, inputs: usize) -> Vec<f32> {
    let mut x = random::<f32>(batch * inputs, 17);
    for (sample, x) in x.chunks_mut(inputs.max(1)).enumerate() {
        let scale = [1.0, 1e-3, 40.0][sample % 3];
        for x in x {
            *x = scale * [*x, x.abs(), x.max(0.0), -x.abs(), 0.0][sample % 5];
        }
    }
    x
}

const INPUTS: [ByteInput; 2] = [ByteInput::PerSample, ByteInput::Static { scale: 0.013, zero: -41 }];

fn dense(
    backend: ByteBackend,
    size: DenseSize,
    x: &[f32],
    weight: &Weight,
    input: ByteInput,
    parallelism: Parallelism,
) -> Vec<f32> {
    let mut y = vec![f32::NAN; size.batch * size.outputs];
    let mut scratch = vec![f32::NAN; ByteDenseForward::scratch_on(backend, size)];
    let (weight, bias) = (weight.packed(), Some(&weight.bias[..]));
    ByteDenseForward { size, x, weight, bias, finish: Finish::Relu, input, parallelism }.run_on(
        backend,
        &mut y,
        &mut scratch,
    );
    y
}

/// On one thread.
fn run(
    backend: ByteBackend,
    size: DenseSize,
    x: &[f32],
    weight: &Weight,
    input: ByteInput,
    finish: Finish<'_, f32>,
    y: &mut [f32],
) {
    let mut scratch = vec![f32::NAN; ByteDenseForward::scratch_on(backend, size)];
    let (weight, bias, parallelism) = (weight.packed(), Some(&weight.bias[..]), Parallelism::Threads(1));
    ByteDenseForward { size, x, weight, bias, finish, input, parallelism }.run_on(backend, y, &mut scratch);
}

#[test]
fn dense_products_have_the_bits_of_their_definition() {
    for size in sizes() {
        let weight = Weight::random(1, size.inputs, size.outputs);
        let x = samples(size.batch, size.inputs);
        for input in INPUTS {
            let expected = plain::dense(size, &x, &weight, input, true);
            for (name, backend) in available() {
                let y = dense(backend, size, &x, &weight, input, Parallelism::Pool);
                assert!(same_bits(&y, &expected), "{name} {size:?} {input:?}");
            }
        }
    }
}

fn geometry(inputs: [usize; 2], kernel: usize, stride: usize, dilation: usize, channels: usize) -> Geometry {
    let axis = |inputs| Axis::new(inputs, kernel, stride, dilation, Around::Same, false).unwrap();
    Geometry { rows: axis(inputs[0]), columns: axis(inputs[1]), channels }
}

#[test]
fn convolutions_have_the_bits_of_their_definition() {
    for (kernel, stride, dilation, channels, outputs, groups) in [
        (3, 1, 1, 3, 8, 1),
        (1, 1, 1, 5, 40, 1),
        (1, 1, 1, 32, 33, 1),
        (1, 2, 1, 4, 7, 1),
        (3, 2, 1, 32, 16, 1),
        (3, 1, 2, 6, 9, 3),
        (5, 1, 1, 1, 50, 1),
        (3, 1, 1, 40, 2, 2),
    ] {
        for batch in [1, 2, 5] {
            let geometry = geometry([9, 11], kernel, stride, dilation, channels);
            let size = ConvolutionSize { batch, geometry, outputs, groups };
            let weight = Weight::random(groups, kernel * kernel * channels / groups, outputs / groups);
            let x = samples(batch, geometry.image_len());
            for input in INPUTS {
                let expected = plain::convolution(size, &x, &weight, input, true);
                for (name, backend) in available() {
                    let mut y = vec![f32::NAN; expected.len()];
                    let mut scratch = vec![f32::NAN; ByteConvolutionForward::scratch_on(backend, size)];
                    let (weight, bias) = (weight.packed(), Some(&weight.bias[..]));
                    let (finish, parallelism) = (Finish::Relu, Parallelism::Pool);
                    ByteConvolutionForward { size, x: &x, weight, bias, finish, input, parallelism }.run_on(
                        backend,
                        &mut y,
                        &mut scratch,
                    );
                    assert!(same_bits(&y, &expected), "{name} {size:?} {input:?}");
                }
            }
        }
    }
}

#[test]
fn a_sample_has_the_same_bits_in_every_batch_and_on_any_threads() {
    // Several blocks of inputs, and work for several threads.
    let (inputs, outputs) = (2_100, 130);
    let weight = Weight::random(1, inputs, outputs);
    let x = samples(100, inputs);
    let size = |batch| DenseSize { batch, inputs, outputs };
    let expected = plain::dense(size(100), &x, &weight, ByteInput::PerSample, true);
    for (name, backend) in available() {
        for (batch, first, threads) in
            [(100, 0, 1), (100, 0, 2), (97, 2, 3), (25, 70, 2), (9, 91, 1), (1, 50, 2)]
        {
            let x = &x[first * inputs..][..batch * inputs];
            let y =
                dense(backend, size(batch), x, &weight, ByteInput::PerSample, Parallelism::Threads(threads));
            let expected = &expected[first * outputs..][..y.len()];
            assert!(same_bits(&y, expected), "{name}: {batch} from {first}, {threads} threads");
        }
    }
}

#[test]
fn the_largest_sums_that_may_come_fit() {
    let size = DenseSize { batch: 3, inputs: MOST_BYTE_INPUTS, outputs: 1 };
    let weight = Weight::of(vec![-128; size.inputs], 1, size.inputs, 1);
    // All steps above 0, all below, and both by turns.
    let x: Vec<f32> = [[255.0, 255.0], [-255.0, -255.0], [-100.0, 155.0]]
        .iter()
        .flat_map(|pair| (0..size.inputs).map(|i| pair[i % 2]))
        .collect();
    let expected = plain::dense(size, &x, &weight, ByteInput::PerSample, false);
    assert!(
        expected[0] / weight.scales[0] < -2.147e9 && expected[1] / weight.scales[0] > 2.147e9,
        "{expected:?}"
    );
    for (name, backend) in available() {
        let mut y = [0.0; 3];
        run(backend, size, &x, &weight, ByteInput::PerSample, Finish::Nothing, &mut y);
        assert!(same_bits(&y, &expected), "{name}");
    }
}

#[test]
fn what_is_not_finite_makes_nan_of_its_sample_alone() {
    let size = DenseSize { batch: 5, inputs: 150, outputs: 40 };
    let weight = Weight::random(1, size.inputs, size.outputs);
    for (name, backend) in available() {
        for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            // In whole vectors, and behind the last.
            for place in [0, 70, 149] {
                for input in INPUTS {
                    let mut x = samples(size.batch, size.inputs);
                    x[3 * size.inputs + place] = value;
                    let y = dense(backend, size, &x, &weight, input, Parallelism::Pool);
                    for (i, y) in y.iter().enumerate() {
                        assert_eq!(y.is_nan(), i / size.outputs == 3, "{name} {value} at {place}: [{i}]");
                    }
                }
            }
        }
    }
}

#[test]
fn samples_of_extreme_numbers_have_the_bits_of_the_definition() {
    let size = DenseSize { batch: 7, inputs: 37, outputs: 33 };
    let weight = Weight::random(1, size.inputs, size.outputs);
    let mut x = random::<f32>(size.batch * size.inputs, 23);
    let scales = [f32::MAX, 1e-38, 1e-44, 0.0, -0.0, 1e30, 1.0];
    x.chunks_mut(size.inputs).zip(scales).for_each(|(x, scale)| x.iter_mut().for_each(|x| *x *= scale));
    (x[0], x[1]) = (f32::MAX, f32::MIN);
    for input in INPUTS {
        let expected = plain::dense(size, &x, &weight, input, true);
        assert!(expected.iter().all(|y| !y.is_nan()), "{input:?}");
        for (name, backend) in available() {
            let y = dense(backend, size, &x, &weight, input, Parallelism::Pool);
            assert!(same_bits(&y, &expected), "{name} {input:?}");
        }
    }
    // Zeros make the bias, exactly.
    let relu = |y: &f32| if *y < 0.0 { 0.0 } else { *y };
    let y = plain::dense(size, &x, &weight, ByteInput::PerSample, true);
    assert_eq!(y[3 * 33..4 * 33], weight.bias.iter().map(relu).collect::<Vec<_>>());
}

#[test]
fn the_finish_sees_each_output_once() {
    for size in sizes() {
        let weight = Weight::random(1, size.inputs, size.outputs);
        let x = samples(size.batch, size.inputs);
        let plain = plain::dense(size, &x, &weight, ByteInput::PerSample, false);
        let expected: Vec<f32> = plain.iter().map(|y| y * 2.0 + 1.0).collect();
        let twice = |y: &mut [f32]| y.iter_mut().for_each(|y| *y = *y * 2.0 + 1.0);
        for (name, backend) in available() {
            let mut y = vec![f32::NAN; plain.len()];
            run(backend, size, &x, &weight, ByteInput::PerSample, Finish::Function(&twice), &mut y);
            assert!(same_bits(&y, &expected), "{name} {size:?}");
        }
    }
}

#[test]
fn convolutions_of_several_blocks_have_the_same_bits_on_any_threads() {
    let geometry = geometry([47, 45], 3, 1, 1, 4);
    let size = ConvolutionSize { batch: 3, geometry, outputs: 40, groups: 1 };
    let weight = Weight::random(1, 36, 40);
    let x = samples(3, geometry.image_len());
    let expected = plain::convolution(size, &x, &weight, ByteInput::PerSample, true);
    for (name, backend) in available() {
        for threads in [1, 2, 3] {
            let mut y = vec![f32::NAN; expected.len()];
            let mut scratch = vec![f32::NAN; ByteConvolutionForward::scratch_on(backend, size)];
            let (finish, parallelism) = (Finish::Relu, Parallelism::Threads(threads));
            let (weight, bias, input) = (weight.packed(), Some(&weight.bias[..]), ByteInput::PerSample);
            ByteConvolutionForward { size, x: &x, weight, bias, finish, input, parallelism }.run_on(
                backend,
                &mut y,
                &mut scratch,
            );
            assert!(same_bits(&y, &expected), "{name}, {threads} threads");
        }
    }
}
