//! Vectors for every processor: small arrays, which the compiler turns into vector instructions.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::Simd;
use super::number::Number;

/// Needs no proof.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

/// Four numbers: a register of f32, two of f64, on SSE2 and NEON.
const LANES: usize = 4;

/// Whether there are 32 registers rather than 16. They are used for 16 registers of sums, as many as hide the latency
/// of processors that start four multiply-adds a cycle.
pub(super) const MANY_REGISTERS: bool = cfg!(target_arch = "aarch64");

#[inline(always)]
fn map2<T: Number>(mut a: [T; LANES], b: [T; LANES], f: impl Fn(T, T) -> T) -> [T; LANES] {
    for lane in 0..LANES {
        a[lane] = f(a[lane], b[lane]);
    }
    a
}

impl<T: Number> Simd<T> for Portable {
    type Vector = [T; LANES];
    type Chunk = [T; LANES];

    type Factor = [T; LANES];
    type Operand = [T; LANES];

    const REGISTERS: usize = size_of::<T>() / 4;
    const ROWS: usize = 4;
    const VECTORS: &'static [usize] = match (MANY_REGISTERS, size_of::<T>()) {
        (true, 4) => &[16, 8, 4, 4],
        (true, _) => &[8, 4, 2, 2],
        (false, 4) => &[8, 4, 2],
        (false, _) => &[4, 2, 1],
    };

    #[inline(always)]
    fn split(values: &[T]) -> (&[Self::Chunk], &[T]) {
        values.as_chunks()
    }

    #[inline(always)]
    fn split_mut(values: &mut [T]) -> (&mut [Self::Chunk], &mut [T]) {
        values.as_chunks_mut()
    }

    #[inline(always)]
    fn zeros() -> Self::Chunk {
        [T::zero(); LANES]
    }

    #[inline(always)]
    fn splat(self, value: T) -> Self::Vector {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, from: &Self::Chunk) -> Self::Vector {
        *from
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut Self::Chunk) {
        *to = vector;
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        map2(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        map2(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        T::multiply_add(a, b, c)
    }

    #[inline(always)]
    fn factor(self, number: impl Fn(usize) -> T) -> Self::Vector {
        self.splat(number(0))
    }

    #[inline(always)]
    fn operand(self, vector: Self::Vector) -> Self::Vector {
        vector
    }

    #[inline(always)]
    fn add_product(self, factor: Self::Vector, operand: Self::Vector, sum: Self::Vector) -> Self::Vector {
        self.mul_add(factor, operand, sum)
    }

    #[inline(always)]
    fn relu(self, vector: Self::Vector) -> Self::Vector {
        vector.map(|value| if value < T::zero() { T::zero() } else { value })
    }

    #[inline(always)]
    fn first(self, vector: Self::Vector, count: usize) -> Self::Vector {
        core::array::from_fn(|lane| if lane < count { vector[lane] } else { T::zero() })
    }

    #[inline(always)]
    fn sum(self, [a, b, c, d]: Self::Vector) -> T {
        (a + c) + (b + d)
    }

    #[inline(always)]
    fn wide_sum(self, vector: Self::Vector) -> f64 {
        let [a, b, c, d] = vector.map(|value| value.to_f64().expect("a float is a double or less"));
        (a + c) + (b + d)
    }

    #[inline(always)]
    fn prefetch(self, _address: *const T) {}

    #[inline(always)]
    fn prefetch_for_later(self, _address: *const T) {}
}
