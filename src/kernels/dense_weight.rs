//! dW = xᵀ·dy, a run of the panels at a time.
//!
//! With s over the samples:
//!
//! ```text
//! out[i, o] ← β · out[i, o] + α · Σ_s x[s, i] · dy[s, o]
//! ```
//!
//! x is packed into tiles of a few inputs, all samples of a tile together, and dy into panels. So the gradient can be computed
//! run by run, in any order and on several threads; each run reads x and dy in order and `out` once. A single
//! sample (`dense_single`) needs no packing, nor does x where it stays in the cache.
//!
//! A sum is one chain of fused multiply-adds over s from 0. What follows is not fused: α·sum is rounded, then β·out,
//! then their sum, as if the gradient had been stored and a loop over its elements had followed. So descent onto the
//! weight itself, (α, β) = (−learning rate, 1), comes to the same bits as a gradient in memory and then a step. β = 0
//! does not read `out`. The padding of the panels has the gradient 0, even where x is infinite.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::{Backend, Kernel, Runs};
use super::dense_update::{ADD, BLEND, Rows, STORE, Scales, WholeRows};
use super::tile::{Broadcast, Nothing, Share, Tile, Vectors, largest};
use super::{DenseSize, Element, Parallelism, Run, Simd, dense_single, split_work};

/// The gradient of a dense weight, ready to be written run by run.
pub(crate) struct DenseWeightGradient<'a, T, B = Backend> {
    backend: B,
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
        size.batch * (x + packed_outputs::<T>(size))
    }

    /// Elements of scratch for this many inputs or any fewer, of which x may be packed where that of all of them is not.
    pub(crate) fn most_scratch(size: DenseSize) -> usize {
        size.batch * (size.inputs + packed_outputs::<T>(size))
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

    /// The runs that [`DenseWeightGradient::write`] takes start and end at multiples of this, or at the end.
    pub(crate) fn granule() -> usize {
        8 * T::PANEL_COLUMNS
    }

    /// What takes less than dW to find ‖dW‖²: the sizes, x and dy. `None` where nothing does.
    pub(super) fn for_square_norm(&self) -> Option<(DenseSize, &[T], &[T])> {
        let DenseSize { batch, inputs, outputs } = self.size;
        let is_less = batch * (inputs + outputs) < inputs * outputs;
        is_less.then_some((self.size, self.rows.0, self.rows.1))
    }
}

impl<'a, T: Element, B: Runs<T>> DenseWeightGradient<'a, T, B> {
    pub(super) fn new_on(
        backend: B,
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
        let rows = (x, dy);
        let (packed_dy, packed_x) = scratch.split_at_mut(batch * packed_outputs::<T>(size));
        let dy = if packed_dy.is_empty() {
            dy
        } else {
            pack_dy(size, dy, packed_dy);
            packed_dy
        };
        if !packs_x::<T>(size) {
            return Self { backend, size, rows, x, dy };
        }
        let packed_x = &mut packed_x[..batch * inputs];
        let tile = batch * backend.run(TileRows);
        // A number takes as long to move as some four multiply-adds.
        let pieces = parallelism.pieces(4 * packed_x.len() as u64);
        split_work(Run { start: 0, values: &mut *packed_x }, tile, pieces, &|run: Run<'_, T>| {
            pack_x(size, x, run.start / batch, tile / batch, run.values);
        });
        Self { backend, size, rows, x: packed_x, dy }
    }

    pub(super) fn write_run(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        let whole = run.start.is_multiple_of(T::PANEL_COLUMNS) && run.end.is_multiple_of(T::PANEL_COLUMNS);
        assert!(whole && run.end <= self.size.panels::<T>().len(), "a run that is no rows of the panels");
        assert_eq!(run.len(), out.len(), "a run of another length");
        let (first_row, scales) = (run.start / T::PANEL_COLUMNS, Scales { alpha, beta });
        if self.size.batch == 1 {
            let Self { size, x, dy, .. } = *self;
            self.backend.run(dense_single::WeightGradient { size, x, dy, first_row, scales, out });
        } else {
            self.backend.run(Write { gradient: self, first_row, scales, out });
        }
    }
}

impl<'a, T: Copy, B: Copy> DenseWeightGradient<'a, T, B> {
    pub(super) fn backend(&self) -> B {
        self.backend
    }

