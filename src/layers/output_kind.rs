//! What the outputs of a layer are.

/// What the numbers along the last axis of an output are, as far as layers say.
/// [`Sequential::classify`](crate::Sequential::classify) makes probabilities of them, and losses refuse those that they do not start from
/// ([`Loss::takes`](crate::Loss::takes)).
///
/// ```
/// use taper::layers::{Layer, OutputKind};
/// use taper::Sequential;
///
/// let model = Sequential::<f32>::builder([4]).dense(3).softmax().build(&mut taper::seeded(0))?;
/// assert_eq!(model.output_kind(OutputKind::Values), OutputKind::Probabilities);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputKind {
    /// Any numbers, such as logits, of which [`softmax`](super::softmax) makes probabilities.
    Values,
    /// Probabilities whose sum is 1.
    Probabilities,
    /// Logarithms of such.
    LogProbabilities,
    /// Probabilities, each for itself, as a sigmoid gives them.
    IndependentProbabilities,
    /// Something else, of which nobody can make probabilities.
    Unknown,
}

impl OutputKind {
    /// Whether nobody says that these are probabilities.
    pub(crate) fn is_of_any_numbers(self) -> bool {
        matches!(self, Self::Values | Self::Unknown)
    }

    /// That of a mean of such outputs.
    pub(super) fn of_mean(self) -> Self {
        if self == Self::LogProbabilities { Self::Unknown } else { self }
    }

    /// That of what is made of each number alone: nothing is known of what was a probability.
    pub(super) fn of_each(self) -> Self {
        if self == Self::Values { self } else { Self::Unknown }
    }

    /// That of the same numbers with other last axes.
    pub(crate) fn regrouped(self) -> Self {
        match self {
            Self::Probabilities | Self::LogProbabilities => Self::Unknown,
            other => other,
        }
    }
}
