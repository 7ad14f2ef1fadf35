//! Data sets: inputs and targets.

use rand::Rng;

use super::Inputs;
use crate::kernels::Buffer;
use crate::losses::Target;
use crate::{Error, Parallelism, Result, Scalar, Shape, TensorView, seeded};

/// Inputs and targets in memory, one of each for every sample.
///
/// Inputs are a tensor, a view, or bytes ([`Pixels`](super::Pixels)).
///
/// ```
/// use taper::{Tensor, train::Dataset};
///
/// let (inputs, labels) = (Tensor::<f32>::zeros([3, 28, 28])?, vec![0, 1, 2]);
/// let data = Dataset::new(&inputs, &labels)?;
/// assert_eq!(data.len(), 3);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Dataset<'a, T> {
    inputs: Inputs<'a, T>,
    target: Target<'a, T>,
}

impl<'a, T: Scalar> Dataset<'a, T> {
    /// A set of these samples.
    ///
    /// # Errors
    /// [`Error::Empty`] where there are none, [`Error::Shape`] where there is no first axis to count them, [`Error::Length`] where there are not as many targets as inputs.
    pub fn new(inputs: impl Into<Inputs<'a, T>>, target: impl Into<Target<'a, T>>) -> Result<Self> {
        let (inputs, target) = (inputs.into(), target.into());
        let Some(&samples) = inputs.shape().axes().first() else {
            return Err(Error::shape("inputs", "with a first axis of samples", inputs.shape()));
        };
        if samples == 0 {
            return Err(Error::Empty { what: "samples of the data set" });
        }
        if let Target::Values(values) = target
            && values.shape().rank() == 0
        {
            return Err(Error::shape("targets", "with a first axis of samples", values.shape()));
        }
        if target.batch() != samples {
            let what = "targets of the data set".into();
            return Err(Error::Length { what, expected: samples, got: target.batch() });
        }
        Ok(Self { inputs, target })
    }

    /// The number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.target.batch()
    }

    /// Never true: a data set has at least one sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The inputs, samples along the first axis.
    #[must_use]
    pub fn inputs(&self) -> Inputs<'a, T> {
        self.inputs
    }

    /// The targets.
    #[must_use]
    pub fn target(&self) -> Target<'a, T> {
        self.target
    }
}

/// A batch of samples picked from a data set, in memory that is used again and again.
#[derive(Debug, Default)]
pub(super) struct Batch<T> {
    samples: usize,
    inputs: Buffer<T>,
    classes: Vec<usize>,
    values: Buffer<T>,
}

impl<T: Scalar> Batch<T> {
    /// Copies these samples together.
    pub(super) fn fill(&mut self, data: &Dataset<'_, T>, samples: &[usize], parallelism: Parallelism) {
        data.inputs.gather(samples, parallelism, &mut self.inputs);
        match data.target {
            Target::Classes(classes) => {
                self.classes.clear();
                self.classes.extend(samples.iter().map(|&sample| classes[sample]));
            }
            Target::Values(values) => {
                Inputs::Values(values).gather(samples, parallelism, &mut self.values);
            }
        }
        self.samples = samples.len();
    }

    /// The samples that it was filled with from this data set.
    pub(super) fn view(&self, data: &Dataset<'_, T>) -> Result<(TensorView<'_, T>, Target<'_, T>)> {
        let target = match data.target {
            Target::Classes(_) => Target::Classes(&self.classes),
            Target::Values(values) => Target::Values(batch_view(&self.values, values.shape(), self.samples)?),
        };
        Ok((batch_view(&self.inputs, data.inputs.shape(), self.samples)?, target))
    }
}

fn batch_view<T: Scalar>(values: &[T], data: Shape, batch: usize) -> Result<TensorView<'_, T>> {
    let (_, sample) = data.split_batch().expect("a data set's tensors have a first axis");
    TensorView::new(sample.with_batch(batch)?, &values[..batch * sample.len()])
}

/// The order of the samples in an epoch: a function of seed and epoch alone, so that an epoch can be gone on with
/// without those before it.
pub(super) fn shuffle(order: &mut Vec<usize>, samples: usize, seed: u64, epoch: u64) {
    order.clear();
    order.extend(0..samples);
    // An odd multiplier keeps different epochs of one seed apart.
    let mut rng = seeded(seed ^ epoch.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    for place in (1..samples).rev() {
        // A product of 64 bits by the length: its upper half is uniform up to 2⁻⁶⁴·length.
        let other = (u128::from(rng.next_u64()) * (place as u128 + 1)) >> 64;
        order.swap(place, other as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(samples: usize, seed: u64, epoch: u64) -> Vec<usize> {
        let mut order = Vec::new();
        shuffle(&mut order, samples, seed, epoch);
        order
    }

    #[test]
    fn an_order_is_a_permutation_that_depends_on_seed_and_epoch() {
        let first = order(100, 7, 0);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(first, order(100, 7, 0));
        assert_ne!(first, order(100, 7, 1));
        assert_ne!(first, order(100, 8, 0));
    }

    #[test]
    fn every_order_is_about_as_frequent() {
        let mut counts = std::collections::HashMap::new();
        for epoch in 0..6000 {
            *counts.entry(order(3, 1, epoch)).or_insert(0_i32) += 1;
        }
        // Six orders; four standard deviations of a count are 4·sqrt(6000·1/6·5/6) = 115.
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|&count| (count - 1000).abs() < 115), "{counts:?}");
    }
}
