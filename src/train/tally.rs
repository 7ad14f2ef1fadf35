//! Losses and hits, added up over the batches of an epoch.

use super::metrics::{ConfusionMatrix, highest};
use super::weighted::Answers;
use super::{Dataset, Evaluation};
use crate::losses::{Loss, Target};
use crate::{Scalar, Sequential, TensorView};

/// Losses and hits added up over batches.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// The sum of the losses, and what it is divided by: 0 for a loss that is a sum, and where nothing has counted yet.
    pub(crate) loss: f64,
    pub(crate) divisor: f64,
    pub(crate) hits: Option<Hits>,
}

/// What there is of a classifier besides.
#[derive(Debug, Clone)]
pub(crate) struct Hits {
    pub(crate) classes: usize,
    /// What all samples weigh together, and those that were right.
    pub(crate) labelled: f64,
    pub(crate) right: f64,
    pub(crate) confusion: Option<ConfusionMatrix>,
}

impl Tally {
    pub(super) fn new<T: Scalar>(data: &Dataset<'_, T>, model: &Sequential<T>) -> Self {
        let hits = match (data.target(), model.output().axes()) {
            (Target::Classes(_), &[classes]) if data.teacher().is_none() => Some(Hits {
                classes,
                labelled: 0.0,
                right: 0.0,
                confusion: ConfusionMatrix::of_few(classes).map(|mut confusion| {
                    model.class_names().into_iter().for_each(|names| confusion.set_names(names.clone()));
                    confusion
                }),
            }),
            _ => None,
        };
        Self { loss: 0.0, divisor: 0.0, hits }
    }

    /// Adds the loss of a step, or of all, and what it was divided by.
    pub(super) fn add_loss(&mut self, loss: f64, divisor: Option<f64>) {
        self.loss += loss * divisor.unwrap_or(1.0);
        self.divisor += divisor.unwrap_or(0.0);
    }

    /// Counts the hits of a batch, without what the loss leaves out.
    pub(super) fn add_outputs<T: Scalar>(
        &mut self,
        outputs: TensorView<'_, T>,
        answers: Answers<'_, T>,
        loss: &dyn Loss<T>,
    ) {
        let (Some(hits), Target::Classes(labels)) = (&mut self.hits, answers.target) else { return };
        // What is no class was ignored by the loss, or the loss would have refused it.
        let counts = |label: usize| label < hits.classes && !loss.ignores(label);
        let rows = outputs.samples().zip(labels).enumerate();
        for (index, (row, &label)) in rows.filter(|&(_, (_, &label))| counts(label)) {
            let weight = answers.weights.map_or(1.0, |weights| weights[index]);
            hits.labelled += weight;
            let predicted = highest(row);
            hits.right += if predicted == label { weight } else { 0.0 };
            if let Some(confusion) = &mut hits.confusion {
                confusion.count_one(label, predicted);
            }
        }
    }

    /// What is counted of samples, as numbers that add up over ranks; the loss is that of all of them already.
    pub(super) fn counts(&self) -> Vec<f64> {
        let Some(hits) = &self.hits else { return Vec::new() };
        let confusion = hits.confusion.iter().flat_map(ConfusionMatrix::counts);
        [hits.labelled, hits.right].into_iter().chain(confusion.map(|&count| count as f64)).collect()
    }

    /// Takes what [`Tally::counts`] was, added up.
    pub(super) fn set_counts(&mut self, counts: &[f64]) {
        let (Some(hits), [labelled, right, confusion @ ..]) = (&mut self.hits, counts) else { return };
        (hits.labelled, hits.right) = (*labelled, *right);
        if let Some(own) = &mut hits.confusion {
            own.set_counts(confusion.iter().map(|&count| count as u64));
        }
    }

    /// Forgets what is counted of samples.
    pub(super) fn clear_counts(&mut self) {
        let zeros = vec![0.0; self.counts().len()];
        self.set_counts(&zeros);
    }

    pub(super) fn finish(self) -> Evaluation {
        let accuracy = |hits: &Hits| (hits.labelled > 0.0).then(|| hits.right / hits.labelled);
        Evaluation {
            loss: if self.divisor == 0.0 { self.loss } else { self.loss / self.divisor },
            accuracy: self.hits.as_ref().and_then(accuracy),
            confusion: self.hits.and_then(|hits| hits.confusion),
            parts: Vec::new(),
        }
    }
}
