//! What the ranks of a training know of each other.

/// What all ranks know of each other.
#[derive(Debug, Default)]
pub(super) struct Meeting {
    /// Whose each sample is, where not every rank has all of them.
    pub(super) owners: Option<Vec<usize>>,
    /// The same of the validation data.
    pub(super) validation_owners: Option<Vec<usize>>,
    /// Whether some rank has callbacks, whether some writes checkpoints, and whether some looks at the outputs of the validation.
    pub(super) has_callbacks: bool,
    pub(super) has_keepers: bool,
    pub(super) needs_outputs: bool,
}
