//! Bytes with AVX-512: with VNNI, an instruction for four products of bytes, and without it.
//!
//! Without it, a vector of weights becomes two of 16 bits, the rows 0 and 2 of each column and the rows 1 and 3, and an
//! instruction multiplies and adds up two of them, which is exact: the one that would take bytes saturates.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "intrinsics need the instruction set that the token proves")]

use core::arch::x86_64::{
    __m512, __m512i, _mm_storeu_si128, _mm512_add_epi32, _mm512_cvtepi32_epi8, _mm512_cvtepi32_ps,
    _mm512_cvtps_epi32, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_madd_epi16, _mm512_max_ps,
    _mm512_min_ps, _mm512_mullo_epi32, _mm512_set1_epi32, _mm512_slli_epi16, _mm512_srai_epi16,
    _mm512_storeu_si512, _mm512_sub_epi32,
};

use super::simd::ByteSimd;
use super::words;
use crate::kernels::avx512::Avx512;
use crate::kernels::detect::has;
use crate::kernels::x86;

/// Proof that the processor has AVX-512 with instructions for bytes, and VNNI.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512Vnni(Avx512);

/// Proof that the processor has AVX-512 with instructions for bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512Words(Avx512);

impl Avx512Vnni {
    pub(super) fn detect() -> Option<Self> {
        Avx512Words::detect().filter(|_| has!("avx512vnni")).map(|words| Self(words.0))
    }
}

impl Avx512Words {
    pub(super) fn detect() -> Option<Self> {
        let has_bytes = has!("avx512bw", "avx512vl", "avx512dq");
        Avx512::detect().filter(|_| has_bytes).map(Self)
    }
}

/// What both have in common.
macro_rules! vectors {
    () => {
        type Numbers = Avx512;
        type Sums = __m512i;
        type Chunk = [i32; 16];
        type Bytes = [i8; 64];

        #[inline(always)]
        fn numbers(self) -> Avx512 {
            self.0
        }

        #[inline(always)]
        fn zeros() -> Self::Chunk {
            [0; 16]
        }

        #[inline(always)]
        fn load(self, from: &Self::Chunk) -> __m512i {
            // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
            unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
        }

        #[inline(always)]
        fn store(self, sums: __m512i, to: &mut Self::Chunk) {
            // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), sums) }
        }

        #[inline(always)]
        fn splat(self, number: i32) -> __m512i {
            // SAFETY: the token proves the instruction.
            unsafe { _mm512_set1_epi32(number) }
        }

        #[inline(always)]
        fn add(self, a: __m512i, b: __m512i) -> __m512i {
            // SAFETY: the token proves the instruction.
            unsafe { _mm512_add_epi32(a, b) }
        }

        #[inline(always)]
        fn min(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: the token proves the instruction.
            unsafe { _mm512_min_ps(a, b) }
        }

        #[inline(always)]
        fn max(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: the token proves the instruction.
            unsafe { _mm512_max_ps(a, b) }
        }

        #[inline(always)]
        fn rounded(self, numbers: __m512) -> __m512i {
            // SAFETY: the token proves the instruction.
            unsafe { _mm512_cvtps_epi32(numbers) }
        }

        #[inline(always)]
        fn narrow(self, numbers: [__m512i; 4], to: &mut [u8]) {
            // SAFETY: the token proves the instructions.
            unsafe { narrow(numbers, to) }
        }

        #[inline(always)]
        fn without(self, sums: __m512i, factor: i32, others: __m512i) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { without(sums, factor, others) }
        }

        #[inline(always)]
        fn prefetch(self, address: *const i8) {
            x86::prefetch::<{ x86::SOON }>(address);
        }

        #[inline(always)]
        fn prefetch_for_later(self, address: *const i8) {
            x86::prefetch::<{ x86::LATER }>(address);
        }
    };
}

#[inline]
#[target_feature(enable = "avx512f")]
fn narrow(numbers: [__m512i; 4], to: &mut [u8]) {
    assert_eq!(to.len(), 64, "the bytes of four vectors");
    for (numbers, to) in numbers.into_iter().zip(to.chunks_exact_mut(16)) {
        let bytes = _mm512_cvtepi32_epi8(numbers);
        // SAFETY: there is room for 16 bytes.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), bytes) };
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn without(sums: __m512i, factor: i32, others: __m512i) -> __m512 {
    _mm512_cvtepi32_ps(_mm512_sub_epi32(sums, _mm512_mullo_epi32(_mm512_set1_epi32(factor), others)))
}

impl ByteSimd for Avx512Vnni {
    type Weights = __m512i;
    type Factor = __m512i;
    type Cell = [u8; 4];

    const MOST_ROWS: usize = 12;
    const VECTORS: &'static [usize] = &[8, 4, 4, 4, 2];
    const FETCHES: bool = true;

    vectors!();

    #[inline(always)]
    fn cell(numbers: [u8; 4]) -> Self::Cell {
        numbers
    }

    #[inline(always)]
    fn factor(self, cell: &Self::Cell) -> __m512i {
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_set1_epi32(i32::from_le_bytes(*cell)) }
    }

    #[inline(always)]
    fn weights(self, from: &Self::Bytes) -> __m512i {
        // SAFETY: the token proves the instruction; the array has the vector's size, and any alignment will do.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn add_products(self, weights: __m512i, factor: __m512i, sums: __m512i) -> __m512i {
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_dpbusd_epi32(sums, factor, weights) }
    }
}

impl ByteSimd for Avx512Words {
    type Weights = [__m512i; 2];
    type Factor = [__m512i; 2];
    type Cell = words::Cell;

    const MOST_ROWS: usize = 10;
    const VECTORS: &'static [usize] = &[8, 4, 4, 4, 2];
    const FETCHES: bool = true;

    vectors!();

    #[inline(always)]
    fn cell(numbers: [u8; 4]) -> Self::Cell {
        words::cell(numbers)
    }

    #[inline(always)]
    fn factor(self, cell: &Self::Cell) -> [__m512i; 2] {
        let [even, odd] = *cell;
        // SAFETY: the token proves the instruction.
        let even = unsafe { _mm512_set1_epi32(even) };
        // SAFETY: the token proves the instruction.
        [even, unsafe { _mm512_set1_epi32(odd) }]
    }

    #[inline(always)]
    fn weights(self, from: &Self::Bytes) -> [__m512i; 2] {
        // SAFETY: the token proves the instruction; the array has the vector's size, and any alignment will do.
        let bytes = unsafe { _mm512_loadu_si512(from.as_ptr().cast()) };
        // SAFETY: the token proves the instructions.
        unsafe { both(bytes) }
    }

    #[inline(always)]
    fn add_products(self, weights: [__m512i; 2], factor: [__m512i; 2], sums: __m512i) -> __m512i {
        // SAFETY: the token proves the instructions.
        unsafe { add_both(weights, factor, sums) }
    }
}

/// The bytes with even and with odd numbers, in 16 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn both(bytes: __m512i) -> [__m512i; 2] {
    [_mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(bytes)), _mm512_srai_epi16::<8>(bytes)]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_both(weights: [__m512i; 2], factor: [__m512i; 2], sums: __m512i) -> __m512i {
    let even = _mm512_madd_epi16(weights[0], factor[0]);
    let odd = _mm512_madd_epi16(weights[1], factor[1]);
    _mm512_add_epi32(sums, _mm512_add_epi32(even, odd))
}
