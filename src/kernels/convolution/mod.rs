//! The three products of a convolution, as products of matrices of patches.
//!
//! With p over the positions of the window in all images, and the weight of a group as a matrix of
//! (taps · channels) × outputs in panels:
//!
//! ```text
//! y = act(P·W + b)      dP = dy·Wᵀ      dW = Pᵀ·dy      P: the patches of x; dx: dP added up where it came from
//! ```
//!
//! Where the window moves by 1, dx is a convolution itself: that of dy with the window turned.
//!
//! Forward, most convolutions make no P: tiles read windows where they lie in rows of padded images, to the same bits
//! (`kernels/direct.rs`). Otherwise P is made a block of positions at a time. A block goes through the dense products while it is in the cache, so they
//! are as fast as for a dense layer, and sums have the same order: an output is one chain of multiply-adds over the
//! taps. Threads share out positions (forward), images (dx), or taps (dW); blocks begin at the same positions whatever
//! the number of threads, so bits are the same.

mod blocks;
mod forward;
mod input;
mod transposed;
mod weight;

pub(crate) use blocks::PoolSize;
pub(crate) use forward::{ConvolutionForward, Pool};
pub(crate) use input::ConvolutionInputGradient;
pub(crate) use transposed::ConvolutionTransposed;
pub(crate) use weight::ConvolutionWeightGradient;

#[cfg(test)]
mod tests;
