//! The one inner loop: a tile of sums in registers.
//!
//! All three products of a dense layer are, tile by tile,
//!
//! ```text
//! sums[r][v] += Σ_k a[k, r] · b[k, v]
//! ```
//!
//! where r counts up to 12 rows, v a few vectors, a[k, r] is one number, broadcast, and b[k, v] a vector from a
//! row of panels. They differ in what k is and in how `a` lies in memory:
//!
//! | product | rows | vectors | sum over k | a | b |
//! |---|---|---|---|---|---|
//! | forward | samples | outputs | inputs | x | panels of W |
//! | input gradient | inputs | samples | outputs | rows of panels of W | dyᵀ in panels |
//! | weight gradient | inputs | outputs | samples | x | dy in panels |
//!
//! Each sum is one chain of multiply-adds in the order of k, whatever the size of the tile; so an element of a
//! product has the same bits in every tile that could have computed it.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![expect(unsafe_code, reason = "indices are checked once a tile, not once a number")]

use super::simd::{clamp, most_vectors};
use super::{Element, Simd};

/// The most vectors of sums that a tile has.
pub(super) const SUMS: usize = 24;

/// The rows of a tile where several share the rows of a panel: larger tiles gain nothing, and run out of registers
/// for the addresses of their rows. A single tile is worth it, since it goes through the weight just once.
pub(super) const SHARED_ROWS: usize = 8;

/// Where the sums of a tile come from and what becomes of them.
pub(super) trait Target<T: Element, S: Simd<T>> {
    /// The most rows of a tile with such sums. Larger ones are not compiled.
    const MOST_ROWS: usize = S::ROWS;

    fn start<const VECTORS: usize>(&self, simd: S, row: usize, vector: usize) -> S::Vector;
    fn end<const VECTORS: usize>(&mut self, simd: S, row: usize, vector: usize, sum: S::Vector);
}

/// Sums in memory, row after row, that are added to.
impl<T: Element, S: Simd<T>> Target<T, S> for &mut [S::Chunk] {
    #[inline(always)]
    fn start<const VECTORS: usize>(&self, simd: S, row: usize, vector: usize) -> S::Vector {
        simd.load(&self[row * VECTORS + vector])
    }

    #[inline(always)]
    fn end<const VECTORS: usize>(&mut self, simd: S, row: usize, vector: usize, sum: S::Vector) {
        simd.store(sum, &mut self[row * VECTORS + vector]);
    }
}

/// Where the numbers that are broadcast lie: in each of some runs of terms, one run after another, a[k, r] is
/// `values[run · run_stride + k · stride + r · row_stride]`, and what follows it where a factor is several numbers.
#[derive(Clone, Copy)]
pub(super) struct Broadcast<'a, T> {
    pub(super) values: &'a [T],
    pub(super) row_stride: usize,
    pub(super) stride: usize,
    /// One but for windows of several rows.
    pub(super) runs: usize,
    pub(super) run_stride: usize,
}

/// Where the vectors lie: in rows of [`Simd::PER_PANEL`], from a vector of the first row on; vectors beyond the
/// end of such a row are those of the next panel, `panel_stride` vectors further.
#[derive(Clone, Copy)]
pub(super) struct Vectors<'a, C> {
    pub(super) chunks: &'a [C],
    pub(super) panel_stride: usize,
}

/// What to ask for while a tile is summed, a little at each term: many lines at once fill up what a core keeps of lines that
/// it waits for, and the sums wait with them. A type for each kind, for the loop has neither a branch nor an address to spare.
pub(super) trait Fetch<T: Element, S: Simd<T>>: Copy {
    /// The tiles that ask so: of so many rows, from and to, and so many vectors at most. Others are not compiled.
    const ROWS: (usize, usize);
    const VECTORS: usize = usize::MAX;

    fn next(&mut self, simd: S);
}

/// For tiles within a panel.
#[derive(Clone, Copy)]
pub(super) struct Nothing;

/// For tiles of a single row, which may be of several panels.
#[derive(Clone, Copy)]
pub(super) struct NothingInRow;

impl<T: Element, S: Simd<T>> Fetch<T, S> for Nothing {
    const ROWS: (usize, usize) = (1, S::ROWS);
    const VECTORS: usize = largest::<T, S>().1;

    #[inline(always)]
    fn next(&mut self, _simd: S) {}
}

impl<T: Element, S: Simd<T>> Fetch<T, S> for NothingInRow {
    const ROWS: (usize, usize) = (1, 1);

    #[inline(always)]
    fn next(&mut self, _simd: S) {}
}

/// A row of a panel at each term, from an address on: vectors that are used once, as those of whole panels are.
#[derive(Clone, Copy)]
pub(super) struct PanelRows<T>(pub(super) *const T);

