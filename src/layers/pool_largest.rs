//! The largest of the windows of images.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::pool_geometry::{Patch, PoolGeometry};
use crate::Scalar;
use crate::kernels::{self, Kernel, Simd};

/// Channels side by side: a cache line of f32.
pub(super) const WIDE: usize = 16;
/// Of what is left, so many at a time, and then each.
pub(super) const NARROW: usize = 4;

/// y from x, which has no fewer images.
pub(super) fn largest_of_images<T: Scalar>(geometry: &PoolGeometry, x: &[T], y: &mut [T]) {
    kernels::run(Largest { geometry, x, y });
}

/// y from x, of the samples that y has.
struct Largest<'a, T> {
    geometry: &'a PoolGeometry,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Largest<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) {
        let geometry = *self.geometry;
        let samples = self.y.chunks_exact_mut(geometry.output_len());
        for (x, y) in self.x.chunks_exact(geometry.image_len()).zip(samples) {
            for (row, y) in y.chunks_exact_mut(geometry.row_len()).enumerate() {
                let rows = geometry.rows.places(row);
                for (column, y) in y.chunks_exact_mut(geometry.channels).enumerate() {
                    largest_of(x, Patch::of(&geometry, rows, geometry.columns.places(column)), y);
                }
            }
        }
    }
}

/// All channels of one output.
#[inline(always)]
fn largest_of<T: Scalar>(x: &[T], patch: Patch, y: &mut [T]) {
    let (wide, rest) = y.as_chunks_mut::<WIDE>();
    let mut channel = 0;
    for y in wide {
        largest(x, patch.at_channel(channel), y);
        channel += WIDE;
    }
    let (narrow, rest) = rest.as_chunks_mut::<NARROW>();
    for y in narrow {
        largest(x, patch.at_channel(channel), y);
        channel += NARROW;
    }
    for y in rest.as_chunks_mut::<1>().0 {
        largest(x, patch.at_channel(channel), y);
        channel += 1;
    }
}

#[inline(always)]
fn largest<T: Scalar, const N: usize>(x: &[T], patch: Patch, y: &mut [T; N]) {
    let mut most = [T::neg_infinity(); N];
    for row in 0..patch.rows {
        for column in 0..patch.columns {
            let x: &[T; N] = x[patch.place(row, column)..].first_chunk().expect("inside of the image");
            for lane in 0..N {
                let wins = (x[lane] > most[lane]) | x[lane].is_nan();
                most[lane] = if wins { x[lane] } else { most[lane] };
            }
        }
    }
    *y = most;
}
