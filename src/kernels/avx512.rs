//! AVX-512 (its foundation, `avx512f`).

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "intrinsics need the instruction set that the token proves")]

use std::arch::x86_64::{
    __m512, __m512d, _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch, _mm256_add_pd, _mm256_add_ps, _mm256_castpd_ps,
    _mm512_add_pd, _mm512_add_ps, _mm512_castpd512_pd256, _mm512_castps_pd, _mm512_castps512_ps256,
    _mm512_extractf64x4_pd, _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_loadu_pd, _mm512_loadu_ps,
    _mm512_mask_storeu_pd, _mm512_mask_storeu_ps, _mm512_maskz_loadu_pd, _mm512_maskz_loadu_ps,
    _mm512_maskz_mov_pd, _mm512_maskz_mov_ps, _mm512_max_pd, _mm512_max_ps, _mm512_mul_pd, _mm512_mul_ps,
    _mm512_set1_pd, _mm512_set1_ps, _mm512_storeu_pd, _mm512_storeu_ps,
};

use super::{Simd, avx2};

/// Proof that the processor has AVX-512 (its foundation, `avx512f`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// The proof, if this processor has the instructions and the system saves their registers.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")).then_some(Self(()))
    }
}

impl Simd<f32> for Avx512 {
    type Vector = __m512;
    type Chunk = [f32; 16];

    const ROWS: usize = 12;
    const VECTORS: &'static [usize] = &[8, 4, 4, 4, 2];

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
        [0.0; 16]
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &Self::Chunk) -> Self::Vector {
        // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut Self::Chunk) {
        // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), vector) }
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

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn relu(self, vector: Self::Vector) -> Self::Vector {
        let zero = Simd::<f32>::splat(self, 0.0);
        // The second operand is what comes back for NaN and for two zeros.
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_max_ps(zero, vector) }
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
        avx2::prefetch_to_write(address.cast());
    }
}

impl Simd<f64> for Avx512 {
    type Vector = __m512d;
    type Chunk = [f64; 8];

    const ROWS: usize = 12;
    const VECTORS: &'static [usize] = &[8, 4, 4, 4, 2];

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
        [0.0; 8]
    }

    #[inline(always)]
    fn splat(self, value: f64) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_set1_pd(value) }
    }

    #[inline(always)]
    fn load(self, from: &Self::Chunk) -> Self::Vector {
        // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
        unsafe { _mm512_loadu_pd(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut Self::Chunk) {
        // SAFETY: the token proves the instruction; a chunk has the vector's size, and any alignment will do.
        unsafe { _mm512_storeu_pd(to.as_mut_ptr(), vector) }
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

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_add_pd(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_mul_pd(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_fmadd_pd(a, b, c) }
    }

    #[inline(always)]
    fn relu(self, vector: Self::Vector) -> Self::Vector {
        let zero = Simd::<f64>::splat(self, 0.0);
        // The second operand is what comes back for NaN and for two zeros.
        // SAFETY: the token proves the instruction.
        unsafe { _mm512_max_pd(zero, vector) }
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
        avx2::prefetch_to_write(address.cast());
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
