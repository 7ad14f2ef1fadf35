//! AVX2 and FMA.

#![expect(unsafe_code, reason = "intrinsics need the instruction set that the token proves")]

use core::arch::x86_64::{
    __m256, __m256d, _mm_add_pd, _mm_add_ps, _mm_add_sd, _mm_add_ss, _mm_cvtsd_f64, _mm_cvtss_f32,
    _mm_movehdup_ps, _mm_movehl_ps, _mm_unpackhi_pd, _mm256_add_pd, _mm256_add_ps, _mm256_and_pd,
    _mm256_and_ps, _mm256_castpd256_pd128, _mm256_castps256_ps128, _mm256_castsi256_pd, _mm256_castsi256_ps,
    _mm256_cmpgt_epi32, _mm256_cmpgt_epi64, _mm256_cvtps_pd, _mm256_extractf128_pd, _mm256_extractf128_ps,
    _mm256_fmadd_pd, _mm256_fmadd_ps, _mm256_loadu_pd, _mm256_loadu_ps, _mm256_max_pd, _mm256_max_ps,
    _mm256_mul_pd, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_set1_pd, _mm256_set1_ps,
    _mm256_setr_epi32, _mm256_setr_epi64x, _mm256_storeu_pd, _mm256_storeu_ps,
};

use super::detect::has;
use super::{Simd, x86};

/// Proof that the processor has AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The proof, if this processor has the instructions and the system saves their registers.
    pub(crate) fn detect() -> Option<Self> {
        has!("avx2", "fma").then_some(Self(()))
    }
}

impl Simd<f32> for Avx2 {
    type Vector = __m256;

    const ROWS: usize = 3;
    const VECTORS: &'static [usize] = &[8, 4, 4];

    x86::operations! {
        [f32; 8],
        splat: _mm256_set1_ps,
        load: _mm256_loadu_ps,
        store: _mm256_storeu_ps,
        add: _mm256_add_ps,
        mul: _mm256_mul_ps,
        mul_add: _mm256_fmadd_ps,
        max: _mm256_max_ps,
        first: first_f32,
        sum: sum_f32,
        wide_sum: wide_sum_f32,
    }
}

impl Simd<f64> for Avx2 {
    type Vector = __m256d;

    const ROWS: usize = 3;
    const VECTORS: &'static [usize] = &[8, 4, 4];

    x86::operations! {
        [f64; 4],
        splat: _mm256_set1_pd,
        load: _mm256_loadu_pd,
        store: _mm256_storeu_pd,
        add: _mm256_add_pd,
        mul: _mm256_mul_pd,
        mul_add: _mm256_fmadd_pd,
        max: _mm256_max_pd,
        first: first_f64,
        sum: sum_f64,
        wide_sum: sum_f64,
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn sum_f32(vector: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(vector), _mm256_extractf128_ps::<1>(vector));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn sum_f64(vector: __m256d) -> f64 {
    let two = _mm_add_pd(_mm256_castpd256_pd128(vector), _mm256_extractf128_pd::<1>(vector));
    _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn wide_sum_f32(vector: __m256) -> f64 {
    let upper = _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(vector));
    sum_f64(_mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(vector)), upper))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn first_f32(vector: __m256, count: usize) -> __m256 {
    let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_and_ps(
        vector,
        _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(i32::from(count as u8)), lane)),
    )
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn first_f64(vector: __m256d, count: usize) -> __m256d {
    let lane = _mm256_setr_epi64x(0, 1, 2, 3);
    _mm256_and_pd(
        vector,
        _mm256_castsi256_pd(_mm256_cmpgt_epi64(_mm256_set1_epi64x(i64::from(count as u8)), lane)),
    )
}
