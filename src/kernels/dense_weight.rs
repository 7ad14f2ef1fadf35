//! dW = xᵀ·dy, a run of the panels at a time.
//!
//! With s over the samples:
//!
//! ```text
//! out[i, o] ← β · out[i, o] + α · Σ_s x[s, i] · dy[s, o]
//! ```
//!
//! x is packed into tiles of a few inputs, all samples of a tile together, and dy into panels, so that whoever
//! wants the gradient can ask for it run by run, in any order and from several threads, each run reading x and
//! dy in order and `out` once. A single sample (`dense_single`) needs no packing.
//!
//! A sum is one chain of fused multiply-adds over s from 0. What follows is not fused: α·sum is rounded, then β·out,
//! then their sum, as if the gradient had been stored and a loop over its elements had followed. So descent onto the
//! weight itself, (α, β) = (−learning rate, 1), comes to the same bits as a gradient in memory and then a step. β = 0
//! does not read `out`. The padding of the panels has the gradient 0, even where x is infinite.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use std::ops::Range;

use super::backend::{Backend, Kernel};
use super::dense_update::{ADD, BLEND, PaddedRows, Rows, STORE, Scales};
use super::tile::{Broadcast, Prefetch, Tile, Vectors};
use super::{DenseSize, Element, Parallelism, Run, Simd, dense_single, split_work};

/// The gradient of a dense weight, ready to be written run by run.
pub(crate) struct DenseWeightGradient<'a, T> {
    backend: Backend,
    size: DenseSize,
    /// As they came.
    rows: (&'a [T], &'a [T]),
    x: &'a [T],
    dy: &'a [T],
}

impl<'a, T: Element> DenseWeightGradient<'a, T> {
    /// The error of a sum of n samples is at most `ERROR · n · ε · Σ|x·dy|`; see
    /// [`DenseForward::ERROR`](super::DenseForward).
    #[cfg(test)]
    pub(crate) const ERROR: f64 = 3.0;

    /// Elements of scratch that [`DenseWeightGradient::new`] needs.
    pub(crate) fn scratch(size: DenseSize) -> usize {
        if size.batch <= 1 {
            return 0;
        }
        let x = if packs_x::<T>(size) { size.inputs } else { 0 };
        size.batch * (x + size.outputs.next_multiple_of(T::PANEL_COLUMNS))
    }

    /// Packs x (batch × inputs) and dy (batch × outputs) into scratch, if there is more than one sample.
    pub(crate) fn new(
        size: DenseSize,
        x: &'a [T],
        dy: &'a [T],
        scratch: &'a mut [T],
        parallelism: Parallelism,
    ) -> Self {
        Self::new_on(Backend::current(), size, x, dy, scratch, parallelism)
    }

    pub(super) fn new_on(
        backend: Backend,
        size: DenseSize,
        x: &'a [T],
        dy: &'a [T],
        scratch: &'a mut [T],
        parallelism: Parallelism,
    ) -> Self {
        let DenseSize { batch, inputs, outputs } = size;
        assert_eq!((x.len(), dy.len()), (batch * inputs, batch * outputs), "buffers of another size");
        if batch <= 1 {
            return Self { backend, size, rows: (x, dy), x, dy };
        }
        let (packed_dy, packed_x) = scratch.split_at_mut(batch * outputs.next_multiple_of(T::PANEL_COLUMNS));
        pack_dy(size, dy, packed_dy);
        if !packs_x::<T>(size) {
            return Self { backend, size, rows: (x, dy), x, dy: packed_dy };
        }
        let packed_x = &mut packed_x[..batch * inputs];
        let tile = batch * backend.run::<T, _>(TileRows);
        // A number takes as long to move as some four multiply-adds.
        let pieces = parallelism.pieces(4 * packed_x.len());
        split_work(Run { start: 0, values: &mut *packed_x }, tile, pieces, &|run: Run<'_, T>| {
            pack_x(size, x, run.start / batch, tile / batch, run.values);
        });
        Self { backend, size, rows: (x, dy), x: packed_x, dy: packed_dy }
    }

    /// The runs that [`DenseWeightGradient::write`] takes start and end at multiples of this, or at the end.
    pub(crate) fn granule() -> usize {
        8 * T::PANEL_COLUMNS
    }

    /// out ← beta·out + alpha·dW for a run of the panels, whole rows of them. `beta` 0 does not read `out`.
    pub(crate) fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        T::weight_gradient(self, run, (alpha, beta), out);
    }

    /// ‖dW‖², where that takes less than dW.
    pub(crate) fn square_norm(&self) -> Option<f64> {
        let DenseSize { batch, inputs, outputs } = self.size;
        let is_less = batch * (inputs + outputs) < inputs * outputs;
        is_less.then(|| T::square_norm(self.size, self.rows.0, self.rows.1))
    }

    pub(super) fn write_run(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        let whole = run.start.is_multiple_of(T::PANEL_COLUMNS) && run.end.is_multiple_of(T::PANEL_COLUMNS);
        assert!(whole && run.end <= self.size.panels::<T>().len(), "a run that is no rows of the panels");
        assert_eq!(run.len(), out.len(), "a run of another length");
        let first_row = run.start / T::PANEL_COLUMNS;
        if self.size.batch == 1 {
            let Self { size, x, dy, .. } = *self;
            self.backend.run(dense_single::WeightGradient { size, x, dy, first_row, alpha, beta, out });
        } else {
            self.backend.run(Write { gradient: self, first_row, scales: Scales { alpha, beta }, out });
        }
    }
}

