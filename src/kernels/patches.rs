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

use core::ops::Range;

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

    /// Visits all elements of the patches of some positions; from one patch to the next are so many elements.
    #[inline(always)]
    pub(super) fn visit(&self, positions: Range<usize>, stride: usize, visitor: &mut impl Visit) {
        let Geometry { rows, columns, channels: all_channels } = self.geometry;
        let channels = self.channels.len();
        // A row of the window is one run where its taps lie side by side with all their channels.
        let is_dense = columns.dilation == 1 && channels == all_channels;
        let mut first = positions.start;
        while first < positions.end {
            // The positions of one row of outputs.
            let (line, start) = (first / columns.outputs, first % columns.outputs);
            let outputs = start..columns.outputs.min(start + positions.end - first);
            let (image, row) = (line / rows.outputs, line % rows.outputs);
            let inside_rows = rows.taps(row);
            // Where a row of outputs has its patches, from a tap on.
            let place = |output: usize, tap: usize| {
                (first - positions.start + output - start) * stride + (tap - self.taps.start) * channels
            };
            let mut tap = self.taps.start;
            while tap < self.taps.end {
                let (row_tap, first_tap) = (tap / columns.kernel, tap % columns.kernel);
                let taps = first_tap..columns.kernel.min(first_tap + self.taps.end - tap);
                // Of this row of the window.
                let base = tap - first_tap;
                tap += taps.len();
                let runs = |outputs: &Range<usize>, taps: Range<usize>| Runs {
                    place: place(outputs.start, base + taps.start),
                    len: taps.len() * channels,
                    count: outputs.len(),
                    stride,
                };
                if !inside_rows.contains(&row_tap) {
                    visitor.padding(runs(&outputs, taps));
                    continue;
                }
                let line = (image * rows.inputs + rows.input(row, row_tap)) * columns.inputs;
                let pixel =
                    |output, tap| (line + columns.input(output, tap)) * all_channels + self.channels.start;
                let step = columns.stride * all_channels;
                let clamp = |inside: Range<usize>| {
                    let start = inside.start.clamp(outputs.start, outputs.end);
                    start..inside.end.clamp(start, outputs.end)
                };
                let mut middle = outputs.end..outputs.end;
                if is_dense {
                    middle = clamp(columns.outputs_inside(taps.clone()));
                    if !middle.is_empty() {
                        visitor.image(runs(&middle, taps.clone()), pixel(middle.start, taps.start), step);
                    }
                }
                // On both sides of the middle, tap by tap.
                for side in [outputs.start..middle.start, middle.end..outputs.end] {
                    if side.is_empty() {
                        continue;
                    }
                    for tap in taps.clone() {
                        let inside = clamp(columns.outputs_inside(tap..tap + 1));
                        let inside =
                            inside.start.clamp(side.start, side.end)..inside.end.clamp(side.start, side.end);
                        for outside in [side.start..inside.start, inside.end..side.end] {
                            if !outside.is_empty() {
                                visitor.padding(runs(&outside, tap..tap + 1));
                            }
                        }
                        if !inside.is_empty() {
                            visitor.image(runs(&inside, tap..tap + 1), pixel(inside.start, tap), step);
                        }
                    }
                }
            }
            first += outputs.len();
        }
    }
}

/// Equal runs of elements of successive patches.
#[derive(Clone, Copy)]
pub(super) struct Runs {
    /// Of the first.
    pub(super) place: usize,
    pub(super) len: usize,
    pub(super) count: usize,
    /// From one to the next.
    pub(super) stride: usize,
}

/// What is done with the elements of patches. Both functions must be `#[inline(always)]`.
pub(super) trait Visit {
    /// Runs that lie outside of the image.
    fn padding(&mut self, runs: Runs);
    /// Runs of which the first is at `start` in the images, and the others `step` from one to the next.
    fn image(&mut self, runs: Runs, start: usize, step: usize);
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
        patches.visit(positions, patches.len(), &mut Gathering { simd, images, to });
    }
}

struct Gathering<'a, T, S> {
    simd: S,
    images: &'a [T],
    to: &'a mut [T],
}

impl<T: Element, S: Simd<T>> Visit for Gathering<'_, T, S> {
    #[inline(always)]
    fn padding(&mut self, runs: Runs) {
        for to in self.to[runs.place..].chunks_mut(runs.stride).take(runs.count) {
            to[..runs.len].iter_mut().for_each(|to| *to = T::zero());
        }
    }

    #[inline(always)]
    fn image(&mut self, runs: Runs, start: usize, step: usize) {
        let (from, to) = (&self.images[start..], &mut self.to[runs.place..]);
        // Of a length that is known, a copy is a few instructions instead of a loop: those of windows of 1, 3, 5 and 7 and
        // pictures of 1 or 3 colours.
        match runs.len {
            1 => copies::<T, 1>(runs, from, step, to),
            3 => copies::<T, 3>(runs, from, step, to),
            5 => copies::<T, 5>(runs, from, step, to),
            7 => copies::<T, 7>(runs, from, step, to),
            9 => copies::<T, 9>(runs, from, step, to),
            15 => copies::<T, 15>(runs, from, step, to),
            21 => copies::<T, 21>(runs, from, step, to),
            len => {
                for run in 0..runs.count {
                    let (from, to) = (&from[run * step..][..len], &mut to[run * runs.stride..][..len]);
                    let ((from, from_rest), (to, to_rest)) = (S::split(from), S::split_mut(to));
                    for (from, to) in from.iter().zip(to) {
                        self.simd.store(self.simd.load(from), to);
                    }
                    to_rest.iter_mut().zip(from_rest).for_each(|(to, &from)| *to = from);
                }
            }
        }
    }
}

/// Copies runs of `LEN` elements.
#[inline(always)]
fn copies<T: Element, const LEN: usize>(runs: Runs, from: &[T], step: usize, to: &mut [T]) {
    for run in 0..runs.count {
        let from = from[run * step..].first_chunk::<LEN>().expect("a run lies inside of the image");
        *to[run * runs.stride..].first_chunk_mut::<LEN>().expect("a run lies inside of its patch") = *from;
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
        patches.visit(positions, patches.len(), &mut Scattering { simd, images, from });
    }
}

struct Scattering<'a, T, S> {
    simd: S,
    images: &'a mut [T],
    from: &'a [T],
}

impl<T: Element, S: Simd<T>> Visit for Scattering<'_, T, S> {
    #[inline(always)]
    fn padding(&mut self, _: Runs) {}

    #[inline(always)]
    fn image(&mut self, runs: Runs, start: usize, step: usize) {
        for run in 0..runs.count {
            let (from, from_rest) = S::split(&self.from[runs.place + run * runs.stride..][..runs.len]);
            let (to, to_rest) = S::split_mut(&mut self.images[start + run * step..][..runs.len]);
            for (from, to) in from.iter().zip(to) {
                self.simd.store(self.simd.add(self.simd.load(to), self.simd.load(from)), to);
            }
            to_rest.iter_mut().zip(from_rest).for_each(|(to, &from)| *to += from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Around, Axis};

    fn axis(inputs: usize, kernel: usize, stride: usize, dilation: usize, border: Option<usize>) -> Axis {
        let around = border.map_or(Around::Same, |border| Around::Zeros { before: border, after: border });
        Axis::new(inputs, kernel, stride, dilation, around, false).unwrap()
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
