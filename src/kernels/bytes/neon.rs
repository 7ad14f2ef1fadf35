//! Bytes with NEON's products of four bytes a lane: `usdot` where there is one, else `sdot`. Where there is `usdot` there is `usmmla` as
//! well, the products of eight bytes of two rows by those of two columns, for tiles of several rows.
//!
//! `sdot` multiplies numbers with a sign. A byte q is given to it as q − 128, whose bits are those of q but for the highest. What is
//! missing then, 128 times the sum of the weights, is taken off with what the zero point makes. Sums are whole numbers, so they
//! are the same.
//!
//! The compiler's own functions for these instructions are not stable, so they are written as they are.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "intrinsics and instructions that the token proves")]

use core::arch::aarch64::{
    int8x16_t, int32x4_t, vaddq_s32, vcombine_s8, vcvtq_f32_s32, vdupq_n_s32, vld1_s8, vld1q_s8, vld1q_s32,
    vmlsq_s32, vreinterpretq_s8_s32, vreinterpretq_s32_s8, vreinterpretq_s32_s64, vreinterpretq_s64_s32,
    vst1q_f32, vst1q_s32, vzip1q_s32, vzip1q_s64, vzip2q_s32, vzip2q_s64,
};
use core::arch::asm;

use super::portable::PortableBytes;
use super::simd::{ByteSimd, Numbers};
use crate::kernels::detect::has;
use crate::kernels::portable::Portable;

/// Proof that the processor has `sdot`, and where they are mixed, `usdot`, for bytes without a sign by bytes with one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neon<const MIXED: bool>(());

/// Whether the bytes of a number lie as instructions see them.
const IS_LITTLE_ENDIAN: bool = cfg!(target_endian = "little");

impl Neon<false> {
    pub(super) fn detect() -> Option<Self> {
        (IS_LITTLE_ENDIAN && has!("dotprod")).then_some(Self(()))
    }
}

impl Neon<true> {
    pub(super) fn detect() -> Option<Self> {
        (IS_LITTLE_ENDIAN && has!("dotprod", "i8mm")).then_some(Self(()))
    }
}

impl<const MIXED: bool> ByteSimd for Neon<MIXED> {
    type Numbers = Portable;
    type Sums = int32x4_t;
    type Chunk = [i32; 4];
    type Weights = int8x16_t;
    type Bytes = [i8; 16];
    type Factor = int8x16_t;
    type Cell = [u8; 4];

    const MOST_ROWS: usize = if MIXED { 8 } else { 6 };
    // Blocks take registers for weights as they lie and in blocks, and for a factor of each two rows.
    const VECTORS: &'static [usize] = if MIXED { &[8, 4, 4, 4, 2] } else { &[8, 4, 4, 4, 4, 4] };
    const BLOCKS: bool = MIXED;
    const FETCHES: bool = false;

    #[inline(always)]
    fn numbers(self) -> Portable {
        Portable
    }

    #[inline(always)]
    fn zeros() -> Self::Chunk {
        [0; 4]
    }

