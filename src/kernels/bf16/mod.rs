//! Products of numbers in bf16, with sums in `f32`.
//!
//! They are the products of dense layers in `f32`, with the same panels, tiles, blocks and threads: [`simd`] gives their
//! vectors another multiply-add, of pairs. What is here beside it brings numbers into pairs along the index of the sum:
//!
//! | product | sum over | pairs of |
//! |---|---|---|
//! | forward, y = x·W | inputs | numbers of a sample; rows of W |
//! | input gradient, dx = dy·Wᵀ | outputs | numbers of a sample; columns of W |
//! | weight gradient, dW = xᵀ·dy | samples | samples |
//!
//! The bits are the same at any number of threads, and those of an output in any batch; with another instruction set they may be
//! others.

mod backend;
mod convolution;
mod forward;
mod in_bf16;
mod input;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
mod number;
mod panels;
mod round;
mod simd;
#[cfg(test)]
mod tests;
mod weight;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use backend::multiply_adds_in_bf16;
pub(crate) use convolution::Bf16ConvolutionForward;
pub(crate) use forward::Bf16DenseForward;
pub(crate) use in_bf16::{InBf16, round_panels};
pub(crate) use input::Bf16InputGradient;
pub(crate) use number::{Pair, bf16_bits, bf16_value};
pub(crate) use panels::Bf16Panels;
pub(crate) use weight::Bf16WeightGradient;

/// How many pairs hold so many numbers.
fn in_pairs(numbers: usize) -> usize {
    numbers.div_ceil(2)
}
