//! Means of windows, for the average pools.
//!
//! The rows of a window are summed first, then these sums. Where a window is large, such as a whole image, a few numbers at a
//! time are added in their own precision and these sums in double precision.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::Backward;
use super::pool_geometry::{Patch, Places, PoolGeometry, Zeroed};
use super::samples::by_samples;
use crate::kernels::{self, Kernel, Parallelism, Simd};
use crate::{Scalar, TensorView, TensorViewMut};

/// What has a mean, and of how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means {
    pub(super) geometry: PoolGeometry,
    /// Whether padding counts, as zeros.
    pub(super) counts_padding: bool,
    /// What the sums are divided by, whatever counts.
    pub(super) divisor: Option<usize>,
}

impl Means {
    /// y from x.
    pub(super) fn forward<T: Scalar>(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        parallelism: Parallelism,
    ) {
        let (x, image) = (x.as_slice(), self.geometry.image_len());
        by_samples(parallelism, x.len(), y.as_mut_slice(), self.geometry.output_len(), |first, y| {
            kernels::run(OfWindows { means: self, x: &x[first * image..], y });
        });
    }

    /// dx from dy.
    pub(super) fn backward<T: Scalar>(&self, pass: Backward<'_, T>) {
        let Some(mut dx) = pass.dx else { return };
        let (dy, image, sample) = (pass.dy.as_slice(), self.geometry.image_len(), self.geometry.output_len());
        by_samples(pass.parallelism, pass.x.as_slice().len(), dx.as_mut_slice(), image, |first, dx| {
            kernels::run(ToWindows { means: self, dy: &dy[first * sample..], dx });
        });
    }

    /// A row of outputs.
    #[inline(always)]
    fn row(&self, row: usize) -> Row<'_> {
        let places = self.geometry.rows.places(row);
        let counted = match self.divisor {
            Some(divisor) => divisor,
            None if self.counts_padding => self.geometry.rows.padded_places(row),
            None => places.count,
        };
        Row { means: self, places, counted }
    }
}

/// The places that a row of outputs has among the rows of an image.
struct Row<'a> {
    means: &'a Means,
    places: Places,
    /// How many count, or all that is divided by.
    counted: usize,
}

impl Row<'_> {
    /// The places of an output, and what each of them has of its mean.
    #[inline(always)]
    fn output<T: Scalar>(&self, column: usize, shares: &mut Shares<T>) -> (Patch, T) {
        let Means { geometry, counts_padding, divisor } = self.means;
        let places = geometry.columns.places(column);
        let counted = match divisor {
            Some(_) => 1,
            None if *counts_padding => geometry.columns.padded_places(column),
            None => places.count,
        };
        (Patch::of(geometry, self.places, places), shares.of([self.counted, counted]))
    }
}

/// 1 / places, which is the same for most outputs.
struct Shares<T> {
    sides: [usize; 2],
    share: T,
}

impl<T: Scalar> Shares<T> {
    fn new() -> Self {
        Self { sides: [1, 1], share: T::one() }
    }

    #[inline(always)]
    fn of(&mut self, sides: [usize; 2]) -> T {
        if self.sides != sides {
            *self = Self { sides, share: T::of((sides[0] as f64 * sides[1] as f64).recip()) };
        }
        self.share
    }
}

/// Channels side by side: a cache line of f32.
const WIDE: usize = 16;
/// Of what is left, so many at a time, and then each.
const NARROW: usize = 4;

/// How many numbers are added in their own precision, one after another.
const CHAIN: usize = 8;

/// y from x, of the samples that y has.
struct OfWindows<'a, T> {
    means: &'a Means,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for OfWindows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) {
        let geometry = self.means.geometry;
        let mut shares = Shares::new();
        let samples = self.y.chunks_exact_mut(geometry.output_len());
        for (x, y) in self.x.chunks_exact(geometry.image_len()).zip(samples) {
            for (row, y) in y.chunks_exact_mut(geometry.row_len()).enumerate() {
                let row = self.means.row(row);
                for (column, y) in y.chunks_exact_mut(geometry.channels).enumerate() {
                    let (patch, share) = row.output(column, &mut shares);
                    mean_of(x, patch, share, y);
                }
            }
        }
    }
}