/// Whether x is packed, so that a tile reads it from top to bottom. Where x stays in the cache (L2) and few panels use it,
/// it costs more to pack it than to read it where it lies; but then samples must not lie so that their numbers compete for
/// the same lines of the first cache.
fn packs_x<T: Element>(size: DenseSize) -> bool {
    let row = size.inputs * size_of::<T>();
    size.batch * row > UNPACKED_BYTES
        || size.panels::<T>().count() > UNPACKED_PANELS
        || row.is_multiple_of(1024)
}

/// Panels of dy: all samples of a panel, one after another, padded with zeros.
fn pack_dy<T: Element>(size: DenseSize, dy: &[T], packed: &mut [T]) {
    let DenseSize { batch, outputs, .. } = size;
    for (panel, rows) in packed.chunks_exact_mut((batch * T::PANEL_COLUMNS).max(1)).enumerate() {
        let columns = panel * T::PANEL_COLUMNS..outputs.min((panel + 1) * T::PANEL_COLUMNS);
        for (sample, row) in rows.chunks_exact_mut(T::PANEL_COLUMNS).enumerate() {
            let (used, padding) = row.split_at_mut(columns.len());
            used.copy_from_slice(&dy[sample * outputs..][columns.clone()]);
            padding.fill(T::zero());
        }
    }
}

/// Tiles of x: a few inputs of all samples, those of a sample together. `packed` starts with the input `first`.
fn pack_x<T: Element>(size: DenseSize, x: &[T], first: usize, tile_rows: usize, packed: &mut [T]) {
    let DenseSize { batch, inputs, .. } = size;
    let starts = (first..).step_by(tile_rows);
    for (start, tile) in starts.zip(packed.chunks_mut(batch * tile_rows)) {
        let rows = tile.len() / batch;
        for (sample, values) in tile.chunks_exact_mut(rows).enumerate() {
            let values_of_sample = &x[sample * inputs + start..][..rows];
            // Of a length that is known, the copy is a few instructions instead of a call.
            match (values.first_chunk_mut::<8>(), values_of_sample.first_chunk::<8>()) {
                (Some(values), Some(from)) if rows == 8 => *values = *from,
                _ => values.copy_from_slice(values_of_sample),
            }
        }
    }
}

/// [`rows_of`] the instruction set at hand.
struct TileRows;

impl<T: Element> Kernel<T> for TileRows {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) -> usize {
        rows_of::<T, S>()
    }
}

/// The rows of a tile: no more than a granule has, or a run would start in the middle of one.
#[inline(always)]
fn rows_of<T: Element, S: Simd<T>>() -> usize {
    S::ROWS.min(8)
}

/// The most bytes of x that is read where it lies: an eighth to a half of the cache (L2) of today's processors.
const UNPACKED_BYTES: usize = 128 * 1024;

