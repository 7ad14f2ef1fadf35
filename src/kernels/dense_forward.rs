//! y = act(x·W + b), W in panels.
//!
//! With k over the inputs:
//!
//! ```text
//! y[s, o] = act(Σ_k x[s, k] · W[k, o] + b[o])
//! ```
//!
//! A tile of a few samples × a few vectors of outputs is summed in registers: each step of k loads a part of a row of
//! the panel and broadcasts one number of each sample, straight from x. The inputs go in blocks, so that the numbers of
//! x and the rows of the panel that a block needs stay in the cache while all tiles use them; between blocks the sums
//! lie in y. Nothing of this order shows in the result: each output is one chain of fused
//! multiply-adds over k from 0, then the bias is added, then comes the activation. So a sample's output
//! has the same bits in every batch, in every place of it, and on any number of threads.
//!
//! Up to four samples have too few sums to hide the latency of an addition, and take several panels at once. Where
//! there are fewer registers, a tile is narrower than a panel, which is then gone through several times, block by block.
//!
//! Threads share out the panels, or the samples where there are too few panels.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::{Kernel, Runs};
use super::block_sums::BlockSums;
use super::grid::Grid;
use super::simd::most_vectors;
use super::tile::{Broadcast, Fetch, PanelRows, SHARED_ROWS, SUMS, Share, Tile, Vectors, tile_vectors};
use super::{DenseForward, DenseSize, Element, Finish, Run, Simd, dense_single, split_runs, split_work};

/// Samples that go through a block of inputs before the next block: their outputs stay in the cache.
const BLOCK_ROWS: usize = 128;

/// The rows of a panel that are fetched ahead, 8 KiB.
const AHEAD: usize = 64;

/// Tiles of so few rows read so fast that the processor's own fetching keeps up best by itself.
const STREAMED_ROWS: usize = 4;

/// Granule in which samples are shared out: a whole tile of the largest kind.
const ROWS_GRANULE: usize = 8;

/// The inputs of a block: those of a panel take 128 KiB where it is gone through several times. A single pass has no
/// use for the panel's rows again, and only its own part of x to keep.
fn block_inputs(passes: usize, rows: usize) -> usize {
    if passes > 1 { 1024 } else { 8192 / rows.max(1) }
}

impl<T: Element> DenseForward<'_, T> {
    /// The error of a sum of n inputs, before the activation, is at most
    /// `ERROR · n · ε · (Σ|x·W| + |b|)` where ε is half the distance from 1 to the next number.
    ///
    /// A chain of n fused multiply-adds rounds n times and the bias once more, which gives γₙ₊₁ = (n+1)ε/(1−(n+1)ε)
    /// of Higham's book (section 3.1), and where there is no fused one each term rounds twice on its way in: γₙ₊₂.
    /// For every n up to a million that is below 3·n·ε.
    #[cfg(test)]
    pub(crate) const ERROR: f64 = 3.0;

    pub(super) fn run_on(self, backend: impl Runs<T>, y: &mut [T]) {
        let DenseSize { batch, inputs, outputs } = self.size;
        let panels = self.size.panels::<T>();
        assert_eq!(
            (self.x.len(), self.weight.len()),
            (batch * inputs * backend.factor(), panels.len()),
            "buffers of another size"
        );
        assert!(self.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another size");
        let pieces = self.parallelism.small_pieces(self.size.multiply_adds());
        if dense_single::Forward::<T>::serves(self.size, backend.factor()) {
            assert_eq!(y.len(), outputs, "a result of another size");
            let whole = Run { start: 0, values: y };
            split_work(whole, T::PANEL_COLUMNS, pieces, &|y: Run<'_, T>| {
                backend.run(dense_single::Forward { product: &self, y });
            });
            return;
        }
        let y = Grid::new(y, batch, outputs);
        let part = |rows, panels| backend.run(Part { product: &self, y, rows, panels });
        let longest = |len: usize, granule: usize| len.div_ceil(granule).div_ceil(pieces) * granule;
        if longest(panels.count(), 1) * batch <= longest(batch, ROWS_GRANULE).min(batch) * panels.count() {
            split_runs(panels.count(), 1, pieces, &|panels| part(0..batch, panels));
        } else {
            split_runs(batch, ROWS_GRANULE, pieces, &|rows| part(rows, 0..panels.count()));
        }
    }
}

