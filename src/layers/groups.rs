//! Groups of channels that are normalised together, each sample for itself.

use super::samples::by_samples;
use crate::kernels::Parallelism;
use crate::scalar::sum;
use crate::{Scalar, Shape};

/// How the numbers of a sample are grouped: those of so many channels beside each other, at all places.
#[derive(Clone, Copy)]
pub(super) struct Groups {
    channels: usize,
    count: usize,
    /// The numbers of a sample.
    sample: usize,
}

/// The normalised numbers: x̂ = (x − mean)·inverse, with the numbers of their groups.
#[derive(Clone, Copy)]
pub(super) struct Normalised<'a, T> {
    pub(super) x: &'a [T],
    /// Of each group of each sample, what [`Groups::measure`] leaves.
    pub(super) measures: &'a [T],
    pub(super) parallelism: Parallelism,
}

/// An element goes through memory twice to be measured, and so do two that are multiplied.
const READ: usize = 2;

impl Groups {
    /// Of samples of this shape, whose last axis is channels.
    pub(super) fn new(sample: &Shape, channels: usize, groups: usize) -> Self {
        Self { channels, count: groups, sample: sample.len() }
    }

    /// How many numbers [`Groups::measure`] leaves of a batch.
    pub(super) fn measures(self, batch: usize) -> usize {
        2 * self.count * batch
    }

    /// The channels of a group.
    fn width(self) -> usize {
        self.channels / self.count
    }

    /// The numbers of a group in something that is laid out as a sample.
    fn of_group<T>(self, group: usize, sample: &[T]) -> impl Iterator<Item = &T> {
        let start = group * self.width();
        sample.chunks_exact(self.channels).flat_map(move |place| &place[start..][..self.width()])
    }

    /// Leaves the mean of each group of each sample and 1/√(variance + ε), one behind the other.
    pub(super) fn measure<T: Scalar>(
        self,
        x: &[T],
        epsilon: f64,
        measures: &mut [T],
        parallelism: Parallelism,
    ) {
        let each = 2 * self.count;
        let numbers = (self.sample / self.count) as f64;
        by_samples(parallelism, READ * x.len(), measures, each, |first, measures| {
            let samples = x[first * self.sample..].chunks_exact(self.sample);
            for (measures, x) in measures.chunks_exact_mut(each).zip(samples) {
                for (group, measures) in measures.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                    let values = || self.of_group(group, x).map(|x| x.as_f64());
                    let mean = values().sum::<f64>() / numbers;
                    let variance = values().map(|x| (x - mean) * (x - mean)).sum::<f64>() / numbers;
                    *measures = [T::of(mean), T::of((variance + epsilon).sqrt().recip())];
                }
            }
        });
    }

    /// to ← f(to, x̂, index of the channel).
    pub(super) fn each<T: Scalar>(
        self,
        normalised: Normalised<'_, T>,
        to: &mut [T],
        f: impl Fn(T, T, usize) -> T + Sync,
    ) {
        let Normalised { x, measures, parallelism } = normalised;
        by_samples(parallelism, READ * x.len(), to, self.sample, |first, to| {
            let x = x[first * self.sample..].chunks_exact(self.sample);
            let measures = measures[2 * first * self.count..].chunks_exact(2 * self.count);
            for (to, (x, measures)) in to.chunks_exact_mut(self.sample).zip(x.zip(measures)) {
                let places = to.chunks_exact_mut(self.channels).zip(x.chunks_exact(self.channels));
                for (to, x) in places {
                    let groups = to.chunks_exact_mut(self.width()).zip(x.chunks_exact(self.width()));
                    let measures = measures.as_chunks::<2>().0;
                    for (group, ((to, x), &[mean, inverse])) in groups.zip(measures).enumerate() {
                        for (place, (to, &x)) in to.iter_mut().zip(x).enumerate() {
                            *to = f(*to, (x - mean) * inverse, group * self.width() + place);
                        }
                    }
                }
            }
        });
    }

    /// With g = dy·weight and means over a group: dx = (g − mean(g) − x̂·mean(g·x̂)) / √(variance + ε).
    pub(super) fn input_gradient<T: Scalar>(
        self,
        normalised: Normalised<'_, T>,
        dy: &[T],
        weight: Option<&[T]>,
        dx: &mut [T],
    ) {
        let Normalised { x, measures, parallelism } = normalised;
        let numbers = (self.sample / self.count) as f64;
        let weight_of = |channel: usize| weight.map_or(T::one(), |weight| weight[channel]);
        by_samples(parallelism, 4 * x.len(), dx, self.sample, |first, dx| {
            let samples = x[first * self.sample..].chunks_exact(self.sample);
            let samples = samples.zip(dy[first * self.sample..].chunks_exact(self.sample));
            let measures = measures[2 * first * self.count..].chunks_exact(2 * self.count);
            for (dx, ((x, dy), measures)) in dx.chunks_exact_mut(self.sample).zip(samples.zip(measures)) {
                for (group, &[mean, inverse]) in measures.as_chunks::<2>().0.iter().enumerate() {
                    let channels = (group * self.width()..(group + 1) * self.width()).cycle();
                    let terms = || {
                        let pairs = self.of_group(group, x).zip(self.of_group(group, dy));
                        let terms = pairs.zip(channels.clone());
                        terms.map(|((&x, &dy), channel)| ((x - mean) * inverse, dy * weight_of(channel)))
                    };
                    let shift = T::of(sum(terms().map(|(_, g)| g)) / numbers);
                    let slope = T::of(sum(terms().map(|(x, g)| x * g)) / numbers);
                    let start = group * self.width();
                    let places = dx.chunks_exact_mut(self.channels);
                    let dx = places.flat_map(|place| &mut place[start..][..self.width()]);
                    for (dx, (x, g)) in dx.zip(terms()) {
                        *dx = (g - shift - x * slope) * inverse;
                    }
                }
            }
        });
    }
}
