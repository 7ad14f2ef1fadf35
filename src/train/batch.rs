//! A batch of a data set.

use super::augment::Augment;
use super::inputs::{Inputs, in_sample};
use super::weighted::Answers;
use super::{Dataset, numbers::Numbers};
use crate::kernels::Buffer;
use crate::layers::RandomKey;
use crate::losses::Target;
use crate::{Parallelism, Result, Scalar, Shape, TensorView, TensorViewMut};

/// A batch of samples picked from a data set, in memory that is used again and again.
#[derive(Debug, Default)]
pub(super) struct Batch<T> {
    samples: usize,
    inputs: Buffer<T>,
    classes: Vec<usize>,
    values: Buffer<T>,
    /// What a teacher says, with labels behind it where there are any.
    taught: Buffer<T>,
    weights: Vec<f64>,
    /// A sample's worth, for augmentations.
    scratch: Vec<T>,
}

/// What batches are made of.
#[derive(Clone, Copy)]
pub(super) struct Recipe<'a, 'd, T: Scalar> {
    pub(super) data: &'a Dataset<'d, T>,
    /// What numbers the inputs have to be. What is in memory was looked at before.
    pub(super) numbers: Numbers,
    /// The key of an epoch, where samples are augmented.
    pub(super) random: Option<RandomKey>,
    pub(super) parallelism: Parallelism,
}

impl<'d, T: Scalar> Recipe<'_, 'd, T> {
    /// Whether there is more to do than to copy what is in memory.
    pub(super) fn takes_time(&self) -> bool {
        matches!(self.data.inputs(), Inputs::Source(..)) || self.augmentation().is_some()
    }

    fn augmentation(&self) -> Option<(&'d dyn Augment<T>, RandomKey)> {
        self.data.augmentation().zip(self.random)
    }
}

impl<T: Scalar> Batch<T> {
    /// Brings these samples together.
    pub(super) fn fill(&mut self, recipe: &Recipe<'_, '_, T>, samples: &[usize]) -> Result<()> {
        self.samples = samples.len();
        // A rank has no part of some batches.
        if samples.is_empty() {
            return Ok(());
        }
        let &Recipe { data, numbers, parallelism, .. } = recipe;
        let sample = data.sample();
        data.inputs().gather(samples, sample.len(), parallelism, &mut self.inputs)?;
        if let Some((augmentation, random)) = recipe.augmentation() {
            self.scratch.resize(sample.len(), T::zero());
            for (row, &number) in samples.iter().enumerate() {
                let values = &mut self.inputs[row * sample.len()..][..sample.len()];
                let values = TensorViewMut::trusted(sample, values);
                let done = augmentation.augment(values, &mut self.scratch, random.layer(number));
                done.map_err(|error| in_sample(error, number))?;
            }
        }
        if recipe.takes_time() {
            numbers.check_batch(batch_view(&self.inputs, sample, samples.len())?, samples)?;
        }
        match data.target() {
            _ if !data.has_labels() => {}
            Target::Classes(classes) => {
                self.classes.clear();
                self.classes.extend(samples.iter().map(|&sample| classes[sample]));
            }
            Target::Values(values) => {
                let len = values.sample_len();
                Inputs::Values(values).gather(samples, len, parallelism, &mut self.values)?;
            }
        }
        if let Some(teacher) = data.teacher() {
            let target = teacher.target(data.has_labels());
            let len = samples.len() * target.len();
            if self.taught.len() < len {
                self.taught = Buffer::zeroed(len);
            }
            let x = batch_view(&self.inputs, sample, samples.len())?;
            let to = &mut self.taught[..len];
            match data.target() {
                _ if !data.has_labels() => teacher.write(x, to)?,
                Target::Classes(_) => teacher.write_with_labels(x, Target::Classes(&self.classes), to)?,
                Target::Values(values) => {
                    let (_, shares) = values.shape().split_batch().expect("there is an axis of samples");
                    let labels = batch_view(&self.values, shares, samples.len())?;
                    teacher.write_with_labels(x, Target::Values(labels), to)?;
                }
            }
        }
        self.weights.clear();
        if data.weights().is_some() {
            self.weights.extend(samples.iter().map(|&sample| data.weight(sample)));
        }
        Ok(())
    }

    /// The samples that it was filled with from this data set.
    pub(super) fn view(&self, data: &Dataset<'_, T>) -> Result<(TensorView<'_, T>, Answers<'_, T>)> {
        let target = match (data.teacher(), data.target()) {
            (Some(teacher), _) => {
                let target = teacher.target(data.has_labels());
                Target::Values(batch_view(&self.taught, target, self.samples)?)
            }
            (None, Target::Classes(_)) => Target::Classes(&self.classes),
            (None, Target::Values(values)) => {
                let (_, sample) = values.shape().split_batch().expect("there is an axis of samples");
                Target::Values(batch_view(&self.values, sample, self.samples)?)
            }
        };
        let weights = data.weights().map(|_| &self.weights[..]);
        Ok((batch_view(&self.inputs, data.sample(), self.samples)?, Answers { target, weights }))
    }
}

fn batch_view<T: Scalar>(values: &[T], sample: Shape, batch: usize) -> Result<TensorView<'_, T>> {
    TensorView::new(sample.with_batch(batch)?, &values[..batch * sample.len()])
}
