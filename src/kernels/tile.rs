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

use super::{Element, Simd};

/// The most vectors of sums that a tile has.
pub(super) const SUMS: usize = 24;

/// Where the sums of a tile come from and what becomes of them.
pub(super) trait Target<T: Element, S: Simd<T>> {
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

/// Where the numbers that are broadcast lie: a[k, r] is `values[k · stride + r · row_stride]`.
#[derive(Clone, Copy)]
pub(super) struct Broadcast<'a, T> {
    pub(super) values: &'a [T],
    pub(super) row_stride: usize,
    pub(super) stride: usize,
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
pub(super) trait Fetch<T: Element>: Copy {
    /// The most rows of a tile that asks so. Larger ones are not compiled.
    const ROWS: usize;

    fn next<S: Simd<T>>(&mut self, simd: S);
}

#[derive(Clone, Copy)]
pub(super) struct Nothing;

impl<T: Element> Fetch<T> for Nothing {
    const ROWS: usize = 12;

    #[inline(always)]
    fn next<S: Simd<T>>(&mut self, _simd: S) {}
}

/// A row of a panel at each term, from an address on: vectors that are used once.
#[derive(Clone, Copy)]
pub(super) struct PanelRows<T>(pub(super) *const T);

impl<T: Element> Fetch<T> for PanelRows<T> {
    const ROWS: usize = 12;

    #[inline(always)]
    fn next<S: Simd<T>>(&mut self, simd: S) {
        simd.prefetch(self.0);
        simd.prefetch(self.0.wrapping_add(T::PANEL_COLUMNS / 2));
        self.0 = self.0.wrapping_add(T::PANEL_COLUMNS);
    }
}

/// What lies at an address that moves on by some elements at each term, half a panel's row at most: a share of what several
/// tiles use next.
#[derive(Clone, Copy)]
pub(super) struct Share<T> {
    pub(super) address: *const T,
    pub(super) step: usize,
}

impl<T: Element> Fetch<T> for Share<T> {
    const ROWS: usize = 8;

    #[inline(always)]
    fn next<S: Simd<T>>(&mut self, simd: S) {
        simd.prefetch_for_later(self.address);
        self.address = self.address.wrapping_add(self.step);
    }
}

/// A tile of one product.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a, T, C, F> {
    /// The number of terms of each sum.
    pub(super) depth: usize,
    pub(super) a: Broadcast<'a, T>,
    pub(super) b: Vectors<'a, C>,
    pub(super) fetch: F,
}

/// The rows and vectors of [`Tile::add_largest`].
#[inline(always)]
pub(super) fn largest<T: Element, S: Simd<T>>() -> (usize, usize) {
    let rows = S::ROWS.min(8);
    (rows, S::vectors(rows).min(S::PER_PANEL))
}

/// How many vectors the next tile of so many rows takes where so many columns are left.
#[inline(always)]
pub(super) fn tile_vectors<T: Element, S: Simd<T>>(columns: usize, rows: usize) -> usize {
    let left = columns.div_ceil(S::LANES);
    // Whole panels while there are, then just as much of the last one as is used.
    let left = if left > S::PER_PANEL { 1 << left.ilog2() } else { left.next_power_of_two() };
    left.min(S::vectors(rows))
}

