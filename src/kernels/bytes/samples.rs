//! Samples that become bytes, as threads share them out: sample by sample, or where there are too few of them, parts of large ones.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};

use super::backend::{ByteBackend, ByteKernel};
use super::quantize::{ByteInput, Quantization, range};
use super::rows::{LINE_BYTES, Line, RowLayout, Sample, bytes_mut};
use super::simd::ByteSimd;
use crate::kernels::grid::Grid;
use crate::kernels::{Parallelism, Run, split_runs, split_work};

/// What it takes to make a byte of a number, in multiply-adds of f32.
const WORK_OF_NUMBER: u64 = 8;

/// The least numbers of a part: to wake a thread takes as long as a few thousand of them.
const LEAST_PART: usize = 32 * 1024;

/// The most parts of a sample.
const MOST_PARTS: usize = 16;

/// Samples of some numbers each, and how they become rows of bytes.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a> {
    pub(super) x: &'a [f32],
    /// The numbers of each.
    pub(super) len: usize,
    pub(super) input: ByteInput,
    pub(super) layout: RowLayout,
}

impl Samples<'_> {
    /// Makes them rows.
    pub(super) fn quantize(
        self,
        backend: ByteBackend,
        parallelism: Parallelism,
        samples: &mut [Sample],
        lines: &mut [Line],
    ) {
        let pieces = parallelism.pieces(WORK_OF_NUMBER * self.x.len() as u64);
        let parts = (self.len / LEAST_PART).min(pieces).min(MOST_PARTS);
        if pieces > samples.len() && parts > 1 {
            let rows = lines.chunks_exact_mut(self.layout.lines());
            for ((sample, lines), x) in samples.iter_mut().zip(rows).zip(self.x.chunks_exact(self.len)) {
                *sample = self.in_parts(backend, parts, x, lines);
            }
            return;
        }
        let count = samples.len();
        let (samples, lines) = (Grid::new(samples, count, 1), Grid::new(lines, count, self.layout.lines()));
        split_runs(count, 1, pieces.min(count), &|rows| {
            backend.run(Whole { of: self, samples, lines, rows });
        });
    }

    /// One of them, which threads make together.
    fn in_parts(self, backend: ByteBackend, parts: usize, x: &[f32], lines: &mut [Line]) -> Sample {
        let lines_of_part = x.len().div_ceil(LINE_BYTES).div_ceil(parts);
        let of_part = lines_of_part * LINE_BYTES;
        let mut ranges = [(0.0, 0.0); MOST_PARTS];
        if self.input == ByteInput::PerSample {
            let whole = Run { start: 0, values: &mut ranges[..parts] };
            split_work(whole, 1, parts, &|run: Run<'_, (f32, f32)>| {
                for (x, to) in x.chunks(of_part).skip(run.start).zip(run.values) {
                    *to = backend.run(Ends { x });
                }
            });
        }
        let ends =
            |(a, b): (f32, f32), (c, d): (f32, f32)| (if c < a { c } else { a }, if d > b { d } else { b });
        let how = self.input.of_range(ranges.into_iter().fold((0.0, 0.0), ends));
        let is_finite = AtomicBool::new(true);
        let whole = Run { start: 0, values: self.layout.byte_lines(lines) };
        split_work(whole, lines_of_part, parts, &|run: Run<'_, Line>| {
            for (x, lines) in
                x[run.start * LINE_BYTES..].chunks(of_part).zip(run.values.chunks_mut(lines_of_part))
            {
                if backend.run(Part { how, x, lines }).scale.is_nan() {
                    is_finite.store(false, Ordering::Relaxed);
                }
            }
        });
        backend.run(Spread { layout: self.layout, lines });
        how.sample(is_finite.into_inner())
    }
}

/// Some samples.
struct Whole<'a> {
    of: Samples<'a>,
    samples: Grid<'a, Sample>,
    lines: Grid<'a, Line>,
    rows: Range<usize>,
}

impl ByteKernel for Whole<'_> {
    type Output = ();

    #[expect(unsafe_code, reason = "threads share the rows")]
    #[inline(always)]
    fn run<S: ByteSimd>(self, simd: S) {
        let Self { of: Samples { x, len, input, layout }, samples, lines, rows } = self;
        for row in rows {
            // SAFETY: `quantize` gives each thread rows of its own, and here is one piece of them at a time.
            let lines = unsafe { lines.piece(row, 0..layout.lines()) };
            // SAFETY: as for the lines.
            let [sample] = (unsafe { samples.piece(row, 0..1) }) else { unreachable!("one a row") };
            let x = &x[row * len..][..len];
            *sample = input.of(simd, x).quantize(simd, x, layout.bytes(lines));
            layout.spread::<S>(lines);
        }
    }
}

/// The least and the largest number of a part.
struct Ends<'a> {
    x: &'a [f32],
}

impl ByteKernel for Ends<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run<S: ByteSimd>(self, simd: S) -> (f32, f32) {
        range(simd, self.x)
    }
}

/// A part that becomes bytes.
struct Part<'a> {
    how: Quantization,
    x: &'a [f32],
    lines: &'a mut [Line],
}

impl ByteKernel for Part<'_> {
    type Output = Sample;

    #[inline(always)]
    fn run<S: ByteSimd>(self, simd: S) -> Sample {
        self.how.quantize(simd, self.x, bytes_mut(self.lines))
    }
}

/// Bytes of a row that become cells.
struct Spread<'a> {
    layout: RowLayout,
    lines: &'a mut [Line],
}

impl ByteKernel for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: ByteSimd>(self, _simd: S) {
        self.layout.spread::<S>(self.lines);
    }
}

#[cfg(test)]
mod tests {
    use super::super::backend::available;
    use super::super::rows::bytes;
    use super::*;
    use crate::kernels::oracle::random;

    /// Of some parts and of one, in lines that held something else before.
    #[test]
    fn parts_of_a_sample_come_to_the_bytes_of_the_whole() {
        for (len, odd) in [(1, None), (64, None), (1000, None), (5000, Some(4999)), (4097, Some(0))] {
            for input in [ByteInput::PerSample, ByteInput::Static { scale: 0.02, zero: 17 }] {
                let mut x = random::<f32>(len, 5);
                x[len / 2] *= -9.0;
                if let Some(place) = odd {
                    x[place] = f32::INFINITY;
                }
                for (name, backend) in available() {
                    let layout = backend.row_layout(len);
                    let of = Samples { x: &x, len, input, layout };
                    let mut lines = vec![Line::of(7); layout.lines()];
                    let mut samples = [Sample { scale: 0.0, zero: 0 }];
                    of.quantize(backend, Parallelism::Threads(1), &mut samples, &mut lines);
                    for parts in [2, 3, 16] {
                        let mut own = vec![Line::of(7); layout.lines()];
                        let sample = of.in_parts(backend, parts, &x, &mut own);
                        let what = format!("{name}, {len} in {parts} parts, {input:?}");
                        assert!(bytes(&own) == bytes(&lines), "{what}");
                        assert_eq!(sample.scale.to_bits(), samples[0].scale.to_bits(), "{what}");
                        assert_eq!(sample.scale.is_nan(), odd.is_some(), "{what}");
                        assert!(odd.is_some() || sample.zero == samples[0].zero, "{what}");
                    }
                }
            }
        }
    }
}
