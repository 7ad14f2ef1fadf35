//! The vector operations that the kernels are written in.
//!
//! An implementation is a token: a value of it can only be had from [`Backend`](super::Backend)'s detection,
//! so whoever holds one may use the instructions. Every function here and every generic kernel is
//! `#[inline(always)]`, so that all of it ends up inside the one function that switches the instruction set on.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::number::Number;

/// The vectors of one instruction set for one number type.
pub(crate) trait Simd<T: Number>: Copy + Send + Sync {
    /// A vector in a register.
    type Vector: Copy;
    /// A vector in memory: `[T; LANES]`.
    type Chunk: Copy + AsRef<[T]> + AsMut<[T]>;
    /// The operand of a product that is the same in all lanes.
    type Factor: Copy;
    /// The operand of a product that is a vector.
    type Operand: Copy;

    /// How many numbers in memory a factor is made of: one, unless a lane of an operand holds several.
    const FACTOR: usize = 1;

    /// The numbers of a vector.
    const LANES: usize = size_of::<Self::Chunk>() / size_of::<T>();
    /// The registers that a vector takes.
    const REGISTERS: usize = 1;
    /// The vectors of a row of a weight panel.
    const PER_PANEL: usize = T::PANEL_COLUMNS / Self::LANES;
    /// The most rows that a tile of sums has.
    const ROWS: usize;
    /// The most vectors side by side in a tile of 1, 2, 3, … rows, powers of two; the last holds for all
    /// greater numbers of rows. So many that the tile fills the registers and hides the latency of an addition.
    const VECTORS: &'static [usize];

    /// The whole vectors of a slice and what is left.
    fn split(values: &[T]) -> (&[Self::Chunk], &[T]);
    /// As [`Simd::split`].
    fn split_mut(values: &mut [T]) -> (&mut [Self::Chunk], &mut [T]);
    /// A vector of zeros in memory.
    fn zeros() -> Self::Chunk;

    fn splat(self, value: T) -> Self::Vector;
    fn load(self, from: &Self::Chunk) -> Self::Vector;
    fn store(self, vector: Self::Vector, to: &mut Self::Chunk);

    /// Fewer numbers than a vector has, and zeros after them.
    #[inline(always)]
    fn load_part(self, from: &[T]) -> Self::Vector {
        let mut chunk = Self::zeros();
        chunk.as_mut()[..from.len()].copy_from_slice(from);
        self.load(&chunk)
    }

    /// As many of a vector's first lanes as there is room for.
    #[inline(always)]
    fn store_part(self, vector: Self::Vector, to: &mut [T]) {
        let mut chunk = Self::zeros();
        self.store(vector, &mut chunk);
        to.copy_from_slice(&chunk.as_ref()[..to.len()]);
    }

    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a·b + c, rounded once where the instruction set can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// A factor of [`Simd::FACTOR`] numbers, which are given by their place.
    fn factor(self, number: impl Fn(usize) -> T) -> Self::Factor;
    fn operand(self, vector: Self::Vector) -> Self::Operand;
    /// factor·operand + sum.
    fn add_product(self, factor: Self::Factor, operand: Self::Operand, sum: Self::Vector) -> Self::Vector;

    /// `if v < 0 { 0 } else { v }`, so NaN stays NaN and −0 stays −0.
    fn relu(self, vector: Self::Vector) -> Self::Vector;
    /// The first `count` lanes of a vector, zero in the others, whatever they held.
    fn first(self, vector: Self::Vector, count: usize) -> Self::Vector;
    /// Asks for the cache line at `address`, which need not be valid, for use at once.
    fn prefetch(self, address: *const T);
    /// The same for use later: into the second level of the cache.
    fn prefetch_for_later(self, address: *const T);

    /// The sum of a vector: the upper half is added onto the lower until one number is left.
    fn sum(self, vector: Self::Vector) -> T;
    /// The same in double precision.
    fn wide_sum(self, vector: Self::Vector) -> f64;
}

/// The most vectors side by side in a tile of `rows` rows.
#[inline(always)]
pub(super) const fn most_vectors<T: Number, S: Simd<T>>(rows: usize) -> usize {
    S::VECTORS[clamp(rows, 1, S::VECTORS.len()) - 1]
}

/// What [`Ord::clamp`] is outside of constants.
#[inline(always)]
pub(super) const fn clamp(value: usize, least: usize, most: usize) -> usize {
    if value < least {
        least
    } else if value > most {
        most
    } else {
        value
    }
}
