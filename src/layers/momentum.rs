//! The momentum of running statistics.

use super::Settings;
use super::stored::{Entry, NotRestored, Restored};

/// How much of a running statistic a batch replaces: the two libraries call opposite shares by one name.
///
/// ```
/// use taper::layers::{BatchNorm, Momentum};
///
/// let norm = BatchNorm::<f32>::new(64)?;
/// assert_eq!(norm.momentum(), Momentum::PyTorch(0.1));
/// // As Keras's `BatchNormalization`.
/// let norm = norm.with_momentum(Momentum::Keras(0.99))?.with_epsilon(1e-3)?;
/// assert_eq!(norm.momentum(), Momentum::Keras(0.99));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Momentum {
    /// new = (1 − m)·old + m·batch, m from 0 to 1, with the unbiased variance of the batch, which divides by n − 1. PyTorch's is 0.1
    /// unless set. A batch that has one value a channel has no such variance: it is an error.
    PyTorch(f64),
    /// new = m·old + (1 − m)·batch, m from 0 to 1, with the biased variance of the batch, which divides by n. Keras's is 0.99 unless set,
    /// with ε = 1e-3.
    Keras(f64),
    /// The mean of all batches: new = old + (batch − old)/n for the nth, with the unbiased variance. What PyTorch calls a
    /// momentum of `None`. The layer counts the batches in a statistic of its own, `num_batches_tracked`.
    Cumulative,
}

impl Momentum {
    /// Adds it to the settings of a layer.
    pub(super) fn add_to(self, settings: Settings) -> Settings {
        match self {
            Self::PyTorch(momentum) => settings.with("rule", "pytorch").with("momentum", momentum),
            Self::Keras(momentum) => settings.with("rule", "keras").with("momentum", momentum),
            Self::Cumulative => settings.with("rule", "cumulative"),
        }
    }

    pub(super) fn restore(entry: &dyn Entry) -> Restored<Self> {
        let momentum = || entry.number("momentum");
        match entry.text("rule")? {
            "pytorch" => Ok(Self::PyTorch(momentum()?)),
            "keras" => Ok(Self::Keras(momentum()?)),
            "cumulative" => Ok(Self::Cumulative),
            other => Err(NotRestored::Layer(format!(
                "expected a rule pytorch, keras or cumulative, got `{other}`"
            ))),
        }
    }
}
