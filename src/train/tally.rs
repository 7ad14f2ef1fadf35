//! What an epoch adds up to.

use super::metrics::{ConfusionMatrix, highest};
use super::{Dataset, Evaluation};
use crate::losses::Target;
use crate::{Scalar, Sequential, TensorView};

/// The most classes of which an epoch keeps a confusion matrix: 8 MB of counts.
const MOST_CLASSES: usize = 1000;

/// Losses and hits added up over batches.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    pub(crate) samples: usize,
    pub(crate) loss: f64,
    pub(crate) hits: Option<Hits>,
}

/// What there is of a classifier besides.
#[derive(Debug, Clone)]
pub(crate) struct Hits {
    pub(crate) classes: usize,
    pub(crate) labelled: u64,
    pub(crate) right: u64,
    pub(crate) confusion: Option<ConfusionMatrix>,
}

impl Tally {
    pub(super) fn new<T: Scalar>(data: &Dataset<'_, T>, model: &Sequential<T>) -> Self {
        let hits = match (data.target(), model.output().axes()) {
            (Target::Classes(_), &[classes]) => Some(Hits {
                classes,
                labelled: 0,
                right: 0,
                confusion: (classes <= MOST_CLASSES).then(|| ConfusionMatrix::new(classes)),
            }),
            _ => None,
        };
        Self { samples: 0, loss: 0.0, hits }
    }

    pub(super) fn add<T: Scalar>(&mut self, loss: f64, outputs: TensorView<'_, T>, target: Target<'_, T>) {
        self.samples += outputs.batch();
        self.loss += loss * outputs.batch() as f64;
        let (Some(hits), Target::Classes(labels)) = (&mut self.hits, target) else { return };
        // What is no class was ignored by the loss, or the loss would have refused it.
        for (row, &label) in outputs.samples().zip(labels).filter(|&(_, &label)| label < hits.classes) {
            hits.labelled += 1;
            let predicted = highest(row);
            hits.right += u64::from(predicted == label);
            if let Some(confusion) = &mut hits.confusion {
                confusion.count_one(label, predicted);
            }
        }
    }

    pub(super) fn finish(self) -> Evaluation {
        let accuracy = |hits: &Hits| hits.right as f64 / hits.labelled.max(1) as f64;
        Evaluation {
            loss: self.loss / self.samples.max(1) as f64,
            accuracy: self.hits.as_ref().map(accuracy),
            confusion: self.hits.and_then(|hits| hits.confusion),
        }
    }
}
