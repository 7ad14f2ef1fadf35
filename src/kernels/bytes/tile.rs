//! A tile of sums in registers, of a few rows × a few vectors of columns: what all time is spent in.
//!
//! ```text
//! sums[r][v] += Σ_step Σ_4 weight · byte
//! ```

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "indices are checked once a tile, not once a number")]

use core::hint::black_box;

use super::panels::STEP;
use super::simd::{ByteSimd, most_vectors};

/// The most vectors of sums that a tile has.
pub(super) const MOST_SUMS: usize = 24;

/// The least rows of a tile that gains by products of blocks: bringing weights into blocks takes as long as half of the products of two rows.
const LEAST_BLOCK_ROWS: usize = 4;

/// What to ask for while a tile is summed, a little at each step.
pub(super) trait Fetch: Copy {
    /// The rows of the tiles that ask so, from and to. Others are not compiled.
    const ROWS: (usize, usize);

    fn next<S: ByteSimd>(&mut self, simd: S, at: *const i8);
}

/// For tiles of few rows: the processor's own fetching keeps up best by itself.
#[derive(Clone, Copy)]
pub(super) struct Nothing;

/// The most rows of a tile that asks for nothing.
pub(super) const STREAMED_ROWS: usize = 4;

impl Fetch for Nothing {
    const ROWS: (usize, usize) = (1, STREAMED_ROWS);

    #[inline(always)]
    fn next<S: ByteSimd>(&mut self, _simd: S, _at: *const i8) {}
}

/// What the same tile needs so many steps later.
#[derive(Clone, Copy)]
pub(super) struct Ahead;

/// The bytes of the steps that are asked for ahead.
const AHEAD: usize = 16 * STEP;

impl Fetch for Ahead {
    const ROWS: (usize, usize) = (STREAMED_ROWS + 1, usize::MAX);

    #[inline(always)]
    fn next<S: ByteSimd>(&mut self, simd: S, at: *const i8) {
        simd.prefetch(at.wrapping_add(AHEAD));
        simd.prefetch(at.wrapping_add(AHEAD + STEP / 2));
    }
}

/// What lies at an address that moves on by some bytes at each step: a share of what several tiles use next.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub(super) address: *const i8,
    pub(super) step: usize,
}

impl Fetch for Share {
    const ROWS: (usize, usize) = (1, usize::MAX);

    #[inline(always)]
    fn next<S: ByteSimd>(&mut self, simd: S, _at: *const i8) {
        simd.prefetch_for_later(self.address);
        self.address = self.address.wrapping_add(self.step);
    }
}

/// A tile of one product.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a, C, F> {
    /// The number of steps, of four terms of each sum.
    pub(super) steps: usize,
    /// The cells of the first row from the first step on; those of the others are `row_stride` further on.
    pub(super) cells: &'a [C],
    pub(super) row_stride: usize,
    /// The weights from the tile's first vector on; vectors beyond the end of a step are those of the next panel, so many bytes
    /// further on.
    pub(super) weights: &'a [i8],
    pub(super) panel_stride: usize,
    pub(super) fetch: F,
}

/// Where the sums of a tile lie, row after row.
#[derive(Debug)]
pub(super) struct Sums<'a, C> {
    pub(super) values: &'a mut [C],
    /// From a row to the next.
    pub(super) stride: usize,
    /// Whether they begin at 0 in place of what lies there.
    pub(super) begin: bool,
}

/// Where a vector of weights lies, from the first one of its step on.
#[inline(always)]
fn offset<S: ByteSimd>(vector: usize, panel_stride: usize) -> usize {
    vector % S::PER_PANEL * size_of::<S::Bytes>() + vector / S::PER_PANEL * panel_stride
}

const fn is_wanted<S: ByteSimd, F: Fetch>(rows: usize, vectors: usize) -> bool {
    let asks = !S::FETCHES || F::ROWS.0 <= rows && rows <= F::ROWS.1;
    let has_rows = asks && rows <= S::MOST_ROWS;
    has_rows && vectors <= most_vectors::<S>(rows)
}