/// The most panels for which x is read where it lies.
const UNPACKED_PANELS: usize = 8;

/// The rows of `out` that are fetched ahead, 4 KiB.
const AHEAD: usize = 32;

struct Write<'a, T> {
    gradient: &'a DenseWeightGradient<'a, T>,
    first_row: usize,
    scales: Scales<T>,
    out: &'a mut [T],
}

impl<T: Element> Kernel<T> for Write<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let inputs = self.gradient.size.inputs;
        let (mut out, mut row) = (self.out, self.first_row);
        while !out.is_empty() {
            let (panel, input) = (row / inputs, row % inputs);
            let rows = (inputs - input).min(out.len() / T::PANEL_COLUMNS);
            let (panel_out, rest) = out.split_at_mut(rows * T::PANEL_COLUMNS);
            (out, row) = (rest, row + rows);
            let rows = PanelRows { gradient: self.gradient, panel, input, scales: self.scales };
            match self.scales.mode() {
                STORE => rows.write::<S, STORE>(simd, panel_out),
                ADD => rows.write::<S, ADD>(simd, panel_out),
                _ => rows.write::<S, BLEND>(simd, panel_out),
            }
        }
    }
}

/// Some rows of one panel.
struct PanelRows<'a, T> {
    gradient: &'a DenseWeightGradient<'a, T>,
    panel: usize,
    input: usize,
    scales: Scales<T>,
}

