//! The outputs of a model for a whole data set.

use crate::losses::Target;
use crate::{Scalar, Shape, TensorView};

/// Outputs and targets, collected batch by batch in memory that is used again.
#[derive(Debug)]
pub(crate) struct Outputs<T> {
    /// The shape of one.
    sample: Shape,
    /// That of one target, where targets are values.
    target: Option<Shape>,
    samples: usize,
    numbers: Vec<T>,
    classes: Vec<usize>,
    values: Vec<T>,
}

impl<T: Scalar> Outputs<T> {
    /// Those of no sample, for a model with such outputs.
    pub(super) fn new(sample: Shape) -> Self {
        let (numbers, classes, values) = (Vec::new(), Vec::new(), Vec::new());
        Self { sample, target: None, samples: 0, numbers, classes, values }
    }

    pub(super) fn clear(&mut self) {
        self.samples = 0;
        self.target = None;
        self.numbers.clear();
        self.classes.clear();
        self.values.clear();
    }

    /// Takes a batch in.
    pub(super) fn add(&mut self, outputs: TensorView<'_, T>, target: Target<'_, T>) {
        self.samples += outputs.batch();
        self.numbers.extend_from_slice(outputs.as_slice());
        match target {
            Target::Classes(classes) => self.classes.extend_from_slice(classes),
            Target::Values(values) => {
                self.target = values.shape().split_batch().map(|(_, sample)| sample);
                self.values.extend_from_slice(values.as_slice());
            }
        }
    }

    pub(super) fn outputs(&self) -> TensorView<'_, T> {
        self.view(self.sample, &self.numbers)
    }

    pub(super) fn target(&self) -> Target<'_, T> {
        match self.target {
            None => Target::Classes(&self.classes),
            Some(sample) => Target::Values(self.view(sample, &self.values)),
        }
    }

    fn view<'a>(&self, sample: Shape, values: &'a [T]) -> TensorView<'a, T> {
        TensorView::trusted(
            sample.with_batch(self.samples).expect("the batches had room for this axis"),
            values,
        )
    }
}