    #[inline(always)]
    fn load(self, from: &Self::Chunk) -> int32x4_t {
        // SAFETY: the target has NEON, or this would not be compiled; a chunk has the vector's size.
        unsafe { vld1q_s32(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, sums: int32x4_t, to: &mut Self::Chunk) {
        // SAFETY: as above.
        unsafe { vst1q_s32(to.as_mut_ptr(), sums) }
    }

    #[inline(always)]
    fn splat(self, number: i32) -> int32x4_t {
        // SAFETY: the target has NEON, or this would not be compiled.
        unsafe { vdupq_n_s32(number) }
    }

    #[inline(always)]
    fn add(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: the target has NEON, or this would not be compiled.
        unsafe { vaddq_s32(a, b) }
    }

    #[inline(always)]
    fn min(self, a: Numbers<Self>, b: Numbers<Self>) -> Numbers<Self> {
        PortableBytes.min(a, b)
    }

    #[inline(always)]
    fn max(self, a: Numbers<Self>, b: Numbers<Self>) -> Numbers<Self> {
        PortableBytes.max(a, b)
    }

    #[inline(always)]
    fn rounded(self, numbers: Numbers<Self>) -> int32x4_t {
        self.load(&PortableBytes.rounded(numbers))
    }

    #[inline(always)]
    fn narrow(self, numbers: [int32x4_t; 4], to: &mut [u8]) {
        let mut chunks = [Self::zeros(); 4];
        for (numbers, chunk) in numbers.into_iter().zip(&mut chunks) {
            self.store(numbers, chunk);
        }
        PortableBytes.narrow(chunks, to);
    }

    #[inline(always)]
    fn cell(numbers: [u8; 4]) -> Self::Cell {
        numbers
    }

    #[inline(always)]
    fn factor(self, cell: &Self::Cell) -> int8x16_t {
        // Before they are in a vector: no register of the sums is lost to it.
        let bytes = u32::from_le_bytes(*cell) ^ if MIXED { 0 } else { 0x8080_8080 };
        // SAFETY: the target has NEON, or this would not be compiled.
        unsafe { vreinterpretq_s8_s32(self.splat(bytes.cast_signed())) }
    }

    #[inline(always)]
    fn weights(self, from: &Self::Bytes) -> int8x16_t {
        // SAFETY: the target has NEON, or this would not be compiled; the array has the vector's size.
        unsafe { vld1q_s8(from.as_ptr()) }
    }

    #[inline(always)]
    fn add_products(self, weights: int8x16_t, factor: int8x16_t, mut sums: int32x4_t) -> int32x4_t {
        if MIXED {
            // SAFETY: the token proves the instruction, which changes nothing but the register of sums.
            unsafe {
                asm!(
                    ".arch_extension i8mm",
                    "usdot {sums:v}.4s, {factor:v}.16b, {weights:v}.16b",
                    sums = inout(vreg) sums, factor = in(vreg) factor, weights = in(vreg) weights,
                    options(pure, nomem, nostack, preserves_flags)
                );
            }
        } else {
            // SAFETY: as above.
            unsafe {
                asm!(
                    ".arch_extension dotprod",
                    "sdot {sums:v}.4s, {factor:v}.16b, {weights:v}.16b",
                    sums = inout(vreg) sums, factor = in(vreg) factor, weights = in(vreg) weights,
                    options(pure, nomem, nostack, preserves_flags)
                );
            }
        }
        sums
    }

    #[inline(always)]
    fn exchange_blocks(self, [first, second]: [int32x4_t; 2]) -> [int32x4_t; 2] {
        // SAFETY: the target has NEON, or this would not be compiled.
        let [first, second] = [first, second].map(|sums| unsafe { vreinterpretq_s64_s32(sums) });
        // SAFETY: as above.
        let lower = unsafe { vzip1q_s64(first, second) };
        // SAFETY: as above.
        let upper = unsafe { vzip2q_s64(first, second) };
        // SAFETY: as above.
        [lower, upper].map(|sums| unsafe { vreinterpretq_s32_s64(sums) })
    }

    #[inline(always)]
    fn block_weights(self, steps: [int8x16_t; 2]) -> [int8x16_t; 2] {
        // SAFETY: the target has NEON, or this would not be compiled.
        let [first, second] = steps.map(|weights| unsafe { vreinterpretq_s32_s8(weights) });
        // SAFETY: as above.
        let left = unsafe { vzip1q_s32(first, second) };
        // SAFETY: as above.
        let right = unsafe { vzip2q_s32(first, second) };
        // SAFETY: as above.
        [left, right].map(|weights| unsafe { vreinterpretq_s8_s32(weights) })
    }

    #[inline(always)]
    fn block_factor(self, rows: [&[Self::Cell; 2]; 2]) -> int8x16_t {
        // SAFETY: the target has NEON, or this would not be compiled; two cells have the vector's size.
        let [first, second] = rows.map(|cells| unsafe { vld1_s8(cells.as_ptr().cast()) });
        // SAFETY: the target has NEON, or this would not be compiled.
        unsafe { vcombine_s8(first, second) }
    }

    #[inline(always)]
    fn add_block(self, weights: int8x16_t, factor: int8x16_t, mut sums: int32x4_t) -> int32x4_t {
        // SAFETY: the token proves the instruction, which changes nothing but the register of sums.
        unsafe {
            asm!(
                ".arch_extension i8mm",
                "usmmla {sums:v}.4s, {factor:v}.16b, {weights:v}.16b",
                sums = inout(vreg) sums, factor = in(vreg) factor, weights = in(vreg) weights,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        sums
    }

    #[inline(always)]
    fn without(self, sums: int32x4_t, factor: i32, others: int32x4_t) -> Numbers<Self> {
        let factor = if MIXED { factor } else { factor.wrapping_sub(128) };
        // SAFETY: the target has NEON, or this would not be compiled.
        let sums = unsafe { vmlsq_s32(sums, others, self.splat(factor)) };
        let mut numbers = [0.0; 4];
        // SAFETY: as above.
        let rounded = unsafe { vcvtq_f32_s32(sums) };
        // SAFETY: as above; the array has the vector's size.
        unsafe { vst1q_f32(numbers.as_mut_ptr(), rounded) };
        numbers
    }

    #[inline(always)]
    fn prefetch(self, _address: *const i8) {}

    #[inline(always)]
    fn prefetch_for_later(self, _address: *const i8) {}
}
