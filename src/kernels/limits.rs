//! Loops that measure the machine: one only multiplies and adds, one only reads.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::hint::black_box;

use super::backend::Backend;
use super::backend::{Kernel, Runs};
use super::portable::MANY_REGISTERS;
use super::{Element, Simd};

/// Whether chains are sum + factor·factor, and else sum·factor + factor. An instruction of NEON adds onto a register: it would
/// have the other chains copied first. Where products are rounded apart, a compiler would compute those of these chains once.
const ADDS_ONTO: bool = MANY_REGISTERS;

/// The registers of sums: enough to hide the latency of a multiply-add on processors that start two a cycle, and few enough for
/// the 16 registers of AVX2; or four a cycle, and 32 registers.
const REGISTERS: usize = if ADDS_ONTO { 24 } else { 12 };

/// The chains of multiply-adds side by side. The portable vectors of `f64` are two registers of NEON.
const fn chains<T: Element, S: Simd<T>>() -> usize {
    if ADDS_ONTO { REGISTERS / S::REGISTERS } else { REGISTERS }
}

/// The places that are read at once. The processor fetches each one ahead by itself, and more of them than one keep
/// more of the memory busy.
const STREAMS: usize = 4;

/// The vectors that are read at each place: two cache lines of AVX-512.
const VECTORS: usize = 2;

/// Does so many rounds of multiply-adds, and says how many multiply-adds they were.
pub(super) fn multiply_adds_on<T: Element>(backend: Backend, rounds: usize) -> usize {
    multiply_adds_of(backend, rounds, T::one())
}

/// The same with vectors of any kind, in chains of products of this number.
pub(super) fn multiply_adds_of<T: Element>(vectors: impl Runs<T>, rounds: usize, number: T) -> usize {
    vectors.run(MultiplyAdds { rounds, number })
}

/// Reads a slice, except for some vectors at its end if it does not divide evenly.
pub(super) fn read_on<T: Element>(backend: Backend, values: &[T]) -> T {
    backend.run(Read { values })
}

struct MultiplyAdds<T> {
    rounds: usize,
    number: T,
}

impl<T: Element> Kernel<T> for MultiplyAdds<T> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> usize {
        // Nothing of it is known when this is compiled, so nothing can be computed then. Sums come from memory and go there as
        // vectors, lest a compiler takes them for chains of single numbers.
        let factor = simd.splat(black_box(self.number));
        let mut memory = [S::zeros(); REGISTERS];
        let mut sums = black_box(&memory).map(|chunk| simd.load(&chunk));
        let sums = &mut sums[..const { chains::<T, S>() }];
        for _ in 0..self.rounds {
            for sum in &mut *sums {
                let (a, c) = if ADDS_ONTO { (factor, *sum) } else { (*sum, factor) };
                *sum = simd.mul_add(a, factor, c);
            }
        }
        sums.iter().zip(&mut memory).for_each(|(&sum, chunk)| simd.store(sum, chunk));
        black_box(&memory);
        self.rounds * sums.len() * S::LANES
    }
}

struct Read<'a, T> {
    values: &'a [T],
}

impl<T: Element> Kernel<T> for Read<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> T {
        let chunks = S::split(self.values).0;
        let stream = chunks.len() / STREAMS / VECTORS;
        let place = |number: usize| chunks[number * stream * VECTORS..].chunks_exact(VECTORS);
        let mut sums = [[simd.splat(T::zero()); VECTORS]; STREAMS];
        let streams = place(0).zip(place(1)).zip(place(2).zip(place(3)));
        for ((a, b), (c, d)) in streams.take(stream) {
            for (sums, chunks) in sums.iter_mut().zip([a, b, c, d]) {
                for (sum, chunk) in sums.iter_mut().zip(chunks) {
                    *sum = simd.add(*sum, simd.load(chunk));
                }
            }
        }
        sums.into_iter().flatten().map(|sum| simd.sum(sum)).fold(T::zero(), |total, sum| total + sum)
    }
}

#[cfg(test)]
mod tests {
    use super::super::backend::available;
    use super::*;

    #[test]
    fn multiply_adds_are_counted() {
        for (name, backend) in available() {
            let lanes = [("avx512", 16, 8), ("avx2", 8, 4), ("portable", 4, 4)];
            let (_, lanes, lanes_of_f64) = lanes.into_iter().find(|known| known.0 == name).unwrap();
            assert_eq!(multiply_adds_on::<f32>(backend, 5), 5 * REGISTERS * lanes, "{name}");
            let registers = if ADDS_ONTO { 2 } else { 1 };
            assert_eq!(
                multiply_adds_on::<f64>(backend, 5),
                5 * REGISTERS / registers * lanes_of_f64,
                "{name}"
            );
        }
    }

    #[test]
    fn everything_is_read() {
        let values: Vec<f64> = (0..1024).map(f64::from).collect();
        for (name, backend) in available() {
            assert_eq!(read_on(backend, &values), 1023.0 * 512.0, "{name}");
        }
    }
}
