//! AVX2 and FMA.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "intrinsics need the instruction set that the token proves")]

use std::arch::x86_64::{
    __m256, __m256d, _MM_HINT_T0, _MM_HINT_T1, _mm_add_pd, _mm_add_ps, _mm_add_sd, _mm_add_ss, _mm_cvtsd_f64,
    _mm_cvtss_f32, _mm_movehdup_ps, _mm_movehl_ps, _mm_prefetch, _mm_unpackhi_pd, _mm256_add_pd,
    _mm256_add_ps, _mm256_and_pd, _mm256_and_ps, _mm256_castpd256_pd128, _mm256_castps256_ps128,
    _mm256_castsi256_pd, _mm256_castsi256_ps, _mm256_cmpgt_epi32, _mm256_cmpgt_epi64, _mm256_extractf128_pd,
    _mm256_extractf128_ps, _mm256_fmadd_pd, _mm256_fmadd_ps, _mm256_loadu_pd, _mm256_loadu_ps, _mm256_max_pd,
    _mm256_max_ps, _mm256_mul_pd, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_set1_pd,
    _mm256_set1_ps, _mm256_setr_epi32, _mm256_setr_epi64x, _mm256_storeu_pd, _mm256_storeu_ps,
};

use super::Simd;

/// Proof that the processor has AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The proof, if this processor has the instructions and the system saves their registers.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

impl Simd<f32> for Avx2 {
    type Vector = __m256;
    type Chunk = [f32; 8];

    const ROWS: usize = 3;
    const VECTORS: &'static [usize] = &[8, 4, 4];

    #[inline(always)]
    fn split(values: &[f32]) -> (&[Self::Chunk], &[f32]) {
        values.as_chunks()
    }

    #[inline(always)]
    fn split_mut(values: &mut [f32]) -> (&mut [Self::Chunk], &mut [f32]) {
        values.as_chunks_mut()
    }

    #[inline(always)]
    fn zeros() -> Self::Chunk {
        [0.0; 8]
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &Self::Chunk) -> Self::Vector {
        // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut Self::Chunk) {
        // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn relu(self, vector: Self::Vector) -> Self::Vector {
        let zero = Simd::<f32>::splat(self, 0.0);
        // The second operand is what comes back for NaN and for two zeros.
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_max_ps(zero, vector) }
    }

    #[inline(always)]
    fn first(self, vector: Self::Vector, count: usize) -> Self::Vector {
        // SAFETY: the token proves the instructions.
        unsafe { first_f32(vector, count) }
    }

    #[inline(always)]
    fn sum(self, vector: Self::Vector) -> f32 {
        // SAFETY: the token proves the instructions.
        unsafe { sum_f32(vector) }
    }

    #[inline(always)]
    fn prefetch(self, address: *const f32) {
        // SAFETY: every x86-64 has the instruction, and it ignores an address that is not valid.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }

    #[inline(always)]
    fn prefetch_for_later(self, address: *const f32) {
        // SAFETY: as for `prefetch`.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
    }

    #[inline(always)]
    fn prefetch_to_write(self, address: *const f32) {
        prefetch_to_write(address.cast());
    }
}

impl Simd<f64> for Avx2 {
    type Vector = __m256d;
    type Chunk = [f64; 4];

    const ROWS: usize = 3;
    const VECTORS: &'static [usize] = &[8, 4, 4];

    #[inline(always)]
    fn split(values: &[f64]) -> (&[Self::Chunk], &[f64]) {
        values.as_chunks()
    }

    #[inline(always)]
    fn split_mut(values: &mut [f64]) -> (&mut [Self::Chunk], &mut [f64]) {
        values.as_chunks_mut()
    }

    #[inline(always)]
    fn zeros() -> Self::Chunk {
        [0.0; 4]
    }

    #[inline(always)]
    fn splat(self, value: f64) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_set1_pd(value) }
    }

    #[inline(always)]
    fn load(self, from: &Self::Chunk) -> Self::Vector {
        // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
        unsafe { _mm256_loadu_pd(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut Self::Chunk) {
        // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
        unsafe { _mm256_storeu_pd(to.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_add_pd(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_mul_pd(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_fmadd_pd(a, b, c) }
    }

    #[inline(always)]
    fn relu(self, vector: Self::Vector) -> Self::Vector {
        let zero = Simd::<f64>::splat(self, 0.0);
        // The second operand is what comes back for NaN and for two zeros.
        // SAFETY: the token proves the instruction.
        unsafe { _mm256_max_pd(zero, vector) }
    }

    #[inline(always)]
    fn first(self, vector: Self::Vector, count: usize) -> Self::Vector {
        // SAFETY: the token proves the instructions.
        unsafe { first_f64(vector, count) }
    }

    #[inline(always)]
    fn sum(self, vector: Self::Vector) -> f64 {
        // SAFETY: the token proves the instructions.
        unsafe { sum_f64(vector) }
    }

    #[inline(always)]
    fn prefetch(self, address: *const f64) {
        // SAFETY: every x86-64 has the instruction, and it ignores an address that is not valid.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }

    #[inline(always)]
    fn prefetch_for_later(self, address: *const f64) {
        // SAFETY: as for `prefetch`.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
    }

    #[inline(always)]
    fn prefetch_to_write(self, address: *const f64) {
        prefetch_to_write(address.cast());
    }
}

/// `prefetchw`, for which there is no function.
#[inline(always)]
pub(super) fn prefetch_to_write(address: *const u8) {
    // SAFETY: every x86-64 has the instruction or does nothing at it; it changes neither memory nor registers, and ignores an
    // address that is not valid.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) address, options(readonly, nostack, preserves_flags));
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
