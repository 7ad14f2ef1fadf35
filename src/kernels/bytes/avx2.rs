//! Bytes with AVX2: with AVX-VNNI, an instruction for four products of bytes, and without it, by way of 16 bits as with AVX-512.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "intrinsics need the instruction set that the token proves")]

use core::arch::x86_64::{
    __m256, __m256i, _mm256_add_epi32, _mm256_cvtepi32_ps, _mm256_cvtps_epi32, _mm256_dpbusd_avx_epi32,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_max_ps, _mm256_min_ps, _mm256_mullo_epi32,
    _mm256_packs_epi32, _mm256_packus_epi16, _mm256_permutevar8x32_epi32, _mm256_set1_epi32,
    _mm256_setr_epi32, _mm256_slli_epi16, _mm256_srai_epi16, _mm256_storeu_si256, _mm256_sub_epi32,
};

use super::simd::ByteSimd;
use super::words;
use crate::kernels::avx2::Avx2;
use crate::kernels::detect::has;
use crate::kernels::x86;

/// Proof that the processor has AVX2 and AVX-VNNI.
#[derive(Debug, Clone, Copy)]
pub(super) struct AvxVnni(Avx2);

/// Proof that the processor has AVX2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2Words(Avx2);

impl AvxVnni {
    pub(super) fn detect() -> Option<Self> {
        Avx2::detect().filter(|_| has!("avxvnni")).map(Self)
    }
}

impl Avx2Words {
    pub(super) fn detect() -> Option<Self> {
        Avx2::detect().map(Self)
    }
}

/// What both have in common.
macro_rules! vectors {
    () => {
        type Numbers = Avx2;
        type Sums = __m256i;
        type Chunk = [i32; 8];
        type Bytes = [i8; 32];

        #[inline(always)]
        fn numbers(self) -> Avx2 {
            self.0
        }

        #[inline(always)]
        fn zeros() -> Self::Chunk {
            [0; 8]
        }

        #[inline(always)]
        fn load(self, from: &Self::Chunk) -> __m256i {
            // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
            unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
        }

        #[inline(always)]
        fn store(self, sums: __m256i, to: &mut Self::Chunk) {
            // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
            unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), sums) }
        }

        #[inline(always)]
        fn splat(self, number: i32) -> __m256i {
            // SAFETY: the token proves the instruction.
            unsafe { _mm256_set1_epi32(number) }
        }

        #[inline(always)]
        fn add(self, a: __m256i, b: __m256i) -> __m256i {
            // SAFETY: the token proves the instruction.
            unsafe { _mm256_add_epi32(a, b) }
        }

        #[inline(always)]
        fn min(self, a: __m256, b: __m256) -> __m256 {
            // SAFETY: the token proves the instruction.
            unsafe { _mm256_min_ps(a, b) }
        }

        #[inline(always)]
        fn max(self, a: __m256, b: __m256) -> __m256 {
            // SAFETY: the token proves the instruction.
            unsafe { _mm256_max_ps(a, b) }
        }

        #[inline(always)]
        fn rounded(self, numbers: __m256) -> __m256i {
            // SAFETY: the token proves the instruction.
            unsafe { _mm256_cvtps_epi32(numbers) }
        }

        #[inline(always)]
        fn narrow(self, numbers: [__m256i; 4], to: &mut [u8]) {
            // SAFETY: the token proves the instructions.
            unsafe { narrow(numbers, to) }
        }

        #[inline(always)]
        fn without(self, sums: __m256i, factor: i32, others: __m256i) -> __m256 {
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
#[target_feature(enable = "avx2")]
fn narrow([a, b, c, d]: [__m256i; 4], to: &mut [u8]) {
    assert_eq!(to.len(), 32, "the bytes of four vectors");
    // Both halves of a register are packed apart: four bytes of each of a, b, c, d, and again.
    let bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    let bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    // SAFETY: there is room for 32 bytes.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), bytes) };
}

#[inline]
#[target_feature(enable = "avx2")]
fn without(sums: __m256i, factor: i32, others: __m256i) -> __m256 {
    _mm256_cvtepi32_ps(_mm256_sub_epi32(sums, _mm256_mullo_epi32(_mm256_set1_epi32(factor), others)))
}

impl ByteSimd for AvxVnni {
    type Weights = __m256i;
    type Factor = __m256i;
    type Cell = [u8; 4];

    const MOST_ROWS: usize = 3;
    const VECTORS: &'static [usize] = &[8, 4, 4];
    const FETCHES: bool = true;

    vectors!();

    #[inline(always)]
    fn cell(numbers: [u8; 4]) -> Self::Cell {
        numbers
    }

    #[inline(always)]
    fn factor(self, cell: &Self::Cell) -> __m256i {
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_set1_epi32(i32::from_le_bytes(*cell)) }
    }

    #[inline(always)]
    fn weights(self, from: &Self::Bytes) -> __m256i {
        // SAFETY: the token proves the instruction; the array has the vector's size, and any alignment will do.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn add_products(self, weights: __m256i, factor: __m256i, sums: __m256i) -> __m256i {
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_dpbusd_avx_epi32(sums, factor, weights) }
    }
}

impl ByteSimd for Avx2Words {
    type Weights = [__m256i; 2];
    type Factor = [__m256i; 2];
    type Cell = words::Cell;

    const MOST_ROWS: usize = 4;
    const VECTORS: &'static [usize] = &[8, 4, 2, 2];
    const FETCHES: bool = true;

    vectors!();

    #[inline(always)]
    fn cell(numbers: [u8; 4]) -> Self::Cell {
        words::cell(numbers)
    }

    #[inline(always)]
    fn factor(self, cell: &Self::Cell) -> [__m256i; 2] {
        let [even, odd] = *cell;
        // SAFETY: the token proves the instruction.
        let even = unsafe { _mm256_set1_epi32(even) };
        // SAFETY: the token proves the instruction.
        [even, unsafe { _mm256_set1_epi32(odd) }]
    }

    #[inline(always)]
    fn weights(self, from: &Self::Bytes) -> [__m256i; 2] {
        // SAFETY: the token proves the instruction; the array has the vector's size, and any alignment will do.
        let bytes = unsafe { _mm256_loadu_si256(from.as_ptr().cast()) };
        // SAFETY: the token proves the instructions.
        unsafe { both(bytes) }
    }

    #[inline(always)]
    fn add_products(self, weights: [__m256i; 2], factor: [__m256i; 2], sums: __m256i) -> __m256i {
        // SAFETY: the token proves the instructions.
        unsafe { add_both(weights, factor, sums) }
    }
}

/// The bytes with even and with odd numbers, in 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn both(bytes: __m256i) -> [__m256i; 2] {
    [_mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(bytes)), _mm256_srai_epi16::<8>(bytes)]
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_both(weights: [__m256i; 2], factor: [__m256i; 2], sums: __m256i) -> __m256i {
    let even = _mm256_madd_epi16(weights[0], factor[0]);
    let odd = _mm256_madd_epi16(weights[1], factor[1]);
    _mm256_add_epi32(sums, _mm256_add_epi32(even, odd))
}
