//! Vectors of `f32` whose products are of pairs.
//!
//! The kernels of dense layers are written in the operations of [`Simd`], and all of their products are `mul_add(a, b, c)`. Here
//! an element of a and of b holds a [`Pair`](super::Pair), and the operation is
//!
//! ```text
//! c + a.first · b.first + a.second · b.second
//! ```
//!
//! with c an `f32` (elsewhere `add_product`, whose factor may lie in memory in another form). A product of two numbers in bf16 is exact in `f32`, and each addition is rounded once. Everything else (sums
//! in memory, bias, activation, what is added onto a weight) is as for `f32`. So the three products of a layer are the same code.
//!
//! Where the processor is fast at `vdpbf16ps` it is that instruction, which takes subnormal numbers for zeros; on aarch64 `bfdot` where
//! there is one, which does so too, adds the two products first and rounds to odd. Elsewhere the
//! numbers of a vector are widened to `f32` and multiplied there, the first before the second, with numbers that lie in memory as
//! two `f32` side by side.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use crate::kernels::Simd;
use crate::kernels::portable::Portable;

/// Products of pairs in the vectors of an instruction set.
pub(super) trait Pairs: Copy + Send + Sync {
    type Base: Simd<f32>;
    /// As [`Simd::Operand`], and the same of factors.
    type Operand: Copy;
    /// As [`Simd::FACTOR`].
    const FACTOR: usize;
    /// As [`Simd::ROWS`].
    const ROWS: usize;
    /// As [`Simd::VECTORS`].
    const VECTORS: &'static [usize];

    fn base(self) -> Self::Base;
    fn factor(self, number: impl Fn(usize) -> f32) -> Self::Operand;
    fn operand(self, vector: Vector<Self>) -> Self::Operand;
    fn add_product(self, a: Self::Operand, b: Self::Operand, sum: Vector<Self>) -> Vector<Self>;
}

pub(super) type Vector<P> = <<P as Pairs>::Base as Simd<f32>>::Vector;

/// The vectors of [`Pairs`].
#[derive(Debug, Clone, Copy)]
pub(super) struct InPairs<P>(pub(super) P);

impl<P: Pairs> Simd<f32> for InPairs<P> {
    type Vector = Vector<P>;
    type Chunk = <P::Base as Simd<f32>>::Chunk;
    type Factor = P::Operand;
    type Operand = P::Operand;

    const FACTOR: usize = P::FACTOR;
    const ROWS: usize = P::ROWS;
    const VECTORS: &'static [usize] = P::VECTORS;

    #[inline(always)]
    fn split(values: &[f32]) -> (&[Self::Chunk], &[f32]) {
        P::Base::split(values)
    }

    #[inline(always)]
    fn split_mut(values: &mut [f32]) -> (&mut [Self::Chunk], &mut [f32]) {
        P::Base::split_mut(values)
    }

    #[inline(always)]
    fn zeros() -> Self::Chunk {
        P::Base::zeros()
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        self.0.base().splat(value)
    }

    #[inline(always)]
    fn load(self, from: &Self::Chunk) -> Self::Vector {
        self.0.base().load(from)
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut Self::Chunk) {
        self.0.base().store(vector, to);
    }

    #[inline(always)]
    fn load_part(self, from: &[f32]) -> Self::Vector {
        self.0.base().load_part(from)
    }

    #[inline(always)]
    fn store_part(self, vector: Self::Vector, to: &mut [f32]) {
        self.0.base().store_part(vector, to);
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        self.0.base().add(a, b)
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        self.0.base().mul(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        self.0.add_product(self.0.operand(a), self.0.operand(b), c)
    }

    #[inline(always)]
    fn factor(self, number: impl Fn(usize) -> f32) -> P::Operand {
        self.0.factor(number)
    }

    #[inline(always)]
    fn operand(self, vector: Self::Vector) -> P::Operand {
        self.0.operand(vector)
    }

    #[inline(always)]
    fn add_product(self, factor: P::Operand, operand: P::Operand, sum: Self::Vector) -> Self::Vector {
        self.0.add_product(factor, operand, sum)
    }

    #[inline(always)]
    fn relu(self, vector: Self::Vector) -> Self::Vector {
        self.0.base().relu(vector)
    }

    #[inline(always)]
    fn first(self, vector: Self::Vector, count: usize) -> Self::Vector {
        self.0.base().first(vector, count)
    }

    #[inline(always)]
    fn prefetch(self, address: *const f32) {
        self.0.base().prefetch(address);
    }

    #[inline(always)]
    fn prefetch_for_later(self, address: *const f32) {
        self.0.base().prefetch_for_later(address);
    }

    #[inline(always)]
    fn sum(self, vector: Self::Vector) -> f32 {
        self.0.base().sum(vector)
    }

    #[inline(always)]
    fn wide_sum(self, vector: Self::Vector) -> f64 {
        self.0.base().wide_sum(vector)
    }
}

/// Vectors whose pairs can be widened.
pub(super) trait Widen: Simd<f32> {
    /// As [`Simd::ROWS`], for tiles that have room for vectors of both numbers.
    const ROWS: usize;
    /// As [`Simd::VECTORS`].
    const VECTORS: &'static [usize];

    /// The first and the second numbers of pairs.
    fn widen(self, pairs: Self::Vector) -> [Self::Vector; 2];
}

/// Products of numbers widened to `f32`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Widened<S>(pub(super) S);

impl<S: Widen> Pairs for Widened<S> {
    type Base = S;
    type Operand = [S::Vector; 2];
    const FACTOR: usize = 2;
    const ROWS: usize = <S as Widen>::ROWS;
    const VECTORS: &'static [usize] = <S as Widen>::VECTORS;

    #[inline(always)]
    fn base(self) -> S {
        self.0
    }

    #[inline(always)]
    fn factor(self, number: impl Fn(usize) -> f32) -> Self::Operand {
        [self.0.splat(number(0)), self.0.splat(number(1))]
    }

    #[inline(always)]
    fn operand(self, vector: S::Vector) -> Self::Operand {
        self.0.widen(vector)
    }

    #[inline(always)]
    fn add_product(self, a: Self::Operand, b: Self::Operand, sum: S::Vector) -> S::Vector {
        self.0.mul_add(a[1], b[1], self.0.mul_add(a[0], b[0], sum))
    }
}

impl Widen for Portable {
    const ROWS: usize = <Portable as Simd<f32>>::ROWS;
    const VECTORS: &'static [usize] = <Portable as Simd<f32>>::VECTORS;

    #[inline(always)]
    fn widen(self, pairs: [f32; 4]) -> [[f32; 4]; 2] {
        let first = pairs.map(|pair| f32::from_bits(pair.to_bits() << 16));
        [first, pairs.map(|pair| f32::from_bits(pair.to_bits() & 0xffff_0000))]
    }
}
