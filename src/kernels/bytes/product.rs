//! The product of rows of bytes and a weight of bytes, for one thread.
//!
//! The loops are those of the forward product in `f32` (`dense_forward`): a single tile of few rows goes through a panel from top
//! to bottom; where there are several tiles, all panels are gone through with a block of steps before the next, so that the
//! numbers of the rows and of the panel that a block needs stay in the cache. Between blocks the sums lie in scratch.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::ByteKernel;
use super::panels::{BytePanels, COLUMNS, STEP};
use super::rows::{BLOCK_STEPS, Line, RowLayout, SUMS, Sample, cells, chunks_mut};
use super::simd::{ByteSimd, NumbersChunk, most_vectors};
use super::tile::{Ahead, Fetch, MOST_SUMS, Nothing, STREAMED_ROWS, Share, Sums, Tile};
use super::weight::ByteWeight;
use crate::kernels::grid::Grid;
use crate::kernels::{Finish, Simd};

/// Rows that go through a block of steps before the next block: their sums stay in the cache.
pub(super) const BLOCK_ROWS: usize = 96;

/// Some rows × some panels of y = act(x·W + b). No other product that runs at the time has an output in common with it.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) layout: RowLayout,
    pub(super) samples: &'a [Sample],
    pub(super) lines: &'a [Line],
    pub(super) panels: BytePanels,
    pub(super) weight: ByteWeight<'a>,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) finish: Finish<'a, f32>,
}

/// Room for sums between blocks, as parts share it.
pub(super) fn sums_of(lines: &mut [Line], rows: usize, panels: BytePanels) -> Grid<'_, Line> {
    let count = if lines.is_empty() { 0 } else { panels.count() };
    Grid::new(lines, count, rows * SUMS)
}

/// A product and what is to be done of it.
pub(super) struct Part<'a> {
    pub(super) product: Product<'a>,
    /// Where the outputs go: the row 0 to the row `place.0`, the column 0 to the column `place.1`.
    pub(super) y: Grid<'a, f32>,
    pub(super) place: (usize, usize),
    /// Sums between blocks.
    pub(super) sums: Grid<'a, Line>,
    pub(super) rows: Range<usize>,
    /// The panels.
    pub(super) columns: Range<usize>,
}

/// A block of steps and some of the columns.
struct Group {
    steps: Range<usize>,
    columns: Range<usize>,
    passes: usize,
    next: *const i8,
}