/// What one thread does: some samples, some panels. No other part has an output in common with it.
struct Part<'a, T> {
    product: &'a DenseForward<'a, T>,
    y: Grid<'a, T>,
    rows: Range<usize>,
    panels: Range<usize>,
}

/// A block of inputs and some of the columns, and how many times its part of W is gone through.
struct Group {
    inputs: Range<usize>,
    columns: Range<usize>,
    passes: usize,
}

impl<T: Element> Kernel<T> for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(mut self, simd: S) {
        let DenseSize { inputs, outputs, .. } = self.product.size;
        let first = self.panels.start * T::PANEL_COLUMNS;
        let end = (self.panels.end * T::PANEL_COLUMNS).min(outputs);
        let mut row = self.rows.start;
        while row < self.rows.end {
            let rows = row..self.rows.end.min(row + BLOCK_ROWS);
            row = rows.end;
            let shared_rows = S::ROWS.min(SHARED_ROWS);
            // Numbers of x below one another, which a tile reads together, must find room in the cache.
            let single_rows = if self.shares_cache_set::<S>() { shared_rows } else { S::ROWS };
            let tiles = if rows.len() <= single_rows { 1 } else { rows.len().div_ceil(shared_rows) };
            let vectors = most_vectors::<T, S>(rows.len().div_ceil(tiles));
            let passes = tiles * S::PER_PANEL.div_ceil(vectors);
            let block = block_inputs(passes, rows.len());
            let width = vectors.max(S::PER_PANEL) * S::LANES;
            let mut span_end = first;
            while span_end < end {
                let span = span_end;
                // A single tile goes through a panel from top to bottom before the next; several go through all panels with a
                // block of inputs, so that its part of x stays in the cache as well.
                span_end = if tiles > 1 { end } else { next_group::<T>(span, end, width) };
                let mut input = 0;
                loop {
                    let inputs_of_block = input..inputs.min(input + block);
                    input = inputs_of_block.end;
                    let mut column = span;
                    while column < span_end {
                        let columns = column..next_group::<T>(column, span_end, width);
                        column = columns.end;
                        let next = if column < span_end {
                            self.panel_row(column, inputs_of_block.start)
                        } else if input < inputs {
                            self.panel_row(span, input)
                        } else {
                            self.panel_row(span_end, 0)
                        };
                        self.group(
                            simd,
                            &Group { inputs: inputs_of_block.clone(), columns, passes },
                            &rows,
                            tiles,
                            next,
                        );
                    }
                    if input == inputs {
                        break;
                    }
                }
            }
            if let Finish::Function(function) = self.product.finish {
                for row in rows {
                    function(self.piece(row, first.min(end)..end));
                }
            }
        }
    }
}

/// Some samples × a few vectors of outputs, for a block of inputs.
struct Place<'a> {
    inputs: &'a Range<usize>,
    columns: Range<usize>,
    vectors: usize,
    rows: Range<usize>,
}

/// Where the group of columns ends that starts at a column: whole panels, a power of two of them and no more than
/// `width` columns, or the rest of the last panel.
#[inline(always)]
fn next_group<T: Element>(column: usize, end: usize, width: usize) -> usize {
    let panels = (end - column) / T::PANEL_COLUMNS;
    if panels == 0 { end } else { column + width.min(T::PANEL_COLUMNS << panels.ilog2()) }
}

