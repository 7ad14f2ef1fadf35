//! Products of pairs on x86-64.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "intrinsics need the instruction set that the token proves")]

use core::arch::x86_64::{
    __m256, __m512, __m512bh, _mm256_and_si256, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_set1_epi32,
    _mm256_slli_epi32, _mm512_and_si512, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_dpbf16_ps,
    _mm512_set1_epi32, _mm512_slli_epi32,
};
use core::mem::transmute;

use super::simd::{Pairs, Widen};
use crate::kernels::Simd;
use crate::kernels::avx2::Avx2;
use crate::kernels::avx512::Avx512;
use crate::kernels::detect::has;

/// The bits of a pair's second number.
const SECOND: i32 = -0x1_0000;

/// Proof that the processor has AVX-512 with its products of bf16.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512Bf16(Avx512);

impl Avx512Bf16 {
    /// The proof, if this processor has the instructions and the system saves their registers.
    pub(super) fn detect() -> Option<Self> {
        Avx512::detect().filter(|_| has!("avx512bf16")).map(Self)
    }

    /// Whether a product takes no longer than one of `f32`. It does with Zen 4 and 5; with Sapphire and Emerald Rapids it takes
    /// four times as long, so that widening is faster. AMD's processors are those that have `sse4a`.
    pub(super) fn is_fast() -> bool {
        has!("sse4a")
    }
}

impl Pairs for Avx512Bf16 {
    type Base = Avx512;
    type Operand = __m512;
    const FACTOR: usize = 1;
    const ROWS: usize = 12;
    const VECTORS: &'static [usize] = &[8, 4, 4, 4, 2];

    #[inline(always)]
    fn base(self) -> Avx512 {
        self.0
    }

    #[inline(always)]
    fn factor(self, number: impl Fn(usize) -> f32) -> __m512 {
        self.0.splat(number(0))
    }

    #[inline(always)]
    fn operand(self, vector: __m512) -> __m512 {
        vector
    }

    #[inline(always)]
    fn add_product(self, a: __m512, b: __m512, sum: __m512) -> __m512 {
        // SAFETY: the token proves the instruction.
        unsafe { dot(a, b, sum) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn dot(a: __m512, b: __m512, c: __m512) -> __m512 {
    // SAFETY: both types are 512 bits of a register, and all bits are either.
    let a = unsafe { transmute::<__m512, __m512bh>(a) };
    // SAFETY: as above.
    let b = unsafe { transmute::<__m512, __m512bh>(b) };
    _mm512_dpbf16_ps(c, a, b)
}

impl Widen for Avx512 {
    const ROWS: usize = <Self as Simd<f32>>::ROWS;
    const VECTORS: &'static [usize] = <Self as Simd<f32>>::VECTORS;

    #[inline(always)]
    fn widen(self, pairs: __m512) -> [__m512; 2] {
        // SAFETY: the token proves the instructions.
        unsafe { widen_512(pairs) }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn widen_512(pairs: __m512) -> [__m512; 2] {
    let pairs = _mm512_castps_si512(pairs);
    let (first, second) =
        (_mm512_slli_epi32::<16>(pairs), _mm512_and_si512(pairs, _mm512_set1_epi32(SECOND)));
    [_mm512_castsi512_ps(first), _mm512_castsi512_ps(second)]
}

impl Widen for Avx2 {
    const ROWS: usize = 4;
    const VECTORS: &'static [usize] = &[4, 4, 2, 2];

    #[inline(always)]
    fn widen(self, pairs: __m256) -> [__m256; 2] {
        // SAFETY: the token proves the instructions.
        unsafe { widen_256(pairs) }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn widen_256(pairs: __m256) -> [__m256; 2] {
    let pairs = _mm256_castps_si256(pairs);
    let (first, second) =
        (_mm256_slli_epi32::<16>(pairs), _mm256_and_si256(pairs, _mm256_set1_epi32(SECOND)));
    [_mm256_castsi256_ps(first), _mm256_castsi256_ps(second)]
}
