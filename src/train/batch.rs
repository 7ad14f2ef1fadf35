//! A batch of a data set.

use super::inputs::Inputs;
use super::weighted::Answers;
use super::{Dataset, numbers::Numbers};
use crate::kernels::Buffer;
use crate::losses::Target;
use crate::{Parallelism, Result, Scalar, Shape, TensorView};

/// A batch of samples picked from a data set, in memory that is used again and again.
#[derive(Debug, Default)]
pub(super) struct Batch<T> {
    samples: usize,
    inputs: Buffer<T>,
    classes: Vec<usize>,
    values: Buffer<T>,
    weights: Vec<f64>,
}

impl<T: Scalar> Batch<T> {
    /// Brings these samples together. What is in memory was looked at before; what is made here has to be such numbers.
    pub(super) fn fill(
        &mut self,
        data: &Dataset<'_, T>,
        samples: &[usize],
        numbers: Numbers,
        parallelism: Parallelism,
    ) -> Result<()> {
        let sample = data.sample();
        data.inputs().gather(samples, sample.len(), parallelism, &mut self.inputs)?;
        if matches!(data.inputs(), Inputs::Source(_)) {
            numbers.check_batch(batch_view(&self.inputs, sample, samples.len())?, samples)?;
        }
        match data.target() {
            Target::Classes(classes) => {
                self.classes.clear();
                self.classes.extend(samples.iter().map(|&sample| classes[sample]));
            }
            Target::Values(values) => {
                let len = values.sample_len();
                Inputs::Values(values).gather(samples, len, parallelism, &mut self.values)?;
            }
        }
        self.weights.clear();
        if data.weights().is_some() {
            self.weights.extend(samples.iter().map(|&sample| data.weight(sample)));
        }
        self.samples = samples.len();
        Ok(())
    }

    /// The samples that it was filled with from this data set.
    pub(super) fn view(&self, data: &Dataset<'_, T>) -> Result<(TensorView<'_, T>, Answers<'_, T>)> {
        let target = match data.target() {
            Target::Classes(_) => Target::Classes(&self.classes),
            Target::Values(values) => {
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