impl<T: Element, C, F: Fetch<T>> Tile<'_, T, C, F> {
    /// Adds the products onto rows × vectors of sums.
    #[inline(always)]
    pub(super) fn add<S: Simd<T, Chunk = C>>(
        self,
        simd: S,
        rows: usize,
        vectors: usize,
        sums: impl Target<T, S>,
    ) {
        match (rows, vectors) {
            (1, _) => self.add_row(simd, vectors, sums),
            (2, 4) => self.add_sized::<S, _, 2, 4>(simd, sums),
            (2, 2) => self.add_sized::<S, _, 2, 2>(simd, sums),
            (2, 1) => self.add_sized::<S, _, 2, 1>(simd, sums),
            (3, 4) => self.add_sized::<S, _, 3, 4>(simd, sums),
            (3, 2) => self.add_sized::<S, _, 3, 2>(simd, sums),
            (3, 1) => self.add_sized::<S, _, 3, 1>(simd, sums),
            (4, 4) if S::vectors(4) >= 4 => self.add_sized::<S, _, 4, 4>(simd, sums),
            (4, 2) => self.add_sized::<S, _, 4, 2>(simd, sums),
            (4, 1) => self.add_sized::<S, _, 4, 1>(simd, sums),
            (5, 2) if S::ROWS >= 5 => self.add_sized::<S, _, 5, 2>(simd, sums),
            (5, 1) if S::ROWS >= 5 => self.add_sized::<S, _, 5, 1>(simd, sums),
            (6, 2) if S::ROWS >= 6 => self.add_sized::<S, _, 6, 2>(simd, sums),
            (6, 1) if S::ROWS >= 6 => self.add_sized::<S, _, 6, 1>(simd, sums),
            (7, 2) if S::ROWS >= 7 => self.add_sized::<S, _, 7, 2>(simd, sums),
            (7, 1) if S::ROWS >= 7 => self.add_sized::<S, _, 7, 1>(simd, sums),
            (8, 2) if S::ROWS >= 8 => self.add_sized::<S, _, 8, 2>(simd, sums),
            (8, 1) if S::ROWS >= 8 => self.add_sized::<S, _, 8, 1>(simd, sums),
            (9, 2) if S::ROWS.min(F::ROWS) >= 9 => self.add_sized::<S, _, 9, 2>(simd, sums),
            (9, 1) if S::ROWS.min(F::ROWS) >= 9 => self.add_sized::<S, _, 9, 1>(simd, sums),
            (10, 2) if S::ROWS.min(F::ROWS) >= 10 => self.add_sized::<S, _, 10, 2>(simd, sums),
            (10, 1) if S::ROWS.min(F::ROWS) >= 10 => self.add_sized::<S, _, 10, 1>(simd, sums),
            (11, 2) if S::ROWS.min(F::ROWS) >= 11 => self.add_sized::<S, _, 11, 2>(simd, sums),
            (11, 1) if S::ROWS.min(F::ROWS) >= 11 => self.add_sized::<S, _, 11, 1>(simd, sums),
            (12, 2) if S::ROWS.min(F::ROWS) >= 12 => self.add_sized::<S, _, 12, 2>(simd, sums),
            (12, 1) if S::ROWS.min(F::ROWS) >= 12 => self.add_sized::<S, _, 12, 1>(simd, sums),
            _ => unreachable!("no tile of {rows} rows × {vectors} vectors"),
        }
    }

    /// [`Tile::add`] for a single row.
    #[inline(always)]
    pub(super) fn add_row<S: Simd<T, Chunk = C>>(self, simd: S, vectors: usize, sums: impl Target<T, S>) {
        match vectors {
            8 => self.add_sized::<S, _, 1, 8>(simd, sums),
            4 => self.add_sized::<S, _, 1, 4>(simd, sums),
            2 => self.add_sized::<S, _, 1, 2>(simd, sums),
            1 => self.add_sized::<S, _, 1, 1>(simd, sums),
            _ => unreachable!("no tile of {vectors} vectors"),
        }
    }

    /// [`Tile::add`] for the largest tile of up to eight rows that an instruction set has within a panel. There is only one
    /// for each; to the compiler, `add` would be all of them.
    #[inline(always)]
    pub(super) fn add_largest<S: Simd<T, Chunk = C>>(self, simd: S, sums: impl Target<T, S>) {
        match largest::<T, S>() {
            (8, 2) => self.add_sized::<S, _, 8, 2>(simd, sums),
            (3, 4) => self.add_sized::<S, _, 3, 4>(simd, sums),
            (4, 4) if S::vectors(4) >= 4 => self.add_sized::<S, _, 4, 4>(simd, sums),
            (4, 2) => self.add_sized::<S, _, 4, 2>(simd, sums),
            (4, 1) => self.add_sized::<S, _, 4, 1>(simd, sums),
            (rows, vectors) => unreachable!("no tile of {rows} rows × {vectors} vectors"),
        }
    }

    #[inline(always)]
    fn add_sized<S, A, const ROWS: usize, const VECTORS: usize>(self, simd: S, mut target: A)
    where
        S: Simd<T, Chunk = C>,
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
        for _ in 0..depth {
            fetch.next(simd);
            // The fewer of the two are kept in registers, the others come one after another.
            if ROWS < VECTORS {
                let mut factors = [simd.splat(T::zero()); ROWS];
                for (row, factor) in factors.iter_mut().enumerate() {
                    // SAFETY: `check` has shown that the last term of the last row is inside; this is no further.
                    *factor = simd.splat(unsafe { *a_row.wrapping_add(row * a.row_stride) });
                }
                for vector in 0..VECTORS {
                    // SAFETY: `check` has shown that the last row's last vector is inside; this one is no further.
                    let b_vector = simd.load(unsafe { &*b_row.wrapping_add(offset(vector)) });
                    for (factor, sum) in factors.into_iter().zip(&mut sum) {
                        sum[vector] = simd.mul_add(factor, b_vector, sum[vector]);
                    }
                }
            } else {
                let mut b_vectors = [simd.splat(T::zero()); VECTORS];
                for (vector, b_vector) in b_vectors.iter_mut().enumerate() {
                    // SAFETY: `check` has shown that the last row's last vector is inside; this one is no further.
                    *b_vector = simd.load(unsafe { &*b_row.wrapping_add(offset(vector)) });
                }
                for (row, sum) in sum.iter_mut().enumerate() {
                    // SAFETY: `check` has shown that the last term of the last row is inside; this is no further.
                    let factor = simd.splat(unsafe { *a_row.wrapping_add(row * a.row_stride) });
                    for (b_vector, sum) in b_vectors.into_iter().zip(sum) {
                        *sum = simd.mul_add(factor, b_vector, *sum);
                    }
                }
            }
            a_row = a_row.wrapping_add(a.stride);
            b_row = b_row.wrapping_add(S::PER_PANEL);
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
        if *depth == 0 {
            return;
        }
        let a_last = (depth - 1) * a.stride + (rows - 1) * a.row_stride;
        assert!(a_last < a.values.len(), "a tile outside of its numbers");
        let vector = (vectors - 1) % S::PER_PANEL + (vectors - 1) / S::PER_PANEL * b.panel_stride;
        assert!((depth - 1) * S::PER_PANEL + vector < b.chunks.len(), "a tile outside of its vectors");
    }
}