impl<T: Element> PanelRows<'_, T> {
    #[inline(always)]
    fn write<S: Simd<T>, const MODE: u8>(self, simd: S, mut out: &mut [T]) {
        let Self { gradient, panel, mut input, scales } = self;
        let DenseWeightGradient { size: DenseSize { batch, inputs, outputs }, x, dy, .. } = *gradient;
        let packs_x = packs_x::<T>(gradient.size);
        let columns = T::PANEL_COLUMNS.min(outputs - panel * T::PANEL_COLUMNS);
        let dy = S::split(&dy[panel * batch * T::PANEL_COLUMNS..]).0;
        let used = columns.div_ceil(S::LANES);
        let vectors = S::vectors(rows_of::<T, S>()).min(used.next_power_of_two());
        while !out.is_empty() {
            // The rest of this tile of packed inputs, or of the run.
            let start = input - input % rows_of::<T, S>();
            let packed_rows = rows_of::<T, S>().min(inputs - start);
            let rows = (packed_rows - (input - start)).min(out.len() / T::PANEL_COLUMNS);
            let (tile_out, rest) = out.split_at_mut(rows * T::PANEL_COLUMNS);
            let ahead = tile_out.as_ptr().wrapping_add(AHEAD * T::PANEL_COLUMNS);
            for line in 0..rows * 2 {
                simd.prefetch(ahead.wrapping_add(line * T::PANEL_COLUMNS / 2));
            }
            let (first, stride) = if packs_x {
                (start * batch + (input - start).min(x.len()), packed_rows)
            } else {
                (input, inputs)
            };
            let a = Broadcast { values: &x[first..], row_stride: 1, stride };
            (out, input) = (rest, input + rows);
            let tile_out = S::split_mut(tile_out).0;
            for first in (0..used).step_by(vectors) {
                let b = Vectors { chunks: dy.get(first..).unwrap_or(&[]), panel_stride: 0 };
                let tile = Tile { depth: batch, a, b, prefetch: Prefetch::Nothing };
                // Nearly all tiles are whole, and known to be when this is compiled.
                let (whole_rows, whole_vectors) =
                    (rows_of::<T, S>(), S::vectors(rows_of::<T, S>()).min(S::PER_PANEL));
                let is_whole = columns == T::PANEL_COLUMNS && rows == whole_rows;
                if is_whole {
                    let update = Rows::<_, _, MODE> { scales, first, out: &mut *tile_out };
                    tile.add(simd, whole_rows, whole_vectors, update);
                } else {
                    let rows_of_tile = Rows { scales, first, out: &mut *tile_out };
                    tile.add(simd, rows, vectors, PaddedRows { rows: rows_of_tile, columns });
                }
            }
            for row in tile_out.chunks_exact_mut(S::PER_PANEL) {
                scales.update_padding::<S, MODE>(simd, &mut row[used.next_multiple_of(vectors)..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::backend::available;
    use super::super::oracle::{self, Case, Numbers, same_bits};
    use super::*;

    /// The whole gradient, in runs of so many rows, scratch and padding filled with NaN first.
    fn gradient<T: Numbers>(backend: Backend, case: &Case<T>, rows: usize, alpha: T, beta: T, out: &mut [T]) {
        let Case { size, x, dy, .. } = case;
        let mut scratch = vec![T::nan(); DenseWeightGradient::<T>::scratch(*size)];
        let gradient =
            DenseWeightGradient::new_on(backend, *size, x, dy, &mut scratch, Parallelism::Threads(3));
        let mut start = 0;
        for out in out.chunks_mut(rows * T::PANEL_COLUMNS) {
            gradient.write(start..start + out.len(), alpha, beta, out);
            start += out.len();
        }
    }

    fn every_size_is_within_the_bound<T: Numbers>() {
        let mut failures = Vec::new();
        for size in oracle::sizes() {
            let case = Case::<T>::random(size);
            let (exact, magnitude) = case.weight_gradient();
            for (name, backend) in available() {
                let panels = size.panels::<T>();
                let mut out = vec![T::nan(); panels.len()];
                gradient(backend, &case, usize::MAX / 64, T::one(), T::zero(), &mut out);
                let mut matrix = vec![T::nan(); size.inputs * size.outputs];
                panels.unpack(&out, &mut matrix);
                let bound = DenseWeightGradient::<T>::ERROR * size.batch as f64;
                let off = oracle::beyond(&matrix, &exact, &magnitude, bound);
                failures.extend(off.map(|off| format!("{name} {size:?} {off}")));
                if out.iter().filter(|&&dw| dw == T::zero()).count() < out.len() - matrix.len() {
                    failures.push(format!("{name} {size:?}: padding is not zero"));
                }
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }

    #[test]
    fn every_size_is_within_the_bound_f32() {
        every_size_is_within_the_bound::<f32>();
    }

    #[test]
    fn every_size_is_within_the_bound_f64() {
        every_size_is_within_the_bound::<f64>();
    }

    #[test]
    fn alpha_and_beta_and_runs_of_any_number_of_rows() {
        for (name, backend) in available() {
            for (batch, inputs, outputs) in
                [(1, 37, 70), (5, 37, 70), (20, 8, 33), (3, 1, 31), (9, 100, 3), (5, 37, 260)]
            {
                let case = Case::<f32>::random(DenseSize { batch, inputs, outputs });
                let len = case.panels.len();
                let mut sums = vec![f32::NAN; len];
                gradient(backend, &case, usize::MAX / 64, 1.0, 0.0, &mut sums);
                for rows in [1, 3, 8, 11, 64] {
                    for (alpha, beta) in [(1.0, 0.0), (1.0, 1.0), (-0.25, 1.0), (2.0, 0.5)] {
                        let before = if beta == 0.0 { vec![f32::NAN; len] } else { oracle::random(len, 9) };
                        let mut out = before.clone();
                        gradient(backend, &case, rows, alpha, beta, &mut out);
                        let expected = |sum: f32, before: f32| {
                            if beta == 0.0 { alpha * sum } else { alpha * sum + beta * before }
                        };
                        let expected: Vec<f32> =
                            sums.iter().zip(&before).map(|(&s, &b)| expected(s, b)).collect();
                        assert!(
                            same_bits(&out, &expected),
                            "{name} {:?}, {rows} rows, {alpha} {beta}",
                            case.size
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn padding_has_no_gradient_even_of_infinite_inputs() {
        for (name, backend) in available() {
            let mut case = Case::<f32>::random(DenseSize { batch: 3, inputs: 9, outputs: 5 });
            case.x.fill(f32::INFINITY);
            let mut out = vec![0.0; case.panels.len()];
            gradient(backend, &case, 8, -0.1, 1.0, &mut out);
            let padding = out.chunks(32).flat_map(|row| &row[5..]);
            assert!(padding.into_iter().all(|&dw| dw == 0.0), "{name}");
        }
    }
}
