//! The parts of a loss that is made of several, measured each for itself.

use super::metrics::{ConfusionMatrix, highest};
use super::weighted::Answers;
use crate::losses::{Divisors, Loss, LossPart, PartOfSample, Target};
use crate::sequential::ClassNames;
use crate::{Error, Result, Scalar, TensorView};

/// How well a model does on one part of a loss, as [`Slices`](crate::losses::Slices) has them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PartEvaluation {
    /// The name of the part.
    pub name: String,
    /// Its loss, as it would be alone: not multiplied by its weight.
    pub loss: f64,
    /// Where its targets are classes, the part of the samples whose highest output is that of their class, without what its loss
    /// ignores; none where no sample counts.
    pub accuracy: Option<f64>,
    /// Where its targets are classes, which was taken for which, up to 1000 of them.
    pub confusion: Option<ConfusionMatrix>,
}

/// What each part of a loss comes to, for all outputs and targets at once; nothing for a loss in one piece.
///
/// For a [metric](super::Fit::with_metric) that follows one of several outputs.
///
/// ```
/// use taper::losses::{CrossEntropy, MeanSquaredError, Slices};
/// use taper::{Tensor, train::evaluate_parts};
///
/// let loss = Slices::new().classes("animal", 2, CrossEntropy::new()).values("weight", 1, MeanSquaredError::new());
/// let outputs = Tensor::from([[0.1, 0.9, 3.0], [0.8, 0.2, 4.0]]);
/// let parts = evaluate_parts(&loss, &outputs, &Tensor::from([[1.0, 3.0], [1.0, 6.0]]))?;
/// assert_eq!((parts[0].accuracy, parts[1].loss), (Some(0.5), 2.0));
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # Errors
/// Where outputs and targets do not fit the loss.
pub fn evaluate_parts<'a, 'b, T: Scalar>(
    loss: &dyn Loss<T>,
    outputs: impl Into<TensorView<'a, T>>,
    target: impl Into<Target<'b, T>>,
) -> Result<Vec<PartEvaluation>> {
    let (outputs, target) = (outputs.into(), target.into());
    let mut parts = Parts::new(loss);
    parts.add(outputs, target.into(), loss, &loss.divisors(target))?;
    Ok(parts.finish())
}

/// What there is of the parts, added up over batches.
#[derive(Debug)]
pub(super) struct Parts(Vec<Sums>);

#[derive(Debug)]
struct Sums {
    part: LossPart,
    loss: f64,
    /// What the samples weigh that have a class, and those of them that were right.
    labelled: f64,
    right: f64,
    confusion: Option<ConfusionMatrix>,
}

impl Parts {
    pub(super) fn new<T: Scalar>(loss: &dyn Loss<T>) -> Self {
        let sums = |part: LossPart| {
            let classes = part.outputs.len();
            let confusion = if part.is_classes { ConfusionMatrix::of_few(classes) } else { None };
            Sums { part, loss: 0.0, labelled: 0.0, right: 0.0, confusion }
        };
        Self(loss.parts().into_iter().map(sums).collect())
    }

    /// Names the classes of each part, of the names of all outputs.
    pub(super) fn named(mut self, names: Option<&ClassNames>) -> Self {
        for sums in &mut self.0 {
            let own = names.and_then(|names| names.get(sums.part.outputs.clone()));
            if let (Some(confusion), Some(own)) = (&mut sums.confusion, own) {
                confusion.set_names(own.into());
            }
        }
        self
    }

    /// Adds a batch of a whole with these divisors.
    pub(super) fn add<T: Scalar>(
        &mut self,
        outputs: TensorView<'_, T>,
        answers: Answers<'_, T>,
        loss: &dyn Loss<T>,
        divisors: &Divisors,
    ) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut problem = None;
        loss.each_part(outputs, answers.target, divisors, &mut |told: PartOfSample| {
            if let Some(got) = self.what_is_not_there(&told, outputs) {
                problem.get_or_insert(got);
                return;
            }
            let weight = answers.weights.map_or(1.0, |weights| weights[told.sample]);
            let Some(sums) = self.0.get_mut(told.part).filter(|_| weight != 0.0) else { return };
            sums.loss += weight * told.loss;
            let Some(class) = told.class else { return };
            let predicted = highest(&outputs.sample(told.sample)[sums.part.outputs.clone()]);
            sums.labelled += weight;
            sums.right += if predicted == class { weight } else { 0.0 };
            if let Some(confusion) = &mut sums.confusion {
                confusion.count_one(class, predicted);
            }
        })?;
        let expected = "parts, samples, outputs and classes that are there";
        problem.map_or(Ok(()), |got| Err(Error::setting("parts of the loss", expected, got)))
    }

    /// What a loss tells of a sample that there is not.
    fn what_is_not_there<T: Scalar>(
        &self,
        told: &PartOfSample,
        outputs: TensorView<'_, T>,
    ) -> Option<String> {
        let Some(Sums { part, .. }) = self.0.get(told.part) else {
            return Some(format!("part {} of {}", told.part, self.0.len()));
        };
        if told.sample >= outputs.batch() {
            return Some(format!("sample {} of {}", told.sample, outputs.batch()));
        }
        let (range, count) = (&part.outputs, outputs.sample(told.sample).len());
        if range.start > range.end || range.end > count {
            return Some(format!("outputs {} to {} of {count}", range.start, range.end));
        }
        let class = told.class.filter(|&class| class >= range.len())?;
        Some(format!("class {class} of {}", range.len()))
    }

    /// All sums as numbers, which add up over ranks.
    pub(super) fn counts(&self) -> Vec<f64> {
        let of_part = |sums: &Sums| {
            let confusion =
                sums.confusion.iter().flat_map(ConfusionMatrix::counts).map(|&count| count as f64);
            [sums.loss, sums.labelled, sums.right].into_iter().chain(confusion).collect::<Vec<f64>>()
        };
        self.0.iter().flat_map(of_part).collect()
    }

    /// Takes what [`Parts::counts`] was, added up.
    pub(super) fn set_counts(&mut self, counts: &[f64]) {
        let mut counts = counts.iter().copied();
        for sums in &mut self.0 {
            for sum in [&mut sums.loss, &mut sums.labelled, &mut sums.right] {
                *sum = counts.next().unwrap_or(*sum);
            }
            if let Some(confusion) = &mut sums.confusion {
                let classes = confusion.classes();
                confusion.set_counts(counts.by_ref().take(classes * classes).map(|count| count as u64));
            }
        }
    }

    pub(super) fn finish(self) -> Vec<PartEvaluation> {
        let evaluation = |sums: Sums| {
            let counts = sums.part.is_classes && sums.labelled > 0.0;
            PartEvaluation {
                name: sums.part.name,
                loss: sums.loss,
                accuracy: counts.then(|| sums.right / sums.labelled),
                confusion: sums.confusion,
            }
        };
        self.0.into_iter().map(evaluation).collect()
    }
}
