//! Images as matrices of patches, and back: what makes a convolution a product of matrices.
//!
//! The patch of an output position is what the window sees there: for each tap of the window, row by row, all channels.
//! Channels lie last, so a row of the window is one contiguous run of the image.
//!
//! ```text
//! image [height, width, channels]      patches [positions, taps · channels]
//!   ┌───────────┐
//!   │ a b c d . │                      position 0:  a b c  e f g  i j k
//!   │ e f g h . │         ─►           position 1:  b c d  f g h  j k l
//!   │ i j k l . │                       ⋮
//!   └───────────┘
//! ```
//!
//! All patches of a batch would take as many times its memory as the window has taps; they are made a block of positions
//! at a time, which stays in the cache.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use std::ops::Range;

use super::backend::Kernel;
use super::{Element, Geometry, Simd};

/// Which part of the patches: some channels, some taps.
#[derive(Debug, Clone)]
pub(crate) struct Patches {
    pub(crate) geometry: Geometry,
    /// The channels of a group.
    pub(crate) channels: Range<usize>,
    /// Taps of the window, row by row.
    pub(crate) taps: Range<usize>,
}

impl Patches {
    /// The elements of a patch.
    pub(crate) fn len(&self) -> usize {
        self.taps.len() * self.channels.len()
    }

    /// Writes the patches of some positions of a batch; padding is zero.
    pub(crate) fn gather<T: Element>(&self, images: &[T], positions: Range<usize>, patches: &mut [T]) {
        assert_eq!(patches.len(), positions.len() * self.len(), "a matrix of another size");
        super::run(Gather { patches: self, images, positions, to: patches });
    }

    /// Adds the patches of some positions of a batch onto its images; what lies in the padding is lost.
    pub(crate) fn scatter<T: Element>(&self, patches: &[T], positions: Range<usize>, images: &mut [T]) {
        assert_eq!(patches.len(), positions.len() * self.len(), "a matrix of another size");
        super::run(Scatter { patches: self, images, positions, from: patches });
    }

    /// Calls `visit` with each run of a patch and where in the images it begins, or nothing where it is padding. Runs
    /// come in the order of positions, and in a patch in order.
    #[inline(always)]
    fn runs(&self, positions: Range<usize>, mut visit: impl FnMut(Range<usize>, Option<usize>)) {
        let Geometry { rows, columns, channels: all_channels } = self.geometry;
        let channels = self.channels.len();
        // A row of the window is one run where its taps lie side by side with all their channels.
        let is_dense = columns.dilation == 1 && channels == all_channels;
        let mut place = 0;
        for position in positions {
            let (line, column) = (position / columns.outputs, position % columns.outputs);
            let (image, row) = (line / rows.outputs, line % rows.outputs);
            let (inside_rows, inside) = (rows.taps(row), columns.taps(column));
            let mut tap = self.taps.start;
            while tap < self.taps.end {
                let (row_tap, first) = (tap / columns.kernel, tap % columns.kernel);
                let last = columns.kernel.min(first + self.taps.end - tap);
                tap += last - first;
                let mut run = |taps: Range<usize>, start: Option<usize>| {
                    if !taps.is_empty() {
                        let end = place + taps.len() * channels;
                        visit(place..end, start);
                        place = end;
                    }
                };
                if !inside_rows.contains(&row_tap) {
                    run(first..last, None);
                    continue;
                }
                let line = (image * rows.inputs + rows.input(row, row_tap)) * columns.inputs;
                let start = |tap| (line + columns.input(column, tap)) * all_channels + self.channels.start;
                let inside = inside.start.clamp(first, last)..inside.end.clamp(first, last);
                run(first..inside.start, None);
                if is_dense {
                    run(inside.clone(), Some(if inside.is_empty() { 0 } else { start(inside.start) }));
                } else {
                    inside.clone().for_each(|tap| run(tap..tap + 1, Some(start(tap))));
                }
                run(inside.end..last, None);
            }
        }
    }
}

struct Gather<'a, T> {
    patches: &'a Patches,
    images: &'a [T],
    positions: Range<usize>,
    to: &'a mut [T],
}

impl<T: Element> Kernel<T> for Gather<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let Self { patches, images, positions, to } = self;
        patches.runs(positions, |place, start| {
            let to = &mut to[place];
            match start {
                Some(start) => copy(simd, &images[start..][..to.len()], to),
                None => to.fill(T::zero()),
            }
        });
    }
}

