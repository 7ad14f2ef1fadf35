//! What tells whether an epoch is better than another.

use super::{Dataset, Epoch};
use crate::losses::Target;
use crate::{Error, Result, Scalar, Sequential};

/// What tells whether an epoch is better, for [`EarlyStopping`](super::EarlyStopping) and the best checkpoint. A number that is NaN is
/// worse than every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Monitor {
    /// A lower loss on the validation data.
    #[default]
    ValidationLoss,
    /// A higher accuracy on the validation data.
    ValidationAccuracy,
    /// A lower loss on the training data.
    TrainLoss,
    /// A higher [metric](super::Fit::with_metric) of one's own, of this name.
    Highest(&'static str),
    /// A lower metric of one's own, of this name.
    Lowest(&'static str),
}

impl Monitor {
    /// Whether there will be something to judge by.
    pub(super) fn check<T: Scalar>(
        self,
        who: &'static str,
        model: &Sequential<T>,
        validation: Option<&Dataset<'_, T>>,
        metrics: &[&str],
    ) -> Result<()> {
        let wrong = |expected, got: &str| Err(Error::setting(who, expected, got));
        match (self, validation.map(Dataset::target)) {
            (Self::TrainLoss, _) | (Self::ValidationLoss, Some(_)) => Ok(()),
            (_, None) => wrong("validation data to judge by", "none"),
            (Self::Highest(name) | Self::Lowest(name), _) if metrics.contains(&name) => Ok(()),
            (Self::Highest(name) | Self::Lowest(name), _) => {
                Err(Error::unknown_name("metric to judge by", metrics.iter().copied(), name))
            }
            (Self::ValidationAccuracy, Some(Target::Values(_))) => {
                wrong("class targets to take the accuracy of", "values")
            }
            (Self::ValidationAccuracy, Some(Target::Classes(_))) if model.output().rank() == 1 => Ok(()),
            (Self::ValidationAccuracy, Some(Target::Classes(_))) => {
                wrong("outputs [batch, classes] to take the accuracy of", &model.output().batch_pattern())
            }
        }
    }

    /// A number for the epoch that is the higher the better it is; NaN where the epoch has none.
    pub(crate) fn score(self, epoch: &Epoch) -> f64 {
        let validation = epoch.validation.as_ref();
        let score = match self {
            Self::TrainLoss => Some(-epoch.train.loss),
            Self::ValidationLoss => validation.map(|validation| -validation.loss),
            Self::ValidationAccuracy => validation.and_then(|validation| validation.accuracy),
            Self::Highest(name) => epoch.metric(name),
            Self::Lowest(name) => epoch.metric(name).map(|metric| -metric),
        };
        score.unwrap_or(f64::NAN)
    }

    /// Whether the last of these epochs is better than all before it.
    pub(crate) fn is_last_best(self, epochs: &[Epoch]) -> bool {
        let Some((last, before)) = epochs.split_last() else { return false };
        let score = self.score(last);
        !score.is_nan()
            && before.iter().map(|epoch| self.score(epoch)).all(|other| other.is_nan() || score > other)
    }
}
