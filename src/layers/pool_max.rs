//! The largest of windows, for the max pools.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::Backward;
use super::pool_geometry::{Patch, PoolGeometry, Zeroed};
use super::pool_largest::{NARROW, WIDE, largest_of_images};
use super::samples::by_samples;
use crate::kernels::{self, Kernel, Parallelism, Simd};
use crate::{Scalar, TensorView, TensorViewMut};

/// y from x.
pub(super) fn forward<T: Scalar>(
    geometry: &PoolGeometry,
    x: TensorView<'_, T>,
    mut y: TensorViewMut<'_, T>,
    parallelism: Parallelism,
) {
    let x = x.as_slice();
    by_samples(parallelism, x.len(), y.as_mut_slice(), geometry.output_len(), |first, y| {
        largest_of_images(geometry, &x[first * geometry.image_len()..], y);
    });
}

/// dx from dy.
pub(super) fn backward<T: Scalar>(geometry: &PoolGeometry, pass: Backward<'_, T>) {
    let Some(mut dx) = pass.dx else { return };
    let (x, y, dy) = (pass.x.as_slice(), pass.y.as_slice(), pass.dy.as_slice());
    let (image, sample) = (geometry.image_len(), geometry.output_len());
    by_samples(pass.parallelism, x.len(), dx.as_mut_slice(), image, |first, dx| {
        let (x, y, dy) = (&x[first * image..], &y[first * sample..], &dy[first * sample..]);
        kernels::run(ToLargest { geometry, x, y, dy, dx });
    });
}

/// dx from dy, of the samples that dx has.
struct ToLargest<'a, T> {
    geometry: &'a PoolGeometry,
    x: &'a [T],
    y: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for ToLargest<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) {
        let geometry = *self.geometry;
        let (row_len, image, output) = (geometry.row_len(), geometry.image_len(), geometry.output_len());
        let outputs = self.y.chunks_exact(output).zip(self.dy.chunks_exact(output));
        let inputs = self.x.chunks_exact(image).zip(self.dx.chunks_exact_mut(image));
        for ((x, dx), (y, dy)) in inputs.zip(outputs) {
            let mut zeroed = Zeroed::none(geometry.columns.inputs() * geometry.channels);
            for (row, (y, dy)) in y.chunks_exact(row_len).zip(dy.chunks_exact(row_len)).enumerate() {
                let rows = geometry.rows.places(row);
                zeroed.up_to(rows.end(), dx);
                let outputs = y.chunks_exact(geometry.channels).zip(dy.chunks_exact(geometry.channels));
                for (column, (y, dy)) in outputs.enumerate() {
                    to_largest_of(x, Patch::of(&geometry, rows, geometry.columns.places(column)), y, dy, dx);
                }
            }
            zeroed.up_to(geometry.rows.inputs(), dx);
        }
    }
}

/// All channels of one output.
#[inline(always)]
fn to_largest_of<T: Scalar>(x: &[T], patch: Patch, y: &[T], dy: &[T], dx: &mut [T]) {
    let ((wide_y, y), (wide_dy, dy)) = (y.as_chunks::<WIDE>(), dy.as_chunks::<WIDE>());
    let mut channel = 0;
    for (y, dy) in wide_y.iter().zip(wide_dy) {
        to_largest(x, patch.at_channel(channel), y, dy, dx);
        channel += WIDE;
    }
    let ((narrow_y, y), (narrow_dy, dy)) = (y.as_chunks::<NARROW>(), dy.as_chunks::<NARROW>());
    for (y, dy) in narrow_y.iter().zip(narrow_dy) {
        to_largest(x, patch.at_channel(channel), y, dy, dx);
        channel += NARROW;
    }
    for (y, dy) in y.as_chunks::<1>().0.iter().zip(dy.as_chunks::<1>().0) {
        to_largest(x, patch.at_channel(channel), y, dy, dx);
        channel += 1;
    }
}

#[inline(always)]
fn to_largest<T: Scalar, const N: usize>(x: &[T], patch: Patch, y: &[T; N], dy: &[T; N], dx: &mut [T]) {
    // Copies, of which the compiler knows that they do not overlap. Nothing is left of dy once the first of the largest
    // was met.
    let (y, mut left) = (*y, *dy);
    for row in 0..patch.rows {
        for column in 0..patch.columns {
            let place = patch.place(row, column);
            let x: [T; N] = *x[place..].first_chunk().expect("inside of the image");
            let dx: &mut [T; N] = dx[place..].first_chunk_mut().expect("as long as x");
            let mut sum = *dx;
            for lane in 0..N {
                let is_largest = (x[lane] == y[lane]) | x[lane].is_nan();
                sum[lane] += if is_largest { left[lane] } else { T::zero() };
                left[lane] = if is_largest { T::zero() } else { left[lane] };
            }
            *dx = sum;
        }
    }
}
