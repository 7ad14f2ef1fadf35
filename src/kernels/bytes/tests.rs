//! The products in eight bits have the bits of their definition.

use super::backend::{ByteBackend, available};
use super::plain::{self, Weight};
use super::{ByteConvolutionForward, ByteDenseForward, ByteInput};
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
