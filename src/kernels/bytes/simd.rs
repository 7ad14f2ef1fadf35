//! The vector operations that the products of bytes are written in.
//!
//! As with [`Simd`], an implementation is a token that proves the instructions, and every function here and every kernel is
//! `#[inline(always)]`.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::panels::{COLUMNS, ROWS};
use crate::kernels::Simd;

/// A vector of `f32` of the same instruction set.
pub(super) type Numbers<S> = <<S as ByteSimd>::Numbers as Simd<f32>>::Vector;

/// The same in memory.
pub(super) type NumbersChunk<S> = <<S as ByteSimd>::Numbers as Simd<f32>>::Chunk;

/// The vectors of one instruction set for bytes: a lane has four of them, and a sum.
pub(super) trait ByteSimd: Copy + Send + Sync {
    /// The vectors of `f32` with as many lanes.
    type Numbers: Simd<f32>;
    /// A vector of sums in a register.
    type Sums: Copy;
    /// A vector of sums in memory, `[i32; LANES]`.
    type Chunk: Copy + AsRef<[i32]> + AsMut<[i32]>;
    /// A vector of weights in registers, four of each column.
    type Weights: Copy;
    /// A vector of weights in memory, `[i8; 4 · LANES]`.
    type Bytes: Copy;
    /// Four numbers of a sample in registers, the same in every lane.
    type Factor: Copy;
    /// Four numbers of a sample in memory.
    type Cell: Copy;

    /// The sums of a vector.
    const LANES: usize = size_of::<Self::Chunk>() / size_of::<i32>();
    /// The vectors of a step of a panel.
    const PER_PANEL: usize = COLUMNS / Self::LANES;
    /// The most rows that a tile of sums has.
    const MOST_ROWS: usize;
    /// The most vectors side by side in a tile of 1, 2, 3, … rows, as [`Simd::VECTORS`].
    const VECTORS: &'static [usize];
    /// Whether anything comes of asking for cache lines. Where nothing does, tiles that ask are not compiled.
    const FETCHES: bool;
    /// Whether there are products of blocks, of two rows and two steps by two columns: the functions below of that name.
    const BLOCKS: bool = false;

    fn numbers(self) -> Self::Numbers;

    /// A vector of zeros in memory.
    fn zeros() -> Self::Chunk;
    fn load(self, from: &Self::Chunk) -> Self::Sums;
    fn store(self, sums: Self::Sums, to: &mut Self::Chunk);

    fn splat(self, number: i32) -> Self::Sums;
    fn add(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;

    fn min(self, a: Numbers<Self>, b: Numbers<Self>) -> Numbers<Self>;
    fn max(self, a: Numbers<Self>, b: Numbers<Self>) -> Numbers<Self>;
    /// The nearest whole numbers, of two that are as near the even one. No number is beyond 2²².
    fn rounded(self, numbers: Numbers<Self>) -> Self::Sums;
    /// Writes four vectors of numbers from 0 to 255 as bytes.
    fn narrow(self, numbers: [Self::Sums; ROWS], to: &mut [u8]);

    /// Four numbers as they lie in memory.
    fn cell(numbers: [u8; ROWS]) -> Self::Cell;
    fn factor(self, cell: &Self::Cell) -> Self::Factor;
    fn weights(self, from: &Self::Bytes) -> Self::Weights;
    /// sums + Σ weights · numbers, four products a lane, modulo 2³².
    fn add_products(self, weights: Self::Weights, factor: Self::Factor, sums: Self::Sums) -> Self::Sums;

    /// The sums of two rows as those of two blocks, and the sums of two blocks as those of two rows. In a block, the columns of the first
    /// row come before those of the second.
    fn exchange_blocks(self, _sums: [Self::Sums; 2]) -> [Self::Sums; 2] {
        unreachable!("there are no products of blocks")
    }
    /// The weights of two steps as those of two blocks.
    fn block_weights(self, _steps: [Self::Weights; 2]) -> [Self::Weights; 2] {
        unreachable!("there are no products of blocks")
    }
    /// Two steps of two rows.
    fn block_factor(self, _rows: [&[Self::Cell; 2]; 2]) -> Self::Factor {
        unreachable!("there are no products of blocks")
    }
    /// sums + Σ weights · numbers, eight products of each row and column, modulo 2³².
    fn add_block(self, _weights: Self::Weights, _factor: Self::Factor, _sums: Self::Sums) -> Self::Sums {
        unreachable!("there are no products of blocks")
    }

    /// sums − factor · others as numbers, rounded once; the difference modulo 2³².
    fn without(self, sums: Self::Sums, factor: i32, others: Self::Sums) -> Numbers<Self>;
    /// Asks for the cache line at `address`, which need not be valid, for use at once.
    fn prefetch(self, address: *const i8);
    /// The same for use later: into the second level of the cache.
    fn prefetch_for_later(self, address: *const i8);
}

/// The most vectors side by side in a tile of `rows` rows.
#[inline(always)]
pub(super) const fn most_vectors<S: ByteSimd>(rows: usize) -> usize {
    let place = if rows < S::VECTORS.len() { rows } else { S::VECTORS.len() };
    S::VECTORS[place - 1]
}
