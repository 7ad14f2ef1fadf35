//! Products of pairs on aarch64, by `bfdot`.
//!
//! It adds the two products of a lane, and their sum onto the lane. Both additions are rounded to odd: to one of the two numbers
//! around the exact sum, with subnormal numbers taken for zeros. So each is off by less than the distance between those two, twice as much as
//! the nearest could be.
//!
//! The compiler's own function for the instruction is not stable, so it is written as it is.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "intrinsics and an instruction that the token proves")]

use core::arch::aarch64::{float32x4_t, vdupq_n_f32, vld1q_f32, vst1q_f32};
use core::arch::asm;

use super::simd::Pairs;
use crate::kernels::Simd;
use crate::kernels::detect::has;
use crate::kernels::portable::Portable;

/// Proof that the processor has `bfdot`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeonBf16(());

impl NeonBf16 {
    /// The proof, if this processor has the instruction.
    pub(super) fn detect() -> Option<Self> {
        has!("bf16").then_some(Self(()))
    }
}

impl Pairs for NeonBf16 {
    type Base = Portable;
    type Operand = float32x4_t;
    const FACTOR: usize = 1;
    const ROWS: usize = <Portable as Simd<f32>>::ROWS;
    const VECTORS: &'static [usize] = <Portable as Simd<f32>>::VECTORS;

    #[inline(always)]
    fn base(self) -> Portable {
        Portable
    }

    #[inline(always)]
    fn factor(self, number: impl Fn(usize) -> f32) -> float32x4_t {
        // SAFETY: the target has NEON, or this would not be compiled.
        unsafe { vdupq_n_f32(number(0)) }
    }

    #[inline(always)]
    fn operand(self, vector: [f32; 4]) -> float32x4_t {
        // SAFETY: the target has NEON, or this would not be compiled; the array has the vector's size.
        unsafe { vld1q_f32(vector.as_ptr()) }
    }

    #[inline(always)]
    fn add_product(self, a: float32x4_t, b: float32x4_t, mut sum: [f32; 4]) -> [f32; 4] {
        let mut sums = self.operand(sum);
        // SAFETY: the token proves the instruction, which changes nothing but the register of sums.
        unsafe {
            asm!(
                ".arch_extension bf16",
                "bfdot {sums:v}.4s, {a:v}.8h, {b:v}.8h",
                sums = inout(vreg) sums, a = in(vreg) a, b = in(vreg) b,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        // SAFETY: the target has NEON, or this would not be compiled; the array has the vector's size.
        unsafe { vst1q_f32(sum.as_mut_ptr(), sums) }
        sum
    }
}