    /// The same, of operands that were packed for vectors of this kind.
    pub(super) fn with_backend<C>(&self, backend: C) -> DenseWeightGradient<'a, T, C> {
        let Self { size, rows, x, dy, .. } = *self;
        DenseWeightGradient { backend, size, rows, x, dy }
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

/// The outputs of a packed sample of dy; none where dy is one whole panel as it is.
fn packed_outputs<T: Element>(size: DenseSize) -> usize {
    if size.outputs == T::PANEL_COLUMNS { 0 } else { size.outputs.next_multiple_of(T::PANEL_COLUMNS) }
}

/// Panels of dy: all samples of a panel, one after another, padded with zeros.
fn pack_dy<T: Element>(size: DenseSize, dy: &[T], packed: &mut [T]) {
    let DenseSize { batch, outputs, .. } = size;
    for (panel, rows) in packed.chunks_exact_mut((batch * T::PANEL_COLUMNS).max(1)).enumerate() {
        let columns = panel * T::PANEL_COLUMNS..outputs.min((panel + 1) * T::PANEL_COLUMNS);
        for (sample, row) in rows.chunks_exact_mut(T::PANEL_COLUMNS).enumerate() {
            let from = &dy[sample * outputs..][columns.clone()];
            // Of a length that is known, a copy is a few instructions instead of a call: those of first layers of images.
            match from.len() {
                8 => pack_row::<T, 8>(from, row),
                16 => pack_row::<T, 16>(from, row),
                _ => {
                    let (used, padding) = row.split_at_mut(from.len());
                    used.copy_from_slice(from);
                    padding.fill(T::zero());
                }
            }
        }
    }
}

/// A row of so many numbers and its padding.
fn pack_row<T: Element, const LEN: usize>(from: &[T], row: &mut [T]) {
    let (used, padding) = row.split_first_chunk_mut::<LEN>().expect("a panel is wider");
    *used = *from.first_chunk().expect("as many");
    padding.fill(T::zero());
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

/// The rows of a tile of the instruction set at hand: no more than a granule has, or a run would start in the middle of
/// one.
struct TileRows;

impl<T: Element> Kernel<T> for TileRows {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) -> usize {
        largest::<T, S>().0
    }
}

/// The most bytes of x that is read where it lies: an eighth to a quarter of the cache (L2) of a server's core. 784→128 at
/// batch 80, 784→256 at 64 and 2000→128 at 32 take 1 to 4 % less than with half as many.
const UNPACKED_BYTES: usize = 256 * 1024;

/// The most panels for which x is read where it lies.
const UNPACKED_PANELS: usize = 8;

/// The rows of `out` that are fetched ahead, 4 KiB.
const AHEAD: usize = 32;

struct Write<'a, T, B> {
    gradient: &'a DenseWeightGradient<'a, T, B>,
    first_row: usize,
    scales: Scales<T>,
    out: &'a mut [T],
}

impl<T: Element, B> Kernel<T> for Write<'_, T, B> {
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
            let DenseWeightGradient { size, x, dy, .. } = *self.gradient;
            let dy = S::split(&dy[panel * size.batch * T::PANEL_COLUMNS..]).0;
            let columns = T::PANEL_COLUMNS.min(size.outputs - panel * T::PANEL_COLUMNS);
            Panel { size, x, dy, columns, scales: self.scales }.write::<S>(simd, input, panel_out);
        }
    }
}

/// One panel of the gradient.
struct Panel<'a, T, C> {
    size: DenseSize,
    x: &'a [T],
    dy: &'a [C],
    columns: usize,
    scales: Scales<T>,
}