impl<T: Element, S: Simd<T>> Fetch<T, S> for PanelRows<T> {
    const ROWS: (usize, usize) = {
        let mut most = 1;
        while most < S::ROWS && most_vectors::<T, S>(most + 1) >= S::PER_PANEL {
            most += 1;
        }
        (1, most)
    };

    #[inline(always)]
    fn next(&mut self, simd: S) {
        simd.prefetch(self.0);
        simd.prefetch(self.0.wrapping_add(T::PANEL_COLUMNS / 2));
        self.0 = self.0.wrapping_add(T::PANEL_COLUMNS);
    }
}

/// What lies at an address that moves on by some elements at each term, half a panel's row at most: a share of what several
/// tiles use next. Each of them has at least half as many rows as it could have: a tile of fewer is alone with its panels, and
/// goes through them once.
#[derive(Clone, Copy)]
pub(super) struct Share<T> {
    pub(super) address: *const T,
    pub(super) step: usize,
}

impl<T: Element, S: Simd<T>> Fetch<T, S> for Share<T> {
    const ROWS: (usize, usize) = {
        let most = clamp(S::ROWS, 1, SHARED_ROWS);
        let least = most.div_ceil(2);
        assert!(
            most_vectors::<T, S>(least - 1) >= S::PER_PANEL,
            "a tile of few rows that goes through part of a panel"
        );
        (least, most)
    };

    #[inline(always)]
    fn next(&mut self, simd: S) {
        simd.prefetch_for_later(self.address);
        self.address = self.address.wrapping_add(self.step);
    }
}

/// A tile of one product.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a, T, C, F> {
    /// The number of terms of each sum, in each run.
    pub(super) depth: usize,
    pub(super) a: Broadcast<'a, T>,
    pub(super) b: Vectors<'a, C>,
    pub(super) fetch: F,
}

/// The rows and vectors of [`Tile::add_largest`].
#[inline(always)]
pub(super) const fn largest<T: Element, S: Simd<T>>() -> (usize, usize) {
    let rows = clamp(S::ROWS, 1, 8);
    (rows, clamp(most_vectors::<T, S>(rows), 1, S::PER_PANEL))
}

const fn is_largest<T: Element, S: Simd<T>>(rows: usize, vectors: usize) -> bool {
    let largest = largest::<T, S>();
    largest.0 == rows && largest.1 == vectors
}

/// Whether there are tiles of this size that ask for what comes next as `F` does and whose sums are those of `A`.
const fn is_wanted<T, S, F, A>(rows: usize, vectors: usize) -> bool
where
    T: Element,
    S: Simd<T>,
    F: Fetch<T, S>,
    A: Target<T, S>,
{
    let has_rows = F::ROWS.0 <= rows && rows <= F::ROWS.1 && rows <= A::MOST_ROWS;
    has_rows && vectors <= most_vectors::<T, S>(rows) && vectors <= F::VECTORS
}

/// Does `add_sized` for the size that has come, out of those for which the condition holds. The others are not compiled: a
/// tile is code for each number type and each instruction set, and these are two thirds of the crate's.
macro_rules! add_sized {
    ($tile:ident, $simd:ident, $sums:ident, $size:expr, if $condition:path, $($rows:literal: $($vectors:literal)*,)*) => {
        match $size {
            $($(
                ($rows, $vectors) if const { $condition($rows, $vectors) } => {
                    $tile.add_sized::<S, A, $rows, $vectors>($simd, $sums)
                }
            )*)*
            (rows, vectors) => unreachable!("no tile of {rows} rows × {vectors} vectors"),
        }
    };
}

/// How many vectors the next tile of so many rows takes where so many columns are left.
#[inline(always)]
pub(super) fn tile_vectors<T: Element, S: Simd<T>>(columns: usize, rows: usize) -> usize {
    let left = columns.div_ceil(S::LANES);
    // Whole panels while there are, then just as much of the last one as is used.
    let left = if left > S::PER_PANEL { 1 << left.ilog2() } else { left.next_power_of_two() };
    left.min(most_vectors::<T, S>(rows))
}

