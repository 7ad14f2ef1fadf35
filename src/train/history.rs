//! The history: results of each epoch.

use super::metrics::ConfusionMatrix;
use super::parts::PartEvaluation;

/// How well a model does on a data set.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// The loss that one batch of all samples would have: the sum over them, divided by what the loss is divided by
    /// ([`Loss::divisor`](crate::Loss::divisor)).
    pub loss: f64,
    /// The part of the samples whose highest output is that of their class, where targets are classes. Samples that the loss
    /// [ignores](crate::Loss::ignores) or that weigh 0 do not count; none where that is all of them.
    pub accuracy: Option<f64>,
    /// Which class was taken for which, where targets are classes, up to 1000 of them; without what the loss ignores.
    pub confusion: Option<ConfusionMatrix>,
    /// Each part of a loss that is made of several ([`Slices`](crate::losses::Slices)), from
    /// [`Trainer::evaluate`](crate::Trainer::evaluate) and [`Sequential::evaluate`](crate::Sequential::evaluate). The epochs of a history
    /// have none: follow a part by a [metric](crate::train::Fit::with_metric) there, with [`evaluate_parts`](super::evaluate_parts).
    pub parts: Vec<PartEvaluation>,
}

/// One pass over the training data, and what was measured. Losses are those of the trainer's loss, accuracies parts from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Epoch {
    /// Its number, from 0, counted over all that the trainer was asked for.
    pub epoch: usize,
    /// The learning rate of its last step.
    pub learning_rate: f64,
    /// Measured batch by batch while the model was learning, and put together as one batch's.
    pub train: Evaluation,
    /// Measured after it, where there is data for it.
    pub validation: Option<Evaluation>,
    /// The [metrics](crate::train::Fit::with_metric) of one's own on the validation data, with their names.
    pub metrics: Vec<(String, f64)>,
    /// How long it took, in seconds, validation included; 0 where the machine has no clock (`wasm32-unknown-unknown`).
    pub seconds: f64,
}

impl Epoch {
    /// The [metric](crate::train::Fit::with_metric) of this name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(other, _)| other == name).map(|&(_, value)| value)
    }
}

/// All epochs of a [`crate::Trainer::fit`], or of a [`crate::Trainer`].
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct History {
    /// In order.
    pub epochs: Vec<Epoch>,
    /// The epoch whose weights the model has now, where early stopping restored one.
    pub restored: Option<usize>,
    /// What is allowed and most likely not meant, of the last call: a softmax or a sigmoid before a loss that takes logits
    /// ([`Loss::takes`](crate::Loss::takes)).
    pub warnings: Vec<String>,
}
