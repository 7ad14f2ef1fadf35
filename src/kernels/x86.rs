//! What the instruction sets of x86-64 have in common.

#![expect(clippy::inline_always, reason = "a call would take longer than the instruction")]
#![expect(unsafe_code, reason = "intrinsics")]

use core::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};

/// The part of a [`Simd`](super::Simd) that is an instruction each, from the type of a vector in memory and the names of the
/// instructions. The type that it is for must prove that the processor has them.
macro_rules! operations {
    (
        [$type:ident; $lanes:literal],
        splat: $splat:ident,
        load: $load:ident,
        store: $store:ident,
        add: $add:ident,
        mul: $mul:ident,
        mul_add: $mul_add:ident,
        max: $max:ident,
        first: $first:ident,
        sum: $sum:ident,
        wide_sum: $wide_sum:ident $(,)?
    ) => {
        type Chunk = [$type; $lanes];
        type Factor = Self::Vector;
        type Operand = Self::Vector;

        #[inline(always)]
        fn split(values: &[$type]) -> (&[Self::Chunk], &[$type]) {
            values.as_chunks()
        }

        #[inline(always)]
        fn split_mut(values: &mut [$type]) -> (&mut [Self::Chunk], &mut [$type]) {
            values.as_chunks_mut()
        }

        #[inline(always)]
        fn zeros() -> Self::Chunk {
            [0.0; $lanes]
        }

        #[inline(always)]
        fn splat(self, value: $type) -> Self::Vector {
            // SAFETY: the token proves the instruction.
            unsafe { $splat(value) }
        }

        #[inline(always)]
        fn load(self, from: &Self::Chunk) -> Self::Vector {
            // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
            unsafe { $load(from.as_ptr()) }
        }

        #[inline(always)]
        fn store(self, vector: Self::Vector, to: &mut Self::Chunk) {
            // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
            unsafe { $store(to.as_mut_ptr(), vector) }
        }

        #[inline(always)]
        fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            // SAFETY: the token proves the instruction.
            unsafe { $add(a, b) }
        }

        #[inline(always)]
        fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            // SAFETY: the token proves the instruction.
            unsafe { $mul(a, b) }
        }

        #[inline(always)]
        fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
            // SAFETY: the token proves the instruction.
            unsafe { $mul_add(a, b, c) }
        }

        #[inline(always)]
        fn factor(self, number: impl Fn(usize) -> $type) -> Self::Vector {
            Simd::<$type>::splat(self, number(0))
        }

        #[inline(always)]
        fn operand(self, vector: Self::Vector) -> Self::Vector {
            vector
        }

        #[inline(always)]
        fn add_product(self, factor: Self::Vector, operand: Self::Vector, sum: Self::Vector) -> Self::Vector {
            Simd::<$type>::mul_add(self, factor, operand, sum)
        }

        #[inline(always)]
        fn relu(self, vector: Self::Vector) -> Self::Vector {
            let zero = Simd::<$type>::splat(self, 0.0);
            // The second operand is what comes back for NaN and for two zeros.
            // SAFETY: the token proves the instruction.
            unsafe { $max(zero, vector) }
        }

        #[inline(always)]
        fn first(self, vector: Self::Vector, count: usize) -> Self::Vector {
            // SAFETY: the token proves the instructions.
            unsafe { $first(vector, count) }
        }

        #[inline(always)]
        fn sum(self, vector: Self::Vector) -> $type {
            // SAFETY: the token proves the instructions.
            unsafe { $sum(vector) }
        }

        #[inline(always)]
        fn wide_sum(self, vector: Self::Vector) -> f64 {
            // SAFETY: the token proves the instructions.
            unsafe { $wide_sum(vector) }
        }

        #[inline(always)]
        fn prefetch(self, address: *const $type) {
            x86::prefetch::<{ x86::SOON }>(address.cast());
        }

        #[inline(always)]
        fn prefetch_for_later(self, address: *const $type) {
            x86::prefetch::<{ x86::LATER }>(address.cast());
        }
    };
}

pub(super) use operations;

/// Into all levels of the cache.
pub(super) const SOON: i32 = _MM_HINT_T0;

/// Into the second level and those behind it.
pub(super) const LATER: i32 = _MM_HINT_T1;

#[inline(always)]
pub(super) fn prefetch<const WHEN: i32>(address: *const i8) {
    // SAFETY: every x86-64 has the instruction, and it ignores an address that is not valid.
    unsafe { _mm_prefetch::<WHEN>(address) }
}