impl<T: Element, C> Panel<'_, T, C> {
    /// Writes rows from an input on: all tiles that are whole at once, the others one by one.
    #[inline(always)]
    fn write<S: Simd<T, Chunk = C>>(self, simd: S, mut input: usize, mut out: &mut [T]) {
        let (tile_rows, _) = largest::<T, S>();
        let mode = self.scales.mode();
        let may_be_whole = self.columns == T::PANEL_COLUMNS && mode != BLEND;
        while !out.is_empty() {
            let rows = out.len() / T::PANEL_COLUMNS;
            let is_whole = may_be_whole && input.is_multiple_of(tile_rows) && rows >= tile_rows;
            let rows = if is_whole {
                rows / tile_rows * tile_rows
            } else {
                // The rest of this tile of inputs.
                rows.min(tile_rows - input % tile_rows)
            };
            let (front, rest) = out.split_at_mut(rows * T::PANEL_COLUMNS);
            let chunks = S::split_mut(front).0;
            match mode {
                STORE if is_whole => self.whole_tiles::<S, STORE>(simd, input, chunks),
                ADD if is_whole => self.whole_tiles::<S, ADD>(simd, input, chunks),
                _ => self.tile::<S>(simd, input, chunks),
            }
            (out, input) = (rest, input + rows);
        }
    }

    /// Where the numbers of a tile of inputs are, from one of them on.
    #[inline(always)]
    fn inputs<S: Simd<T>>(&self, input: usize) -> Broadcast<'_, T> {
        let DenseSize { batch, inputs, .. } = self.size;
        let (first, stride) = if packs_x::<T>(self.size) {
            let (tile_rows, _) = largest::<T, S>();
            let within = input % tile_rows;
            let start = input - within;
            (start * batch + within, tile_rows.min(inputs - start))
        } else {
            (input, inputs)
        };
        Broadcast {
            values: &self.x[first.min(self.x.len())..],
            row_stride: 1,
            stride,
            runs: 1,
            run_stride: 0,
        }
    }

    #[inline(always)]
    fn whole_tiles<S: Simd<T, Chunk = C>, const MODE: u8>(&self, simd: S, input: usize, out: &mut [C]) {
        let (rows, vectors) = largest::<T, S>();
        // The lines that a tile has to ask for: one with each of its terms, or, where there are more lines than terms, all
        // at once, and then the first again with each term.
        let spreads = self.size.batch >= 2 * rows;
        let lines_step = if spreads { (rows * T::PANEL_COLUMNS).div_ceil(self.size.batch) } else { 0 };
        let a = self.inputs::<S>(input);
        let step = if packs_x::<T>(self.size) { rows * self.size.batch } else { rows };
        for (number, out) in out.chunks_exact_mut(rows * S::PER_PANEL).enumerate() {
            if !spreads {
                fetch_ahead(simd, out);
            }
            let fetch = Share { address: ahead(out), step: lines_step };
            let a = Broadcast { values: &a.values[(number * step).min(a.values.len())..], ..a };
            for first in (0..S::PER_PANEL).step_by(vectors) {
                let rows = Rows { scales: self.scales, columns: self.columns, first, out: &mut *out };
                self.product(a, first, fetch).add_largest(simd, WholeRows::<_, _, MODE>(rows));
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd<T, Chunk = C>>(&self, simd: S, input: usize, out: &mut [C]) {
        fetch_ahead(simd, out);
        let a = self.inputs::<S>(input);
        let used = self.columns.div_ceil(S::LANES);
        let vectors = largest::<T, S>().1.min(used.next_power_of_two());
        for first in (0..used).step_by(vectors) {
            let rows = Rows { scales: self.scales, columns: self.columns, first, out: &mut *out };
            let count = rows.out.len() / S::PER_PANEL;
            self.product(a, first, Nothing).add(simd, count, vectors, rows);
        }
        for row in out.chunks_exact_mut(S::PER_PANEL) {
            self.scales.update_padding(simd, &mut row[used.next_multiple_of(vectors)..]);
        }
    }

    /// The sums of a tile, from a vector of the panel's rows on.
    #[inline(always)]
    fn product<'b, F>(&'b self, a: Broadcast<'b, T>, first: usize, fetch: F) -> Tile<'b, T, C, F> {
        let b = Vectors { chunks: self.dy.get(first..).unwrap_or(&[]), panel_stride: 0 };
        Tile { depth: self.size.batch, a, b, fetch }
    }
}

/// The address of the rows that lie [`AHEAD`] of these.
#[inline(always)]
fn ahead<T: Element, C>(out: &[C]) -> *const T {
    out.as_ptr().cast::<T>().wrapping_add(AHEAD * T::PANEL_COLUMNS)
}

/// Asks for as many rows there, all at once.
#[inline(always)]
fn fetch_ahead<T: Element, S: Simd<T>>(simd: S, out: &[S::Chunk]) {
    let ahead = ahead::<T, _>(out);
    for line in 0..out.len() / S::PER_PANEL * 2 {
        simd.prefetch(ahead.wrapping_add(line * T::PANEL_COLUMNS / 2));
    }
}

#[cfg(test)]
mod tests;
