//! The inner loops: slices in, slices out, no tensors. The only folder with `unsafe`.
//!
//! A dense weight W (n inputs × m outputs) is kept in column panels ([`Panels`]); the three products of a
//! dense layer read it as it lies and pack nothing of it at run time:
//!
//! | product | equation | entry |
//! |---|---|---|
//! | forward | y = act(x·W + b) | [`DenseForward`] |
//! | input gradient | dx = dy·Wᵀ | [`DenseInputGradient`] |
//! | weight gradient | dW = xᵀ·dy, a run of it at a time | [`DenseWeightGradient`] |
//!
//! All three are loops around one tile of sums in registers (`tile`), written once in the operations of
//! `trait Simd` and run with the instruction set that `backend` detects.
//!
//! A convolution is made of the same three, on patches of images (`patches`, `convolution`); forward, most read images where they lie
//! (`direct`), and one of each channel by itself has loops of its own (`depthwise`).
//!
//! Every other product goes through [`matrix_product`].
//!
//! Normalisations are sums down columns ([`ColumnSums`]), functions of an element and its column ([`ColumnMap`]), and rows
//! that are normalised each for itself ([`RowNorm`]).

#![deny(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod backend;

mod bf16;
mod block_sums;
mod buffer;
mod bytes;
mod column_map;
mod column_sums;
mod convolution;
mod convolution_size;
mod curves;
mod dense;
mod dense_forward;
mod dense_input;
mod dense_input_pack;
mod dense_norm;
mod dense_single;
mod dense_update;
mod dense_weight;
mod depthwise;
mod depthwise_forward;
mod depthwise_input;
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
mod detect;
mod direct;
mod exponential;
mod fetch;
mod gather;
mod grid;
mod limits;
mod matrix;
mod multiply_add;
mod number;
#[cfg(test)]
mod oracle;
mod padded;
mod panels;
mod parallel;
mod patch_products;
mod patches;
mod portable;
mod products;
mod row_norm;
mod row_sums;
mod rows;
mod runs;
mod simd;
mod sliding;
mod softmax_row;
#[cfg_attr(not(feature = "rayon"), path = "alone.rs")]
mod team;
mod tile;
mod transpose;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use backend::{Element, Kernel, run};

pub(crate) use bf16::{
    Bf16ConvolutionForward, Bf16DenseForward, Bf16InputGradient, Bf16Panels, Bf16WeightGradient, Pair,
    bf16_bits, bf16_value, multiply_adds_in_bf16, round_panels,
};
pub(crate) use buffer::Buffer;
pub(crate) use bytes::{
    ByteConvolutionForward, ByteDenseForward, ByteInput, BytePanels, ByteWeight, MOST_BYTE_INPUTS,
    byte_multiply_adds,
};
pub(crate) use column_map::ColumnMap;
pub(crate) use column_sums::ColumnSums;
pub(crate) use convolution::{
    ConvolutionForward, ConvolutionInputGradient, ConvolutionTransposed, ConvolutionWeightGradient, Pool,
    PoolSize,
};
pub(crate) use convolution_size::{ConvolutionSize, weight_matrices};
pub(crate) use curves::Curve;
pub(crate) use dense::{DenseForward, DenseInputGradient, DenseSize, Finish};
pub(crate) use dense_weight::DenseWeightGradient;
pub(crate) use fetch::fetch_beginnings;
pub(crate) use gather::Gather;
pub(crate) use matrix::{MatrixProduct, matrix_product};
pub(crate) use panels::Panels;
pub use parallel::Parallelism;
#[expect(unreachable_pub, reason = "a supertrait of the public `Scalar`; nobody else can name it")]
pub use products::Products;
pub(crate) use products::{multiply_adds, read};
pub(crate) use row_norm::{RowAffine, RowNorm, RowNormInputGradient};
pub(crate) use row_sums::RowSums;
pub(crate) use runs::{Run, Split, split_runs, split_work};
pub(crate) use simd::Simd;
pub(crate) use sliding::{Around, Axis, Geometry};
pub(crate) use team::{at_work, together};
pub(crate) use transpose::transpose;

/// Does what the first pass would otherwise do, which may allocate: detects the instruction set and, where so many
/// products of so many multiply-adds will be shared, starts the threads.
pub(crate) fn prepare(products: usize, multiply_adds: u64) {
    backend::Backend::current();
    together(Parallelism::default().threads_together(products, multiply_adds), || ());
}

/// The instruction set that the kernels run with.
pub(crate) fn backend_name() -> &'static str {
    backend::Backend::current().name()
}
