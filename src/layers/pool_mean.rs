//! Means of windows, for the average pools.
//!
//! The rows of a window are summed first, then these sums. Where a window is large, such as a whole image, a few numbers at a
//! time are added in their own precision and these sums in double precision.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use std::ops::Range;

use super::pool_window::{Patch, Zeroed};
use super::samples::by_samples;
use super::{Backward, Window};
use crate::kernels::{self, Geometry, Kernel, Parallelism, Simd};
use crate::{Scalar, Shape, TensorView, TensorViewMut};

/// y from x. Where `counts_padding`, what lies outside counts as zeros.
pub(super) fn forward<T: Scalar>(
    window: &Window,
    counts_padding: bool,
    x: TensorView<'_, T>,
    mut y: TensorViewMut<'_, T>,
    parallelism: Parallelism,
) {
    let means = &Means::new(window, counts_padding, &x.shape());
    let (x, image, sample) = (x.as_slice(), means.geometry.image_len(), means.output_len());
    by_samples(parallelism, x.len(), y.as_mut_slice(), sample, |first, y| {
        kernels::run(OfWindows { means, x: &x[first * image..], y });
    });
}

/// dx from dy.
pub(super) fn backward<T: Scalar>(window: &Window, counts_padding: bool, pass: Backward<'_, T>) {
    let Some(mut dx) = pass.dx else { return };
    let means = &Means::new(window, counts_padding, &pass.x.shape());
    let (dy, image, sample) = (pass.dy.as_slice(), means.geometry.image_len(), means.output_len());
    by_samples(pass.parallelism, pass.x.as_slice().len(), dx.as_mut_slice(), image, |first, dx| {
        kernels::run(ToWindows { means, dy: &dy[first * sample..], dx });
    });
}

/// What has a mean, and of how many.
struct Means<T> {
    geometry: Geometry,
    /// Whether padding counts.
    counts_padding: bool,
    /// The size of the window.
    size: usize,
    /// 1 / size.
    share: T,
}

impl<T: Scalar> Means<T> {
    fn new(window: &Window, counts_padding: bool, batch: &Shape) -> Self {
        let (_, image) = batch.split_batch().expect("a batch");
        let geometry = window.over(&image).expect("`output_shape` agreed");
        // Where this saturates, the window is larger than any image, and the size is that of no patch.
        let size = geometry.rows.kernel.saturating_mul(geometry.columns.kernel);
        let share = T::of((geometry.rows.kernel as f64 * geometry.columns.kernel as f64).recip());
        Self { geometry, counts_padding, size, share }
    }

    fn output_len(&self) -> usize {
        self.geometry.positions() * self.geometry.channels
    }

    /// What each place of a patch has of its mean.
    #[inline(always)]
    fn share(&self, patch: Patch) -> T {
        let places = patch.rows * patch.columns;
        if self.counts_padding || places == self.size { self.share } else { T::of((places as f64).recip()) }
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
    means: &'a Means<T>,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for OfWindows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) {
        let geometry = self.means.geometry;
        let (row_len, image) = (geometry.columns.outputs * geometry.channels, geometry.image_len());
        let samples = self.y.chunks_exact_mut(geometry.rows.outputs * row_len);
        for (x, y) in self.x.chunks_exact(image).zip(samples) {
            for (row, y) in y.chunks_exact_mut(row_len).enumerate() {
                for (column, y) in y.chunks_exact_mut(geometry.channels).enumerate() {
                    let patch = Patch::of(&geometry, row, column);
                    mean_of(x, patch, self.means.share(patch), y);
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
    means: &'a Means<T>,
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for ToWindows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) {
        let Geometry { rows, columns, channels } = self.means.geometry;
        let row_len = columns.outputs * channels;
        let samples = self.dx.chunks_exact_mut(self.means.geometry.image_len());
        for (dx, dy) in samples.zip(self.dy.chunks_exact(rows.outputs * row_len)) {
            let mut zeroed = Zeroed::none(columns.inputs * channels);
            for (row, dy) in dy.chunks_exact(row_len).enumerate() {
                zeroed.up_to(rows.input(row, rows.taps(row).end - 1) + 1, dx);
                for (column, dy) in dy.chunks_exact(channels).enumerate() {
                    let patch = Patch::of(&self.means.geometry, row, column);
                    share_out(patch, self.means.share(patch), dy, dx);
                }
            }
            zeroed.up_to(rows.inputs, dx);
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
