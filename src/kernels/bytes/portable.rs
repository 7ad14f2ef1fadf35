//! Bytes on every processor: small arrays, which the compiler turns into vector instructions.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::simd::ByteSimd;
use super::words;
use crate::kernels::portable::Portable;

/// Needs no proof.
#[derive(Debug, Clone, Copy)]
pub(super) struct PortableBytes;

const LANES: usize = 4;

/// 1.5 · 2²³: next to it a number has no digits behind the point.
const WHOLE: f32 = 12_582_912.0;

impl ByteSimd for PortableBytes {
    type Numbers = Portable;
    type Sums = [i32; LANES];
    type Chunk = [i32; LANES];
    /// The rows 0 and 2 of each column, then the rows 1 and 3.
    type Weights = [[i16; 2 * LANES]; 2];
    type Bytes = [i8; 4 * LANES];
    type Factor = [[i32; LANES]; 2];
    type Cell = words::Cell;

    const MOST_ROWS: usize = 4;
    const VECTORS: &'static [usize] = &[8, 4, 2, 2];
    const FETCHES: bool = false;

    #[inline(always)]
    fn numbers(self) -> Portable {
        Portable
    }

    #[inline(always)]
    fn zeros() -> Self::Chunk {
        [0; LANES]
    }

    #[inline(always)]
    fn load(self, from: &Self::Chunk) -> Self::Sums {
        *from
    }

    #[inline(always)]
    fn store(self, sums: Self::Sums, to: &mut Self::Chunk) {
        *to = sums;
    }

    #[inline(always)]
    fn splat(self, number: i32) -> Self::Sums {
        [number; LANES]
    }

    #[inline(always)]
    fn add(self, mut a: Self::Sums, b: Self::Sums) -> Self::Sums {
        (0..LANES).for_each(|lane| a[lane] = a[lane].wrapping_add(b[lane]));
        a
    }

    #[inline(always)]
    fn min(self, mut a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        (0..LANES).for_each(|lane| a[lane] = if a[lane] < b[lane] { a[lane] } else { b[lane] });
        a
    }

    #[inline(always)]
    fn max(self, mut a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        (0..LANES).for_each(|lane| a[lane] = if a[lane] > b[lane] { a[lane] } else { b[lane] });
        a
    }

    #[inline(always)]
    fn rounded(self, numbers: [f32; LANES]) -> Self::Sums {
        numbers.map(|number| (number + WHOLE).to_bits().cast_signed() - WHOLE.to_bits().cast_signed())
    }

    #[inline(always)]
    fn narrow(self, numbers: [Self::Sums; 4], to: &mut [u8]) {
        for (to, number) in to.iter_mut().zip(numbers.as_flattened()) {
            *to = *number as u8;
        }
    }

    #[inline(always)]
    fn cell(numbers: [u8; 4]) -> Self::Cell {
        words::cell(numbers)
    }

    #[inline(always)]
    fn factor(self, cell: &Self::Cell) -> Self::Factor {
        [[cell[0]; LANES], [cell[1]; LANES]]
    }

    #[inline(always)]
    fn weights(self, from: &Self::Bytes) -> Self::Weights {
        let mut weights = [[0; 2 * LANES]; 2];
        for (pair, bytes) in from.as_chunks::<2>().0.iter().enumerate() {
            let both = i16::from_le_bytes(bytes.map(i8::cast_unsigned));
            weights[0][pair] = (both << 8) >> 8;
            weights[1][pair] = both >> 8;
        }
        weights
    }

    #[inline(always)]
    fn add_products(self, weights: Self::Weights, factor: Self::Factor, sums: Self::Sums) -> Self::Sums {
        add_pairs(weights[1], factor[1], add_pairs(weights[0], factor[0], sums))
    }

    #[inline(always)]
    fn without(self, sums: Self::Sums, factor: i32, others: Self::Sums) -> [f32; LANES] {
        let mut numbers = [0.0; LANES];
        for lane in 0..LANES {
            let sum = sums[lane].wrapping_sub(factor.wrapping_mul(others[lane]));
            numbers[lane] = sum as f32;
        }
        numbers
    }

    #[inline(always)]
    fn prefetch(self, _address: *const i8) {}

    #[inline(always)]
    fn prefetch_for_later(self, _address: *const i8) {}
}

/// Two products a lane, each of a number and one of the two that are in a pair.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn add_pairs(numbers: [i16; 2 * LANES], pairs: [i32; LANES], mut sums: [i32; LANES]) -> [i32; LANES] {
    for (lane, sum) in sums.iter_mut().enumerate() {
        let [first, second] = [pairs[lane] as i16, (pairs[lane] >> 16) as i16].map(i32::from);
        let products = i32::from(numbers[2 * lane]) * first + i32::from(numbers[2 * lane + 1]) * second;
        *sum = sum.wrapping_add(products);
    }
    sums
}

/// The same with an instruction that every x86-64 has, and that the compiler does not find.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "registers as arrays")]
#[inline(always)]
fn add_pairs(numbers: [i16; 2 * LANES], pairs: [i32; LANES], sums: [i32; LANES]) -> [i32; LANES] {
    use core::arch::x86_64::{__m128i, _mm_add_epi32, _mm_madd_epi16};
    use core::mem::transmute;
    // SAFETY: both are 16 bytes, of which any are whole numbers.
    let numbers = unsafe { transmute::<[i16; 2 * LANES], __m128i>(numbers) };
    // SAFETY: as above.
    let [pairs, sums] = unsafe { transmute::<[[i32; LANES]; 2], [__m128i; 2]>([pairs, sums]) };
    // SAFETY: every x86-64 has the instruction.
    let products = unsafe { _mm_madd_epi16(numbers, pairs) };
    // SAFETY: every x86-64 has the instruction.
    let sums = unsafe { _mm_add_epi32(sums, products) };
    // SAFETY: as above.
    unsafe { transmute::<__m128i, [i32; LANES]>(sums) }
}