impl ByteKernel for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: ByteSimd>(mut self, simd: S) {
        let layout = self.product.panels;
        let first = self.columns.start * COLUMNS;
        let end = (self.columns.end * COLUMNS).min(layout.columns);
        let mut own = [S::zeros(); MOST_SUMS];
        let blocks = self.rows.len().div_ceil(BLOCK_ROWS);
        for block in 0..blocks {
            // As many rows in each, for one of a few rows would go through the weight as a whole one does.
            let bound = |block: usize| self.rows.start + self.rows.len() * block / blocks;
            let rows = bound(block)..bound(block + 1);
            let tiles = rows.len().div_ceil(S::MOST_ROWS);
            let vectors = most_vectors::<S>(rows.len().div_ceil(tiles));
            let passes = tiles * S::PER_PANEL.div_ceil(vectors);
            let block = if passes > 1 { BLOCK_STEPS } else { layout.steps().max(1) };
            let width = vectors.max(S::PER_PANEL) * S::LANES;
            let mut span_end = first;
            while span_end < end {
                let span = span_end;
                span_end = if tiles > 1 { end } else { next_group(span, end, width) };
                let mut step = 0;
                loop {
                    let steps = step..layout.steps().min(step + block);
                    step = steps.end;
                    let mut column = span;
                    while column < span_end {
                        let columns = column..next_group(column, span_end, width);
                        column = columns.end;
                        let next = if column < span_end {
                            self.step_of_panel(column, steps.start)
                        } else if step < layout.steps() {
                            self.step_of_panel(span, step)
                        } else {
                            self.step_of_panel(span_end, 0)
                        };
                        let group = Group { steps: steps.clone(), columns, passes, next };
                        self.group(simd, &group, &rows, tiles, &mut own);
                    }
                    if step == layout.steps() {
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

/// Some rows × a few vectors of columns, for a block of steps.
struct Place<'a> {
    steps: &'a Range<usize>,
    columns: Range<usize>,
    vectors: usize,
    rows: Range<usize>,
}

/// Where the group of columns ends that starts at a column: whole panels, a power of two of them and no more than `width` columns,
/// or the rest of the last panel.
#[inline(always)]
fn next_group(column: usize, end: usize, width: usize) -> usize {
    let panels = (end - column) / COLUMNS;
    if panels == 0 { end } else { column + width.min(COLUMNS << panels.ilog2()) }
}

/// How many vectors the next tile of so many rows takes where so many columns are left.
#[inline(always)]
fn tile_vectors<S: ByteSimd>(columns: usize, rows: usize) -> usize {
    let left = columns.div_ceil(S::LANES);
    // Whole panels while there are, then just as much of the last one as is used.
    let left = if left > S::PER_PANEL { 1 << left.ilog2() } else { left.next_power_of_two() };
    left.min(most_vectors::<S>(rows))
}

/// The most vectors side by side.
const MOST_VECTORS: usize = 8;

/// What the outputs of a group have in common, column by column.
struct Ends<S: ByteSimd> {
    sums: [S::Chunk; MOST_VECTORS],
    scales: [NumbersChunk<S>; MOST_VECTORS],
    bias: [NumbersChunk<S>; MOST_VECTORS],
}

impl<S: ByteSimd> Ends<S> {
    #[inline(always)]
    fn new(simd: S, product: &Product<'_>, columns: Range<usize>) -> Self {
        let numbers = simd.numbers();
        let ByteWeight { sums, scales, .. } = product.weight;
        let (sums, scales) = (&sums[columns.clone()], &scales[columns.clone()]);
        let bias = product.bias.map(|bias| &bias[columns]);
        // The sum of a number and −0 is that number.
        let mut nothing = S::Numbers::zeros();
        numbers.store(numbers.splat(-0.0), &mut nothing);
        let mut ends = Self {
            sums: [S::zeros(); MOST_VECTORS],
            scales: [nothing; MOST_VECTORS],
            bias: [nothing; MOST_VECTORS],
        };
        for (to, from) in ends.sums.iter_mut().zip(sums.chunks(S::LANES)) {
            let to = to.as_mut();
            if from.len() == S::LANES {
                // Of a length that is known, it is an instruction.
                (0..S::LANES).for_each(|lane| to[lane] = from[lane]);
            } else {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
        }
        for (to, from) in ends.scales.iter_mut().zip(scales.chunks(S::LANES)) {
            numbers.store(numbers.load_part(from), to);
        }
        if let Some(bias) = bias {
            for (to, from) in ends.bias.iter_mut().zip(bias.chunks(S::LANES)) {
                numbers.store(numbers.load_part(from), to);
            }
        }
        ends
    }

    /// The outputs of a row, from a vector of the group's columns on.
    #[inline(always)]
    fn finish(
        &self,
        simd: S,
        first: usize,
        (sample, is_relu): (Sample, bool),
        values: &[S::Chunk],
        y: &mut [f32],
    ) {
        let numbers = simd.numbers();
        let (of_weights, scales, bias) = (&self.sums[first..], &self.scales[first..], &self.bias[first..]);
        let scale = numbers.splat(sample.scale);
        let (whole, rest) = S::Numbers::split_mut(y);
        let vectors = whole.len();
        let columns = values.iter().zip(of_weights).zip(scales.iter().zip(bias));
        for (y, ((value, sums), (scales, bias))) in whole.iter_mut().zip(columns) {
            let value = simd.without(simd.load(value), sample.zero, simd.load(sums));
            let value = numbers.mul(numbers.mul(value, numbers.load(scales)), scale);
            let value = numbers.add(value, numbers.load(bias));
            numbers.store(if is_relu { numbers.relu(value) } else { value }, y);
        }
        if !rest.is_empty() {
            let value =
                simd.without(simd.load(&values[vectors]), sample.zero, simd.load(&of_weights[vectors]));
            let value = numbers.mul(numbers.mul(value, numbers.load(&scales[vectors])), scale);
            let value = numbers.add(value, numbers.load(&bias[vectors]));
            numbers.store_part(if is_relu { numbers.relu(value) } else { value }, rest);
        }
    }
}

impl Part<'_> {
    #[expect(unsafe_code, reason = "parts share the rows of y")]
    #[inline(always)]
    fn piece(&mut self, row: usize, columns: Range<usize>) -> &mut [f32] {
        let (first, left) = self.place;
        // SAFETY: whoever makes a part gives it rows or columns of its own, and a part, borrowed mutably, has one piece
        // at a time.
        unsafe { self.y.piece(first + row, left + columns.start..left + columns.end) }
    }

    /// The sums of some rows from a column on, which wait for the next block.
    #[expect(unsafe_code, reason = "parts share the sums as they share y")]
    #[inline(always)]
    fn waiting<'a, S: ByteSimd>(
        sums: Grid<'a, Line>,
        rows: &Range<usize>,
        column: usize,
    ) -> &'a mut [S::Chunk] {
        // SAFETY: as for `piece`: they belong to outputs of this part, and there is one piece of them at a time.
        let lines = unsafe { sums.piece(column / COLUMNS, rows.start * SUMS..rows.end * SUMS) };
        &mut chunks_mut::<S>(lines)[column % COLUMNS / S::LANES..]
    }

    /// The address of a step of the panel that a column is in; beyond W after its last panel.
    #[inline(always)]
    fn step_of_panel(&self, column: usize, step: usize) -> *const i8 {
        let panel = column / COLUMNS * self.product.panels.panel_len();
        self.product.weight.panels.as_ptr().wrapping_add(panel + step * STEP)
    }

    /// All tiles of a group. While they use its part of W, which the first pass brings into the cache, they ask for the next
    /// group's, a share each.
    #[inline(always)]
    fn group<S: ByteSimd>(
        &mut self,
        simd: S,
        group: &Group,
        rows: &Range<usize>,
        tiles: usize,
        own: &mut [S::Chunk; MOST_SUMS],
    ) {
        let ends = Ends::new(simd, &self.product, group.columns.clone());
        let share = STEP / group.passes.min(STEP);
        let mut pass = 0;
        for tile in 0..tiles {
            let bound = |tile: usize| rows.start + rows.len() * tile / tiles;
            let rows = bound(tile)..bound(tile + 1);
            let mut column = group.columns.start;
            while column < group.columns.end {
                let vectors = tile_vectors::<S>(group.columns.end - column, rows.len());
                let columns = column..group.columns.end.min(column + vectors * S::LANES);
                column = columns.end;
                let first_vector = (columns.start - group.columns.start) / S::LANES;
                let ends = (&ends, first_vector);
                let place = Place { steps: &group.steps, columns, vectors, rows: rows.clone() };
                if !S::FETCHES {
                    self.tile(simd, place, Nothing, ends, own);
                } else if group.passes > 1 {
                    let address = group.next.wrapping_add(pass * share * group.steps.len());
                    self.tile(simd, place, Share { address, step: share }, ends, own);
                } else if rows.len() > STREAMED_ROWS {
                    self.tile(simd, place, Ahead, ends, own);
                } else {
                    self.tile(simd, place, Nothing, ends, own);
                }
                pass += 1;
            }
        }
    }

    #[inline(always)]
    fn tile<S: ByteSimd, F: Fetch>(
        &mut self,
        simd: S,
        place: Place<'_>,
        fetch: F,
        (ends, first_vector): (&Ends<S>, usize),
        own: &mut [S::Chunk; MOST_SUMS],
    ) {
        let Place { steps, columns, vectors, rows } = place;
        let Product { layout, samples, lines, panels, weight, .. } = self.product;
        let row_stride = layout.lines() * (size_of::<Line>() / size_of::<S::Cell>());
        let (panel, within) = (columns.start / COLUMNS, columns.start % COLUMNS);
        let tile = Tile {
            steps: steps.len(),
            cells: &cells::<S>(lines)[rows.start * row_stride + steps.start..],
            row_stride,
            weights: &weight.panels[panel * panels.panel_len() + steps.start * STEP + within * 4..],
            panel_stride: panels.panel_len(),
            fetch,
        };
        // Sums that wait for the next block lie in scratch.
        let is_whole = steps.len() == panels.steps();
        let (values, stride) = if is_whole {
            (&mut own[..], vectors)
        } else {
            (Self::waiting::<S>(self.sums, &rows, columns.start), S::PER_PANEL)
        };
        tile.add(simd, (rows.len(), vectors), Sums { values: &mut *values, stride, begin: steps.start == 0 });
        if steps.end < panels.steps() {
            return;
        }
        let values = &*values;
        let is_relu = matches!(self.product.finish, Finish::Relu);
        for ((row, values), sample) in rows.clone().zip(values.chunks(stride)).zip(&samples[rows]) {
            let y = self.piece(row, columns.clone());
            ends.finish(simd, first_vector, (*sample, is_relu), values, y);
        }
    }
}