impl<T: Element> Part<'_, T> {
    /// Whether the rows of x lie so that numbers below one another compete for the same 8 lines of the cache (L1).
    #[inline(always)]
    fn shares_cache_set<S: Simd<T>>(&self) -> bool {
        (self.product.size.inputs * S::FACTOR * size_of::<T>()).is_multiple_of(4096)
    }

    #[expect(unsafe_code, reason = "parts share the rows of y")]
    #[inline(always)]
    fn piece(&mut self, row: usize, columns: Range<usize>) -> &mut [T] {
        // SAFETY: `run_on` gives each part rows or columns of its own, and a part, borrowed mutably, has one piece
        // at a time.
        unsafe { self.y.piece(row, columns) }
    }

    /// The address of a row of the panel that a column is in; beyond W after its last panel.
    #[inline(always)]
    fn panel_row(&self, column: usize, input: usize) -> *const T {
        let panel = column / T::PANEL_COLUMNS * self.product.size.inputs;
        self.product.weight.as_ptr().wrapping_add((panel + input) * T::PANEL_COLUMNS)
    }

    /// All tiles of a group. While they use its part of W, which the first pass brings into the cache, they fetch the
    /// next group's, a share each.
    #[inline(always)]
    fn group<S: Simd<T>>(
        &mut self,
        simd: S,
        group: &Group,
        rows: &Range<usize>,
        tiles: usize,
        next: *const T,
    ) {
        let shares = group.passes.min(T::PANEL_COLUMNS);
        let step = T::PANEL_COLUMNS / shares;
        let mut pass = 0;
        for tile in 0..tiles {
            let bound = |tile: usize| rows.start + rows.len() * tile / tiles;
            let rows = bound(tile)..bound(tile + 1);
            let mut column = group.columns.start;
            while column < group.columns.end {
                let vectors = tile_vectors::<T, S>(group.columns.end - column, rows.len());
                let columns = column..group.columns.end.min(column + vectors * S::LANES);
                column = columns.end;
                let place = Place { inputs: &group.inputs, columns, vectors, rows: rows.clone() };
                if group.passes > 1 {
                    // Passes beyond the last share ask for that once more.
                    let address = next.wrapping_add(pass.min(shares - 1) * step * group.inputs.len());
                    self.tile(simd, place, Share { address, step });
                } else {
                    // What a tile of few rows asks for is what it reads anyway.
                    let ahead = if rows.len() <= STREAMED_ROWS { 0 } else { AHEAD };
                    let address = self.panel_row(place.columns.start, group.inputs.start + ahead);
                    self.tile(simd, place, PanelRows(address));
                }
                pass += 1;
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd<T>, F: Fetch<T, S>>(&mut self, simd: S, place: Place<'_>, fetch: F) {
        let Place { inputs, columns, vectors, rows } = place;
        let DenseForward { size, x, weight, bias, finish, .. } = *self.product;
        let panel_len = size.inputs * T::PANEL_COLUMNS;
        let (panel, within) = (columns.start / T::PANEL_COLUMNS, columns.start % T::PANEL_COLUMNS);
        let tile = Tile {
            depth: inputs.len(),
            a: Broadcast {
                values: &x[(rows.start * size.inputs + inputs.start) * S::FACTOR..],
                row_stride: size.inputs * S::FACTOR,
                stride: S::FACTOR,
                runs: 1,
                run_stride: 0,
            },
            b: Vectors {
                chunks: S::split(&weight[panel * panel_len + inputs.start * T::PANEL_COLUMNS..]).0,
                panel_stride: size.inputs * S::PER_PANEL,
            },
            fetch,
        };
        // A part of a panel starts further right.
        let tile = Tile {
            b: Vectors { chunks: tile.b.chunks.get(within / S::LANES..).unwrap_or(&[]), ..tile.b },
            ..tile
        };
        let mut sums = BlockSums::<_, SUMS>::new();
        let sums = sums.filled(rows.len() * vectors, S::zeros());
        if inputs.start > 0 {
            for (row, sums) in rows.clone().zip(sums.chunks_exact_mut(vectors)) {
                let (whole, rest) = S::split(self.piece(row, columns.clone()));
                sums[..whole.len()].copy_from_slice(whole);
                if !rest.is_empty() {
                    sums[whole.len()].as_mut()[..rest.len()].copy_from_slice(rest);
                }
            }
        }
        tile.add(simd, rows.len(), vectors, &mut *sums);
        let last = inputs.end == size.inputs;
        let bias = bias.filter(|_| last).map(|bias| S::split(&bias[columns.clone()]));
        let relu = last && matches!(finish, Finish::Relu);
        for (row, sums) in rows.zip(sums.chunks_exact(vectors)) {
            let (whole, rest) = S::split_mut(self.piece(row, columns.clone()));
            for (vector, y) in whole.iter_mut().enumerate() {
                let mut sum = simd.load(&sums[vector]);
                if let Some((bias, _)) = bias {
                    sum = simd.add(sum, simd.load(&bias[vector]));
                }
                simd.store(if relu { simd.relu(sum) } else { sum }, y);
            }
            for (lane, y) in rest.iter_mut().enumerate() {
                let mut sum = sums[whole.len()].as_ref()[lane];
                if let Some((_, bias)) = bias {
                    sum += bias[lane];
                }
                *y = if relu && sum < T::zero() { T::zero() } else { sum };
            }
        }
    }
}

#[cfg(test)]
mod tests;
