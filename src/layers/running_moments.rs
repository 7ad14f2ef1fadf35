//! Mean and variance of numbers that come one sample after the other.

use crate::prelude::*;
use crate::{Scalar, Shape};

/// The mean and the variance of each index of the last axis, over all other axes and all samples so far, in double precision
/// (Chan, Golub and `LeVeque`, 1979).
#[derive(Debug)]
pub(crate) struct RunningMoments {
    /// How much has come, where each number of a sample counts as much as the sample weighs.
    count: f64,
    mean: Vec<f64>,
    /// The sums of the squares of what numbers are off the mean.
    squares: Vec<f64>,
    /// The same of one sample.
    sample_mean: Vec<f64>,
    sample_squares: Vec<f64>,
}

impl RunningMoments {
    /// Of samples of this shape, none so far; `None` for a shape without axes.
    pub(crate) fn new(sample: Shape) -> Option<Self> {
        let zeros = vec![0.0; *sample.axes().last()?];
        let [mean, squares, sample_mean, sample_squares] =
            [const { Vec::new() }; 4].map(|_: Vec<f64>| zeros.clone());
        Some(Self { count: 0.0, mean, squares, sample_mean, sample_squares })
    }

    /// Takes a sample of this weight into account.
    pub(crate) fn add<T: Scalar>(&mut self, sample: &[T], weight: f64) {
        let Self { count, mean, squares, sample_mean, sample_squares } = self;
        // Without features there are no numbers either.
        let channels = sample_mean.len().max(1);
        let rows = || sample.chunks_exact(channels);
        let places = rows().len() as f64;
        if weight * places == 0.0 {
            return;
        }
        sample_mean.fill(0.0);
        for row in rows() {
            sample_mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x.as_f64());
        }
        sample_mean.iter_mut().for_each(|mean| *mean /= places);
        sample_squares.fill(0.0);
        for row in rows() {
            for (squares, (x, mean)) in sample_squares.iter_mut().zip(row.iter().zip(&*sample_mean)) {
                *squares += (x.as_f64() - mean).powi(2);
            }
        }
        let (before, more) = (*count, weight * places);
        *count += more;
        let share = more / *count;
        for index in 0..mean.len() {
            let off = sample_mean[index] - mean[index];
            mean[index] += off * share;
            squares[index] += weight * sample_squares[index] + off * off * before * share;
        }
    }

    /// Mean and variance, of all and not of a sample (divided by n); `None` where nothing has counted.
    pub(crate) fn finish(mut self) -> Option<(Vec<f64>, Vec<f64>)> {
        let count = Some(self.count).filter(|&count| count > 0.0)?;
        self.squares.iter_mut().for_each(|squares| *squares /= count);
        Some((self.mean, self.squares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_two_passes_over_all() {
        let number = |i: usize| 1e6 + ((i * 37 + 11) % 101) as f64;
        let (samples, places, channels) = (20, 6, 3);
        let numbers: Vec<f64> = (0..samples * places * channels).map(number).collect();
        let mut moments = RunningMoments::new([2, 3, channels].into()).unwrap();
        let weight = |sample: usize| (sample % 4) as f64;
        for (sample, numbers) in numbers.chunks(places * channels).enumerate() {
            moments.add(numbers, weight(sample));
        }
        let (mean, variance) = moments.finish().unwrap();
        for channel in 0..channels {
            let weighted = |value: &dyn Fn(f64) -> f64| {
                let (mut sum, mut count) = (0.0, 0.0);
                for (place, &number) in numbers.iter().enumerate().skip(channel).step_by(channels) {
                    let weight = weight(place / (places * channels));
                    (sum, count) = (sum + weight * value(number), count + weight);
                }
                sum / count
            };
            let expected = weighted(&|x| x);
            approx::assert_relative_eq!(mean[channel], expected, max_relative = 1e-13);
            let expected = weighted(&|x| (x - expected).powi(2));
            approx::assert_relative_eq!(variance[channel], expected, max_relative = 1e-10);
        }
    }

    #[test]
    fn nothing_has_no_moments() {
        assert!(RunningMoments::new([].into()).is_none());
        let mut moments = RunningMoments::new([2].into()).unwrap();
        moments.add(&[1.0, 2.0], 0.0);
        assert!(moments.finish().is_none());
    }
}
