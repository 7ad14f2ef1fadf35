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
    type Factor = [[i16; 2]; 2];
    type Cell = words::Cell;

    const MOST_ROWS: usize = 4;
    const VECTORS: &'static [usize] = &[8, 4, 2, 2];

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
        cell.map(|pair| [pair as i16, (pair >> 16) as i16])
    }

    #[inline(always)]
    fn weights(self, from: &Self::Bytes) -> Self::Weights {
        let mut weights = [[0; 2 * LANES]; 2];
        for pair in 0..2 * LANES {
            for (odd, weights) in weights.iter_mut().enumerate() {
                weights[pair] = i16::from(from[2 * pair + odd]);
            }
        }
        weights
    }

    #[inline(always)]
    fn add_products(self, weights: Self::Weights, factor: Self::Factor, mut sums: Self::Sums) -> Self::Sums {
        for (lane, sum) in sums.iter_mut().enumerate() {
            for (weights, factor) in weights.iter().zip(factor) {
                let product = |i: usize| i32::from(weights[2 * lane + i]) * i32::from(factor[i]);
                *sum = sum.wrapping_add(product(0) + product(1));
            }
        }
        sums
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
