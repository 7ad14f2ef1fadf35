//! AVX-512 (its foundation, `avx512f`).

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "intrinsics need the instruction set that the token proves")]

use core::arch::x86_64::{
    __m512, __m512d, _mm256_add_pd, _mm256_add_ps, _mm256_castpd_ps, _mm512_add_pd, _mm512_add_ps,
    _mm512_castpd512_pd256, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_cvtps_pd,
    _mm512_extractf64x4_pd, _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_loadu_pd, _mm512_loadu_ps,
    _mm512_mask_storeu_pd, _mm512_mask_storeu_ps, _mm512_maskz_loadu_pd, _mm512_maskz_loadu_ps,
    _mm512_maskz_mov_pd, _mm512_maskz_mov_ps, _mm512_max_pd, _mm512_max_ps, _mm512_mul_pd, _mm512_mul_ps,
    _mm512_set1_pd, _mm512_set1_ps, _mm512_storeu_pd, _mm512_storeu_ps,
};

use super::detect::has;
use super::{Simd, avx2, x86};

/// Proof that the processor has AVX-512 (its foundation, `avx512f`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// The proof, if this processor has the instructions and the system saves their registers.
    pub(crate) fn detect() -> Option<Self> {
        has!("avx512f").then_some(Self(()))
    }
}

impl Simd<f32> for Avx512 {
    type Vector = __m512;

    const ROWS: usize = 12;
    const VECTORS: &'static [usize] = &[8, 4, 4, 4, 2];

    x86::operations! {
        [f32; 16],
        splat: _mm512_set1_ps,
        load: _mm512_loadu_ps,
        store: _mm512_storeu_ps,
        add: _mm512_add_ps,
        mul: _mm512_mul_ps,
        mul_add: _mm512_fmadd_ps,
        max: _mm512_max_ps,
        first: first_f32,
        sum: sum_f32,
        wide_sum: wide_sum_f32,
    }

    #[inline(always)]
    fn load_part(self, from: &[f32]) -> Self::Vector {
        // SAFETY: the token proves the instructions; only lanes that the slice has are read.
        unsafe { _mm512_maskz_loadu_ps(lanes(from.len()) as u16, from.as_ptr()) }
    }

    #[inline(always)]
    fn store_part(self, vector: Self::Vector, to: &mut [f32]) {
        // SAFETY: the token proves the instructions; only lanes that the slice has are written.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), lanes(to.len()) as u16, vector) }
    }
}

impl Simd<f64> for Avx512 {
    type Vector = __m512d;

    const ROWS: usize = 12;
    const VECTORS: &'static [usize] = &[8, 4, 4, 4, 2];

    x86::operations! {
        [f64; 8],
        splat: _mm512_set1_pd,
        load: _mm512_loadu_pd,
        store: _mm512_storeu_pd,
        add: _mm512_add_pd,
        mul: _mm512_mul_pd,
        mul_add: _mm512_fmadd_pd,
        max: _mm512_max_pd,
        first: first_f64,
        sum: sum_f64,
        wide_sum: sum_f64,
    }

    #[inline(always)]
    fn load_part(self, from: &[f64]) -> Self::Vector {
        // SAFETY: the token proves the instructions; only lanes that the slice has are read.
        unsafe { _mm512_maskz_loadu_pd(lanes(from.len()) as u8, from.as_ptr()) }
    }

    #[inline(always)]
    fn store_part(self, vector: Self::Vector, to: &mut [f64]) {
        // SAFETY: the token proves the instructions; only lanes that the slice has are written.
        unsafe { _mm512_mask_storeu_pd(to.as_mut_ptr(), lanes(to.len()) as u8, vector) }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn sum_f32(vector: __m512) -> f32 {
    let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(vector)));
    avx2::sum_f32(_mm256_add_ps(_mm512_castps512_ps256(vector), upper))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn sum_f64(vector: __m512d) -> f64 {
    let upper = _mm512_extractf64x4_pd::<1>(vector);
    avx2::sum_f64(_mm256_add_pd(_mm512_castpd512_pd256(vector), upper))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn wide_sum_f32(vector: __m512) -> f64 {
    let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(vector)));
    sum_f64(_mm512_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(vector)), _mm512_cvtps_pd(upper)))
}

/// A mask of the first `count` lanes, of all of them where there are no more.
#[inline(always)]
fn lanes(count: usize) -> u32 {
    (1 << count.min(16)) - 1
}

#[inline]
#[target_feature(enable = "avx512f")]
fn first_f32(vector: __m512, count: usize) -> __m512 {
    _mm512_maskz_mov_ps(lanes(count) as u16, vector)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn first_f64(vector: __m512d, count: usize) -> __m512d {
    _mm512_maskz_mov_pd(lanes(count) as u8, vector)
}