/// to ← from. Runs are short, often a few numbers: the call of a copy for any length would take most of the time.
#[inline(always)]
fn copy<T: Element, S: Simd<T>>(simd: S, from: &[T], to: &mut [T]) {
    let ((from, from_rest), (to, to_rest)) = (S::split(from), S::split_mut(to));
    for (from, to) in from.iter().zip(to) {
        simd.store(simd.load(from), to);
    }
    let (from, to) = (from_rest.chunks_exact(4), to_rest.chunks_exact_mut(4));
    let from_rest = from.remainder();
    let mut rest = 0;
    for (from, to) in from.zip(to) {
        to.copy_from_slice(from);
        rest += 4;
    }
    for (from, to) in from_rest.iter().zip(&mut to_rest[rest..]) {
        *to = *from;
    }
}

struct Scatter<'a, T> {
    patches: &'a Patches,
    images: &'a mut [T],
    positions: Range<usize>,
    from: &'a [T],
}

impl<T: Element> Kernel<T> for Scatter<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let Self { patches, images, positions, from } = self;
        patches.runs(positions, |place, start| {
            if let Some(start) = start {
                let (from, from_rest) = S::split(&from[place.clone()]);
                let (to, to_rest) = S::split_mut(&mut images[start..][..place.len()]);
                for (from, to) in from.iter().zip(to) {
                    simd.store(simd.add(simd.load(to), simd.load(from)), to);
                }
                to_rest.iter_mut().zip(from_rest).for_each(|(to, &from)| *to += from);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Axis;

    fn axis(inputs: usize, kernel: usize, stride: usize, dilation: usize, border: Option<usize>) -> Axis {
        Axis::new(inputs, kernel, stride, dilation, border).unwrap()
    }

    /// Element of an image, or 0 outside of it: the definition.
    fn pixel(
        geometry: &Geometry,
        images: &[f64],
        image: usize,
        place: [isize; 2],
        channel: usize,
    ) -> Option<usize> {
        let [row, column] = place.map(|place| usize::try_from(place).ok());
        let (row, column) = (row?, column?);
        let inside = row < geometry.rows.inputs && column < geometry.columns.inputs;
        let index =
            ((image * geometry.rows.inputs + row) * geometry.columns.inputs + column) * geometry.channels;
        assert!(!inside || index + channel < images.len());
        inside.then_some(index + channel)
    }

    #[test]
    fn patches_are_what_the_window_sees() {
        for (stride, dilation, border) in [(1, 1, Some(0)), (2, 1, Some(1)), (1, 2, None), (3, 2, Some(2))] {
            let geometry = Geometry {
                rows: axis(7, 3, stride, dilation, border),
                columns: axis(6, 2, 1, dilation, border),
                channels: 5,
            };
            let images: Vec<f64> = (0..2 * 7 * 6 * 5).map(|i| f64::from(i) + 1.0).collect();
            let all = 2 * geometry.rows.outputs * geometry.columns.outputs;
            for (channels, taps) in [(0..5, 0..6), (1..3, 0..6), (0..5, 1..4), (4..5, 5..6)] {
                let patches = Patches { geometry, channels: channels.clone(), taps: taps.clone() };
                for positions in [0..all, 3..all - 2, 4..5] {
                    let mut gathered = vec![f64::NAN; positions.len() * patches.len()];
                    patches.gather(&images, positions.clone(), &mut gathered);
                    let mut scattered = vec![0.5; images.len()];
                    patches.scatter(&gathered, positions.clone(), &mut scattered);
                    let mut expected = vec![0.5; images.len()];
                    let mut values = gathered.into_iter();
                    for position in positions.clone() {
                        let (line, column) =
                            (position / geometry.columns.outputs, position % geometry.columns.outputs);
                        let (image, row) = (line / geometry.rows.outputs, line % geometry.rows.outputs);
                        for tap in taps.clone() {
                            let place = [
                                (row * stride + tap / 2 * dilation).cast_signed()
                                    - geometry.rows.before.cast_signed(),
                                (column + tap % 2 * dilation).cast_signed()
                                    - geometry.columns.before.cast_signed(),
                            ];
                            for channel in channels.clone() {
                                let pixel = pixel(&geometry, &images, image, place, channel);
                                let value = pixel.map_or(0.0, |pixel| images[pixel]);
                                assert_eq!(values.next(), Some(value), "{geometry:?} at {position}, {tap}");
                                if let Some(pixel) = pixel {
                                    expected[pixel] += value;
                                }
                            }
                        }
                    }
                    assert_eq!(scattered, expected);
                }
            }
        }
    }
}