/// All channels of one output.
#[inline(always)]
fn mean_of<T: Scalar>(x: &[T], patch: Patch, share: T, y: &mut [T]) {
    let (wide, rest) = y.as_chunks_mut::<WIDE>();
    let mut channel = 0;
    for y in wide {
        mean(x, patch.at_channel(channel), share, y);
        channel += WIDE;
    }
    let (narrow, rest) = rest.as_chunks_mut::<NARROW>();
    for y in narrow {
        mean(x, patch.at_channel(channel), share, y);
        channel += NARROW;
    }
    for y in rest.as_chunks_mut::<1>().0 {
        mean(x, patch.at_channel(channel), share, y);
        channel += 1;
    }
}

#[inline(always)]
fn mean<T: Scalar, const N: usize>(x: &[T], patch: Patch, share: T, y: &mut [T; N]) {
    if patch.rows > CHAIN || patch.columns > CHAIN {
        let mut sum = [0.0; N];
        for row in 0..patch.rows {
            for start in (0..patch.columns).step_by(CHAIN) {
                let chain: [T; N] = row_sum(x, patch, row, start..patch.columns.min(start + CHAIN));
                for lane in 0..N {
                    sum[lane] += chain[lane].as_f64();
                }
            }
        }
        *y = sum.map(|sum| T::of(sum) * share);
        return;
    }
    let mut sum = [T::zero(); N];
    for row in 0..patch.rows {
        let row_sum: [T; N] = row_sum(x, patch, row, 0..patch.columns);
        for lane in 0..N {
            sum[lane] += row_sum[lane];
        }
    }
    for lane in 0..N {
        y[lane] = sum[lane] * share;
    }
}

/// The sums of some columns in a row of a patch.
#[inline(always)]
fn row_sum<T: Scalar, const N: usize>(x: &[T], patch: Patch, row: usize, columns: Range<usize>) -> [T; N] {
    let mut sum = [T::zero(); N];
    for column in columns {
        let x: &[T; N] = x[patch.place(row, column)..].first_chunk().expect("inside of the image");
        for lane in 0..N {
            sum[lane] += x[lane];
        }
    }
    sum
}

/// dx from dy, of the samples that dx has.
struct ToWindows<'a, T> {
    means: &'a Means,
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for ToWindows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) {
        let geometry = self.means.geometry;
        let mut shares = Shares::new();
        let samples = self.dx.chunks_exact_mut(geometry.image_len());
        for (dx, dy) in samples.zip(self.dy.chunks_exact(geometry.output_len())) {
            let mut zeroed = Zeroed::none(geometry.columns.inputs() * geometry.channels);
            for (row, dy) in dy.chunks_exact(geometry.row_len()).enumerate() {
                let row = self.means.row(row);
                zeroed.up_to(row.places.end(), dx);
                for (column, dy) in dy.chunks_exact(geometry.channels).enumerate() {
                    let (patch, share) = row.output(column, &mut shares);
                    share_out(patch, share, dy, dx);
                }
            }
            zeroed.up_to(geometry.rows.inputs(), dx);
        }
    }
}

/// All channels of one output.
#[inline(always)]
fn share_out<T: Scalar>(patch: Patch, share: T, dy: &[T], dx: &mut [T]) {
    let (wide, rest) = dy.as_chunks::<WIDE>();
    let mut channel = 0;
    for dy in wide {
        add_share(patch.at_channel(channel), share, dy, dx);
        channel += WIDE;
    }
    let (narrow, rest) = rest.as_chunks::<NARROW>();
    for dy in narrow {
        add_share(patch.at_channel(channel), share, dy, dx);
        channel += NARROW;
    }
    for dy in rest.as_chunks::<1>().0 {
        add_share(patch.at_channel(channel), share, dy, dx);
        channel += 1;
    }
}

#[inline(always)]
fn add_share<T: Scalar, const N: usize>(patch: Patch, share: T, dy: &[T; N], dx: &mut [T]) {
    let part = dy.map(|dy| dy * share);
    for row in 0..patch.rows {
        for column in 0..patch.columns {
            let dx: &mut [T; N] =
                dx[patch.place(row, column)..].first_chunk_mut().expect("inside of the image");
            for lane in 0..N {
                dx[lane] += part[lane];
            }
        }
    }
}
