//! What becomes of the sums of a weight gradient: out ← β·out + α·sum.
//!
//! Nothing here is fused: α·sum is rounded, then β·out, then their sum. The usual β, 0 to store a gradient and 1 to add one
//! on, are told to the compiler, so that whole tiles have neither a product nor a branch too many.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::tile::{Target, largest};
use super::{Element, Simd};

/// β is 0, and `out` is not read.
pub(super) const STORE: u8 = 0;
/// β is 1.
pub(super) const ADD: u8 = 1;
/// β is any number.
pub(super) const BLEND: u8 = 2;

/// The two factors.
#[derive(Clone, Copy)]
pub(super) struct Scales<T> {
    pub(super) alpha: T,
    pub(super) beta: T,
}

impl<T: Element> Scales<T> {
    /// Which of the constants β is.
    #[inline(always)]
    pub(super) fn mode(self) -> u8 {
        if self.beta == T::zero() {
            STORE
        } else if self.beta == T::one() {
            ADD
        } else {
            BLEND
        }
    }

    /// One vector.
    #[inline(always)]
    pub(super) fn update<S: Simd<T>, const MODE: u8>(self, simd: S, sum: S::Vector, out: &mut S::Chunk) {
        let product = simd.mul(simd.splat(self.alpha), sum);
        let value = match MODE {
            STORE => product,
            ADD => simd.add(product, simd.load(out)),
            _ => simd.add(product, simd.mul(simd.splat(self.beta), simd.load(out))),
        };
        simd.store(value, out);
    }

    /// Vectors whose sums are 0.
    #[inline(always)]
    pub(super) fn update_padding<S: Simd<T>>(self, simd: S, out: &mut [S::Chunk]) {
        let zero = simd.splat(T::zero());
        match self.mode() {
            ADD => {}
            STORE => out.iter_mut().for_each(|out| simd.store(zero, out)),
            _ => out.iter_mut().for_each(|out| self.update::<S, BLEND>(simd, zero, out)),
        }
    }
}

/// Vectors of some rows of a panel, from the vector `first` of a row on. Only so many columns of the panel are no
/// padding; in the others sums may be anything.
pub(super) struct Rows<'a, T, C> {
    pub(super) scales: Scales<T>,
    pub(super) columns: usize,
    pub(super) first: usize,
    pub(super) out: &'a mut [C],
}

impl<T: Element, S: Simd<T>> Target<T, S> for Rows<'_, T, S::Chunk> {
    const MOST_ROWS: usize = largest::<T, S>().0;

    #[inline(always)]
    fn start<const VECTORS: usize>(&self, simd: S, _row: usize, _vector: usize) -> S::Vector {
        simd.splat(T::zero())
    }

    #[inline(always)]
    fn end<const VECTORS: usize>(&mut self, simd: S, row: usize, vector: usize, mut sum: S::Vector) {
        let columns = self.columns.saturating_sub((self.first + vector) * S::LANES);
        if columns < S::LANES {
            sum = simd.first(sum, columns);
        }
        let out = &mut self.out[row * S::PER_PANEL + self.first + vector];
        match self.scales.mode() {
            STORE => self.scales.update::<S, STORE>(simd, sum, out),
            ADD => self.scales.update::<S, ADD>(simd, sum, out),
            _ => self.scales.update::<S, BLEND>(simd, sum, out),
        }
    }
}

/// The same without padding, and with a β that is known.
pub(super) struct WholeRows<'a, T, C, const MODE: u8>(pub(super) Rows<'a, T, C>);

impl<T: Element, S: Simd<T>, const MODE: u8> Target<T, S> for WholeRows<'_, T, S::Chunk, MODE> {
    #[inline(always)]
    fn start<const VECTORS: usize>(&self, simd: S, _row: usize, _vector: usize) -> S::Vector {
        simd.splat(T::zero())
    }

    #[inline(always)]
    fn end<const VECTORS: usize>(&mut self, simd: S, row: usize, vector: usize, sum: S::Vector) {
        let Rows { scales, first, out, .. } = &mut self.0;
        scales.update::<S, MODE>(simd, sum, &mut out[row * S::PER_PANEL + *first + vector]);
    }
}
