//! Groups of channels that are normalised together, each sample for itself.
//!
//! What a group adds up are the sums of its channels over all places, so that a sample is read as it lies.

use crate::kernels::{ColumnMap, ColumnSums, Parallelism, Split, split_work};
#[cfg(not(feature = "std"))]
use crate::prelude::*;
use crate::{Scalar, Shape};

/// How the numbers of a sample are grouped: those of so many channels beside each other, at all places.
#[derive(Clone, Copy)]
pub(super) struct Groups {
    channels: usize,
    count: usize,
    /// The numbers of a sample.
    sample: usize,
    epsilon: f64,
}

/// The numbers of samples that a pass leaves: what it computes, what it keeps of each, and room.
struct Samples<'a, T> {
    first: usize,
    /// y, or dx where it is wanted.
    to: &'a mut [T],
    kept: &'a mut [T],
    scratch: &'a mut [T],
    /// How many numbers each of them has of a sample.
    sizes: [usize; 3],
}

impl<T: Send> Split for Samples<'_, T> {
    fn len(&self) -> usize {
        self.kept.len() / self.sizes[1]
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let [to, kept, scratch] = self.sizes.map(|size| size * middle);
        let (to, to_right) = self.to.split_at_mut(to);
        let (kept, kept_right) = self.kept.split_at_mut(kept);
        let (scratch, scratch_right) = self.scratch.split_at_mut(scratch);
        let (first, sizes) = (self.first, self.sizes);
        let right =
            Self { first: first + middle, to: to_right, kept: kept_right, scratch: scratch_right, sizes };
        (Self { first, to, kept, scratch, sizes }, right)
    }
}

impl<T: Scalar> Samples<'_, T> {
    /// Calls `work` with the number of each sample and its parts. Where there are fewer samples than threads, those share each
    /// of them.
    fn each(
        self,
        elements: usize,
        parallelism: Parallelism,
        work: impl Fn(usize, [&mut [T]; 3], Parallelism) + Sync,
    ) {
        /// An element goes through memory some three times, and each takes as long as eight multiply-adds.
        const WORK: u64 = 24;
        let pieces = parallelism.pieces(WORK * elements as u64);
        let (pieces, inside) =
            if pieces > Split::len(&self) { (1, parallelism) } else { (pieces, Parallelism::Threads(1)) };
        split_work(self, 1, pieces, &|samples: Samples<'_, T>| {
            let Samples { first, to, kept, scratch, sizes: [each_to, each_kept, each_scratch] } = samples;
            let mut to = to.chunks_exact_mut(each_to.max(1));
            let parts = kept.chunks_exact_mut(each_kept).zip(scratch.chunks_exact_mut(each_scratch));
            for (sample, (kept, scratch)) in (first..).zip(parts) {
                work(sample, [to.next().unwrap_or(&mut []), kept, scratch], inside);
            }
        });
    }
}

/// How many numbers of each channel the scratch of a sample has beside that of two sums.
const COLUMNS: usize = 4;

impl Groups {
    /// Of samples of this shape, whose last axis is channels.
    pub(super) fn new(sample: &Shape, channels: usize, groups: usize, epsilon: f64) -> Self {
        Self { channels, count: groups, sample: sample.len(), epsilon }
    }

    /// How many numbers [`Groups::forward`] leaves of a batch.
    pub(super) fn measures(self, batch: usize) -> usize {
        2 * self.count * batch
    }

    /// The scratch of a pass over a batch.
    pub(super) fn scratch<T: Scalar>(self, batch: usize) -> usize {
        batch * self.scratch_of_sample::<T>()
    }

    /// How many numbers [`Groups::backward`] leaves of a batch.
    pub(super) fn sums(self, batch: usize) -> usize {
        2 * self.channels * batch
    }

    fn scratch_of_sample<T: Scalar>(self) -> usize {
        let sums = ColumnSums::<T, ()>::scratch::<2>(self.sample / self.channels, self.channels);
        COLUMNS * self.channels + sums
    }

    /// The channels of a group.
    fn width(self) -> usize {
        self.channels / self.count
    }

    /// The numbers that are normalised together.
    fn numbers(self) -> f64 {
        (self.sample / self.count) as f64
    }

    /// The group that this channel is the last of, and its channels.
    fn ended_by(self, channel: usize) -> Option<(usize, core::ops::Range<usize>)> {
        let end = channel + 1;
        end.is_multiple_of(self.width()).then(|| (channel / self.width(), end - self.width()..end))
    }

    /// y = (x − mean) / √(variance + ε), times the weight and plus the bias where there are any. Leaves the mean of each group of
    /// each sample and 1/√(variance + ε), one behind the other, in `measures`.
    pub(super) fn forward<T: Scalar>(
        self,
        x: &[T],
        affine: Option<[&[T]; 2]>,
        y: &mut [T],
        [measures, scratch]: [&mut [T]; 2],
        parallelism: Parallelism,
    ) {
        let sizes = [self.sample, 2 * self.count, self.scratch_of_sample::<T>()];
        let samples = Samples { first: 0, to: y, kept: measures, scratch, sizes };
        samples.each(x.len(), parallelism, |sample, [y, measures, scratch], parallelism| {
            let x = &x[sample * self.sample..][..self.sample];
            let (columns, scratch) = scratch.split_at_mut(COLUMNS * self.channels);
            self.measure(x, measures, [&mut columns[..self.channels], scratch], parallelism);
            let (mean, rest) = columns.split_at_mut(self.channels);
            let (scale, rest) = rest.split_at_mut(self.channels);
            let bias = &mut rest[..self.channels];
            for channel in 0..self.channels {
                let group = channel / self.width();
                let [weight, added] =
                    affine.map_or([T::one(), T::zero()], |affine| affine.map(|values| values[channel]));
                mean[channel] = measures[2 * group];
                scale[channel] = T::of(measures[2 * group + 1].as_f64() * weight.as_f64());
                bias[channel] = added;
            }
            // x·scale + (bias − mean·scale) would lose digits where the mean is large beside the deviation.
            let map = ColumnMap {
                first: x,
                second: x,
                columns: [mean, scale, bias],
                map: |x, _, [mean, scale, bias]: [T; 3]| (x - mean) * scale + bias,
                parallelism,
            };
            map.run(y);
        });
    }

