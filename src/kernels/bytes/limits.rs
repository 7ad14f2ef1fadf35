//! A loop that measures the machine: the products' own tile, on numbers that lie in the nearest cache.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::hint::black_box;

use super::backend::{ByteBackend, ByteKernel};
use super::panels::{ROWS, STEP};
use super::simd::{ByteSimd, most_vectors};
use super::tile::{MOST_SUMS, Share, Sums, Tile};

/// The steps of the tile: 16 KiB of weights.
const STEPS: usize = 128;

/// Goes so many times through a tile, and says how many multiply-adds of bytes that was.
pub(crate) fn byte_multiply_adds(rounds: usize) -> usize {
    multiply_adds_on(ByteBackend::current(), rounds)
}

fn multiply_adds_on(backend: ByteBackend, rounds: usize) -> usize {
    let weights = vec![1; (STEPS + 1) * STEP];
    backend.run(MultiplyAdds { rounds, weights: black_box(&weights) })
}

struct MultiplyAdds<'a> {
    rounds: usize,
    weights: &'a [i8],
}

impl ByteKernel for MultiplyAdds<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<S: ByteSimd>(self, simd: S) -> usize {
        let Self { rounds, weights } = self;
        let size @ (rows, vectors) = (S::MOST_ROWS, most_vectors::<S>(S::MOST_ROWS));
        let cells = [S::cell([1; ROWS]); STEPS];
        let fetch = Share { address: weights.as_ptr(), step: 0 };
        // All rows are the same cells.
        let tile = Tile { steps: STEPS, cells: &cells, row_stride: 0, weights, panel_stride: 0, fetch };
        let mut sums = [S::zeros(); MOST_SUMS];
        for _ in 0..rounds {
            let values = black_box(&mut sums);
            tile.add(simd, size, Sums { values, stride: vectors, begin: false });
        }
        rounds * rows * vectors * S::LANES * STEPS * ROWS
    }
}

#[cfg(test)]
mod tests {
    use super::super::backend::available;
    use super::*;

    #[test]
    fn multiply_adds_are_counted() {
        for (name, backend) in available() {
            let (rows, columns) = match name {
                "avx512-vnni" => (12, 32),
                "avx512-no-vnni" => (10, 32),
                "avx-vnni" => (3, 32),
                "avx2" => (4, 16),
                "neon-i8mm" => (8, 8),
                "neon-dotprod" => (6, 16),
                _ => (4, 8),
            };
            assert_eq!(multiply_adds_on(backend, 3), 3 * rows * columns * STEPS * ROWS, "{name}");
        }
    }
}