impl<T: Element, C, F> Tile<'_, T, C, F> {
    /// Adds the products onto rows × vectors of sums.
    #[inline(always)]
    pub(super) fn add<S, A>(self, simd: S, rows: usize, vectors: usize, sums: A)
    where
        S: Simd<T, Chunk = C>,
        F: Fetch<T, S>,
        A: Target<T, S>,
    {
        add_sized! {
            self, simd, sums, (rows, vectors), if is_wanted::<T, S, F, A>,
            1: 16 8 4 2 1,
            2: 8 4 2 1,
            3: 4 2 1,
            4: 4 2 1,
            5: 2 1,
            6: 2 1,
            7: 2 1,
            8: 2 1,
            9: 2 1,
            10: 2 1,
            11: 2 1,
            12: 2 1,
        }
    }

    /// [`Tile::add`] for the largest tile of up to eight rows that an instruction set has within a panel. There is only one
    /// for each; to the compiler, `add` would be all of them.
    #[inline(always)]
    pub(super) fn add_largest<S, A>(self, simd: S, sums: A)
    where
        S: Simd<T, Chunk = C>,
        F: Fetch<T, S>,
        A: Target<T, S>,
    {
        add_sized! {
            self, simd, sums, largest::<T, S>(), if is_largest::<T, S>,
            3: 4,
            4: 4 2 1,
            8: 2,
        }
    }

    #[inline(always)]
    fn add_sized<S, A, const ROWS: usize, const VECTORS: usize>(self, simd: S, mut target: A)
    where
        S: Simd<T, Chunk = C>,
        F: Fetch<T, S>,
        A: Target<T, S>,
    {
        self.check::<S>(ROWS, VECTORS);
        let Self { depth, a, b, mut fetch } = self;
        let mut sum = [[simd.splat(T::zero()); VECTORS]; ROWS];
        for (row, sum) in sum.iter_mut().enumerate() {
            for (vector, sum) in sum.iter_mut().enumerate() {
                *sum = target.start::<VECTORS>(simd, row, vector);
            }
        }
        let offset = |vector: usize| vector % S::PER_PANEL + vector / S::PER_PANEL * b.panel_stride;
        // Pointers that move on: with indices, the addresses of the rows take more registers than there are.
        let (mut a_row, mut b_row) = (a.values.as_ptr(), b.chunks.as_ptr());
        for _ in 0..a.runs {
            for _ in 0..depth {
                fetch.next(simd);
                // The fewer of the two are kept in registers, the others come one after another.
                if ROWS < VECTORS {
                    let mut factors = [simd.factor(|_| T::zero()); ROWS];
                    for (row, factor) in factors.iter_mut().enumerate() {
                        // SAFETY: `check` has shown that the last term of the last row is inside; this is no further.
                        *factor = simd.factor(|i| unsafe { *a_row.wrapping_add(row * a.row_stride + i) });
                    }
                    for vector in 0..VECTORS {
                        // SAFETY: `check` has shown that the last row's last vector is inside; this one is no further.
                        let b_vector =
                            simd.operand(simd.load(unsafe { &*b_row.wrapping_add(offset(vector)) }));
                        for (factor, sum) in factors.into_iter().zip(&mut sum) {
                            sum[vector] = simd.add_product(factor, b_vector, sum[vector]);
                        }
                    }
                } else {
                    let mut b_vectors = [simd.operand(simd.splat(T::zero())); VECTORS];
                    for (vector, b_vector) in b_vectors.iter_mut().enumerate() {
                        // SAFETY: `check` has shown that the last row's last vector is inside; this one is no further.
                        *b_vector = simd.operand(simd.load(unsafe { &*b_row.wrapping_add(offset(vector)) }));
                    }
                    for (row, sum) in sum.iter_mut().enumerate() {
                        // SAFETY: `check` has shown that the last term of the last row is inside; this is no further.
                        let factor = simd.factor(|i| unsafe { *a_row.wrapping_add(row * a.row_stride + i) });
                        for (b_vector, sum) in b_vectors.into_iter().zip(sum) {
                            *sum = simd.add_product(factor, b_vector, *sum);
                        }
                    }
                }
                a_row = a_row.wrapping_add(a.stride);
                b_row = b_row.wrapping_add(S::PER_PANEL);
            }
            a_row = a_row.wrapping_add(a.run_stride).wrapping_sub(depth * a.stride);
        }
        for (row, sum) in sum.into_iter().enumerate() {
            for (vector, sum) in sum.into_iter().enumerate() {
                target.end::<VECTORS>(simd, row, vector, sum);
            }
        }
    }

    /// That the last element which the loop touches, and so every element, is inside.
    #[inline(always)]
    fn check<S: Simd<T, Chunk = C>>(&self, rows: usize, vectors: usize) {
        let Self { depth, a, b, .. } = self;
        if *depth * a.runs == 0 {
            return;
        }
        let a_last = (a.runs - 1) * a.run_stride + (depth - 1) * a.stride + (rows - 1) * a.row_stride;
        assert!(a_last + S::FACTOR <= a.values.len(), "a tile outside of its numbers");
        let vector = (vectors - 1) % S::PER_PANEL + (vectors - 1) / S::PER_PANEL * b.panel_stride;
        let b_last = (depth * a.runs - 1) * S::PER_PANEL + vector;
        assert!(b_last < b.chunks.len(), "a tile outside of its vectors");
    }
}