    fn measure<T: Scalar>(
        self,
        x: &[T],
        measures: &mut [T],
        [center, scratch]: [&mut [T]; 2],
        parallelism: Parallelism,
    ) {
        let (numbers, mut total) = (self.numbers(), 0.0);
        // The numbers of the column are not looked at.
        let unused = &x[..self.channels];
        let sums = ColumnSums { first: x, second: x, column: unused, term: |x: T, _, _| [x], parallelism };
        sums.run(scratch, |channel, [sum]| {
            total += sum;
            if let Some((_, channels)) = self.ended_by(channel) {
                center[channels].fill(T::of(total / numbers));
                total = 0.0;
            }
        });
        // What the rounding of that mean and of its sum left comes out beside the squares.
        let term = |x: T, _, center: T| {
            let off = x - center;
            [off, off * off]
        };
        let mut totals = [0.0; 2];
        let sums = ColumnSums { first: x, second: x, column: &*center, term, parallelism };
        sums.run(scratch, |channel, [off, square]| {
            totals = [totals[0] + off, totals[1] + square];
            if let Some((group, _)) = self.ended_by(channel) {
                let [off, square] = totals.map(|total| total / numbers);
                let square = square - off * off;
                // A NaN stays one, which a largest number of the two would not.
                let variance = if square < 0.0 { 0.0 } else { square };
                let inverse = (variance + self.epsilon).sqrt().recip();
                measures[2 * group] = T::of(center[channel].as_f64() + off);
                measures[2 * group + 1] = T::of(inverse);
                totals = [0.0; 2];
            }
        });
    }

    /// With g = dy·weight and means over a group: dx = (g − mean(g) − x̂·mean(g·x̂)) / √(variance + ε), where `dx` has room for it.
    /// Leaves the sums of dy and of dy·x̂ over the places of each channel of each sample: first one, then the other of all
    /// channels.
    pub(super) fn backward<T: Scalar>(
        self,
        [x, dy, measures]: [&[T]; 3],
        weight: Option<&[T]>,
        dx: &mut [T],
        [sums, scratch]: [&mut [T]; 2],
        parallelism: Parallelism,
    ) {
        let each_dx = if dx.is_empty() { 0 } else { self.sample };
        let sizes = [each_dx, 2 * self.channels, self.scratch_of_sample::<T>()];
        let samples = Samples { first: 0, to: dx, kept: sums, scratch, sizes };
        samples.each(x.len(), parallelism, |sample, [dx, kept, scratch], parallelism| {
            let here = sample * self.sample..(sample + 1) * self.sample;
            let (x, dy) = (&x[here.clone()], &dy[here]);
            let measures = measures[2 * self.count * sample..].as_chunks::<2>().0;
            let (columns, scratch) = scratch.split_at_mut(COLUMNS * self.channels);
            let (mean, columns) = columns.split_at_mut(self.channels);
            mean.iter_mut().zip(0..).for_each(|(mean, channel)| *mean = measures[channel / self.width()][0]);
            let (scale, columns) = columns.split_at_mut(self.channels);
            let (slope, shift) = columns.split_at_mut(self.channels);
            let weight_of = |channel: usize| weight.map_or(1.0, |weight| weight[channel].as_f64());
            let (bias_sums, weight_sums) = kept.split_at_mut(self.channels);
            let (numbers, mut totals) = (self.numbers(), [0.0; 2]);
            let term = |dy: T, x: T, mean: T| [dy, dy * (x - mean)];
            let sums = ColumnSums { first: dy, second: x, column: &*mean, term, parallelism };
            sums.run(scratch, |channel, [sum, product]| {
                let inverse = measures[channel / self.width()][1].as_f64();
                let product = product * inverse;
                (bias_sums[channel], weight_sums[channel]) = (T::of(sum), T::of(product));
                let weight = weight_of(channel);
                totals = [totals[0] + weight * sum, totals[1] + weight * product];
                if let Some((_, channels)) = self.ended_by(channel) {
                    let [sum, product] = totals.map(|total| -inverse * (total / numbers));
                    shift[channels.clone()].fill(T::of(sum));
                    slope[channels].fill(T::of(product * inverse));
                    totals = [0.0; 2];
                }
                scale[channel] = T::of(weight * inverse);
            });
            if !dx.is_empty() {
                let map = ColumnMap {
                    first: dy,
                    second: x,
                    columns: [mean, scale, slope, shift],
                    map: |dy, x, [mean, scale, slope, shift]: [T; 4]| {
                        dy * scale + ((x - mean) * slope + shift)
                    },
                    parallelism,
                };
                map.run(dx);
            }
        });
    }
}
