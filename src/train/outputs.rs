//! The outputs of a model for a whole data set.

use super::Dataset;
use crate::losses::Target;
use crate::{Result, Scalar, Shape, TensorView};

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

    /// Where this rank has taken in the samples at these places of a data set, and others the others: brings all to all ranks, in the
    /// order of the data set.
    pub(super) fn spread(
        &mut self,
        data: &Dataset<'_, T>,
        places: &[usize],
        sum: &mut dyn FnMut(Vec<f64>) -> Result<Vec<f64>>,
    ) -> Result<()> {
        self.samples = data.len();
        self.numbers = spread(&self.numbers, self.sample.len(), (places, data.len()), sum)?;
        self.target = data.target_sample();
        match (self.target, data.target()) {
            (Some(target), _) => {
                self.values = spread(&self.values, target.len(), (places, data.len()), sum)?;
            }
            (None, Target::Classes(classes)) => {
                self.classes = (0..data.len()).map(|place| classes[data.number(place)]).collect();
            }
            (None, Target::Values(_)) => {}
        }
        Ok(())
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

/// So many numbers are brought to all ranks at a time.
const NUMBERS: usize = 1 << 17;

/// Rows of so many numbers, of which this rank has those at these places of so many. Zeros and what one rank has add up to it.
fn spread<T: Scalar>(
    own: &[T],
    columns: usize,
    (places, rows): (&[usize], usize),
    sum: &mut dyn FnMut(Vec<f64>) -> Result<Vec<f64>>,
) -> Result<Vec<T>> {
    let (mut all, mut next) = (Vec::with_capacity(rows * columns), 0);
    let step = (NUMBERS / columns.max(1)).max(1);
    for start in (0..rows).step_by(step) {
        let end = rows.min(start + step);
        let mut numbers = vec![0.0; (end - start) * columns];
        while let Some(place) = places.get(next).filter(|&&place| place < end) {
            let to = &mut numbers[(place - start) * columns..][..columns];
            let from = &own[next * columns..][..columns];
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from.as_f64());
            next += 1;
        }
        all.extend(sum(numbers)?.into_iter().map(T::of));
    }
    Ok(all)
}
