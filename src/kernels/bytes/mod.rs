//! The forward product in eight bits: weights and inputs are bytes, sums whole numbers.
//!
//! With q the byte of an input, z the zero point of its sample, w the byte of a weight, s and t the scales of the sample and of
//! the output:
//!
//! ```text
//! x[k] ≈ s · (q[k] − z)      W[k, o] ≈ t[o] · w[k, o]
//! n[o] = Σ_k w[k, o] · (q[k] − z) = Σ_k w[k, o] · q[k] − z · Σ_k w[k, o]
//! y[o] = act(n[o] · t[o] · s + b[o])
//! ```
//!
//! The sums are exact, and what follows them is rounded step by step in that order, nothing of it fused. So y has the same bits
//! with every instruction set, in every batch and on any number of threads.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod backend;
mod convolution;
mod dense;
mod limits;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
mod panels;
#[cfg(test)]
mod plain;
mod portable;
mod product;
mod quantize;
mod rows;
mod samples;
mod simd;
mod tile;
mod weight;
mod words;

pub(crate) use convolution::ByteConvolutionForward;
pub(crate) use dense::ByteDenseForward;
pub(crate) use limits::byte_multiply_adds;
pub(crate) use panels::BytePanels;
pub(crate) use quantize::ByteInput;
pub(crate) use weight::ByteWeight;

/// The most inputs of an output: with |w| ≤ 128 and |q − z| ≤ 255, more could come to 2³¹.
pub(crate) const MOST_BYTE_INPUTS: usize = (i32::MAX / (128 * 255)) as usize;

#[cfg(test)]
mod tests;