/// Does `add_sized` for the size that has come, out of those that an instruction set has. The others are not compiled.
macro_rules! add_sized {
    ($tile:ident, $simd:ident, $sums:ident, $size:expr, $($rows:literal: $($vectors:literal)*,)*) => {
        match $size {
            $($(
                ($rows, $vectors) if const { is_wanted::<S, F>($rows, $vectors) } => {
                    $tile.add_sized::<S, $rows, $vectors>($simd, $sums)
                }
            )*)*
            (rows, vectors) => unreachable!("no tile of {rows} rows × {vectors} vectors"),
        }
    };
}

impl<C, F: Fetch> Tile<'_, C, F> {
    /// Adds the products onto rows × vectors of sums.
    #[inline(always)]
    pub(super) fn add<S: ByteSimd<Cell = C>>(self, simd: S, size: (usize, usize), sums: Sums<'_, S::Chunk>) {
        add_sized! {
            self, simd, sums, size,
            1: 8 4 2 1,
            2: 4 2 1,
            3: 4 2 1,
            4: 4 2 1,
            5: 4 2 1,
            6: 4 2 1,
            7: 2 1,
            8: 2 1,
            9: 2 1,
            10: 2 1,
            11: 2 1,
            12: 2 1,
        }
    }

    #[inline(always)]
    fn add_sized<S: ByteSimd<Cell = C>, const ROWS: usize, const VECTORS: usize>(
        self,
        simd: S,
        sums: Sums<'_, S::Chunk>,
    ) {
        self.check::<S>(ROWS, VECTORS);
        let Self { steps, cells, row_stride, weights, panel_stride, mut fetch } = self;
        let mut sum = [[simd.splat(0); VECTORS]; ROWS];
        let Sums { values, stride, begin } = sums;
        if !begin {
            for (row, sum) in sum.iter_mut().enumerate() {
                for (vector, sum) in sum.iter_mut().enumerate() {
                    *sum = simd.load(&values[row * stride + vector]);
                }
            }
        }
        let offset = |vector: usize| offset::<S>(vector, panel_stride);
        // Of addresses that it knows to be a stride apart, the compiler would compute each from the one before, at every step,
        // with additions that take the place of products.
        let mut first_cells = [cells.as_ptr(); ROWS];
        for (row, first) in first_cells.iter_mut().enumerate() {
            *first = first.wrapping_add(row * row_stride);
        }
        let first_cells = black_box(first_cells);
        let mut in_blocks = 0;
        if const { S::BLOCKS && ROWS >= LEAST_BLOCK_ROWS } {
            in_blocks = steps / 2 * 2;
            // SAFETY: `check` has shown that the last step of the last row and of the last vector is inside.
            unsafe { self.add_blocks(simd, first_cells, &mut fetch, in_blocks, &mut sum) };
        }
        let mut weight = weights.as_ptr().wrapping_add(in_blocks * STEP);
        for step in in_blocks..steps {
            fetch.next(simd, weight);
            // The fewer of the two are kept in registers, the others come one after another.
            if ROWS < VECTORS {
                // SAFETY: `check` has shown that the last step of the last row is inside, and this is the first.
                let mut factors = [simd.factor(unsafe { &*first_cells[0].wrapping_add(step) }); ROWS];
                for (row, factor) in factors.iter_mut().enumerate().skip(1) {
                    // SAFETY: `check` has shown that the last step of the last row is inside; this is no further.
                    *factor = simd.factor(unsafe { &*first_cells[row].wrapping_add(step) });
                }
                for vector in 0..VECTORS {
                    // SAFETY: `check` has shown that the last step's last vector is inside; this one is no further.
                    let weights = simd.weights(unsafe { &*weight.wrapping_add(offset(vector)).cast() });
                    for (factor, sum) in factors.into_iter().zip(&mut sum) {
                        sum[vector] = simd.add_products(weights, factor, sum[vector]);
                    }
                }
            } else {
                // SAFETY: `check` has shown that the last step's last vector is inside, and this is the first.
                let mut weights = [simd.weights(unsafe { &*weight.cast() }); VECTORS];
                for (vector, weights) in weights.iter_mut().enumerate().skip(1) {
                    // SAFETY: `check` has shown that the last step's last vector is inside; this one is no further.
                    *weights = simd.weights(unsafe { &*weight.wrapping_add(offset(vector)).cast() });
                }
                for (row, sum) in sum.iter_mut().enumerate() {
                    // SAFETY: `check` has shown that the last step of the last row is inside; this is no further.
                    let factor = simd.factor(unsafe { &*first_cells[row].wrapping_add(step) });
                    for (weights, sum) in weights.into_iter().zip(sum) {
                        *sum = simd.add_products(weights, factor, *sum);
                    }
                }
            }
            weight = weight.wrapping_add(STEP);
        }
        for (row, sum) in sum.into_iter().enumerate() {
            for (vector, sum) in sum.into_iter().enumerate() {
                simd.store(sum, &mut values[row * stride + vector]);
            }
        }
    }

    /// Adds the products of an even number of steps, as blocks of two rows, the last of an odd number of them twice.
    ///
    /// # Safety
    ///
    /// So many steps of each row and of each vector are there.
    #[inline(always)]
    unsafe fn add_blocks<S: ByteSimd<Cell = C>, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: S,
        first_cells: [*const C; ROWS],
        fetch: &mut F,
        steps: usize,
        sum: &mut [[S::Sums; VECTORS]; ROWS],
    ) {
        let (pairs, row_below) = (ROWS.div_ceil(2), |row: usize| (row + 1).min(ROWS - 1));
        let mut blocks = [[[simd.splat(0); 2]; VECTORS]; ROWS];
        for (pair, blocks) in blocks[..pairs].iter_mut().enumerate() {
            for (vector, blocks) in blocks.iter_mut().enumerate() {
                *blocks = simd.exchange_blocks([sum[2 * pair][vector], sum[row_below(2 * pair)][vector]]);
            }
        }
        let mut weight = self.weights.as_ptr();
        for step in (0..steps).step_by(2) {
            fetch.next(simd, weight);
            fetch.next(simd, weight.wrapping_add(STEP));
            // SAFETY: two steps are left of each row.
            let cells = |row: usize| unsafe { &*first_cells[row].wrapping_add(step).cast::<[C; 2]>() };
            let mut factors = [simd.block_factor([cells(0), cells(row_below(0))]); ROWS];
            for (pair, factor) in factors[..pairs].iter_mut().enumerate().skip(1) {
                *factor = simd.block_factor([cells(2 * pair), cells(row_below(2 * pair))]);
            }
            for vector in 0..VECTORS {
                let weights = [0, STEP].map(|step| {
                    let at = weight.wrapping_add(step + offset::<S>(vector, self.panel_stride));
                    // SAFETY: two steps are left of each vector.
                    simd.weights(unsafe { &*at.cast() })
                });
                let weights = simd.block_weights(weights);
                for (factor, blocks) in factors.into_iter().zip(&mut blocks[..pairs]) {
                    for (weights, sums) in weights.into_iter().zip(&mut blocks[vector]) {
                        *sums = simd.add_block(weights, factor, *sums);
                    }
                }
            }
            weight = weight.wrapping_add(2 * STEP);
        }
        for (pair, blocks) in blocks[..pairs].iter().enumerate() {
            for (vector, blocks) in blocks.iter().enumerate() {
                let [row, below] = simd.exchange_blocks(*blocks);
                sum[row_below(2 * pair)][vector] = below;
                sum[2 * pair][vector] = row;
            }
        }
    }

    /// That the last element which the loop touches, and so every element, is inside.
    #[inline(always)]
    fn check<S: ByteSimd<Cell = C>>(&self, rows: usize, vectors: usize) {
        if self.steps == 0 {
            return;
        }
        let last = self.steps - 1;
        assert!(last + (rows - 1) * self.row_stride < self.cells.len(), "a tile outside of its numbers");
        let vector = (vectors - 1) % S::PER_PANEL * size_of::<S::Bytes>();
        let end = last * STEP + vector + (vectors - 1) / S::PER_PANEL * self.panel_stride;
        assert!(end + size_of::<S::Bytes>() <= self.weights.len(), "a tile outside of its weights");
    }
}
