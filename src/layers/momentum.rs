//! The momentum of running statistics.

use super::Settings;
use super::stored::{Entry, NotRestored, Restored};

/// How much of a running statistic a batch replaces: the two libraries call opposite shares by one name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Momentum {
    /// new = (1 − m)·old + m·batch, with the unbiased variance of the batch, which divides by n − 1. PyTorch's is 0.1
    /// unless set. A batch that has one value a channel has no such variance: it is an error.
    PyTorch(f64),
    /// new = m·old + (1 − m)·batch, with the biased variance of the batch, which divides by n. Keras's is 0.99 unless set,
    /// with ε = 1e-3.
    Keras(f64),
}

impl Momentum {
    /// Adds it to the settings of a layer.
    pub(super) fn add_to(self, settings: Settings) -> Settings {
        let (rule, momentum) = match self {
            Self::PyTorch(momentum) => ("pytorch", momentum),
            Self::Keras(momentum) => ("keras", momentum),
        };
        settings.with("rule", rule).with("momentum", momentum)
    }

    pub(super) fn restore(entry: &dyn Entry) -> Restored<Self> {
        let momentum = entry.number("momentum")?;
        match entry.text("rule")? {
            "pytorch" => Ok(Self::PyTorch(momentum)),
            "keras" => Ok(Self::Keras(momentum)),
            other => Err(NotRestored::Layer(format!("expected a rule pytorch or keras, got `{other}`"))),
        }
    }
}
