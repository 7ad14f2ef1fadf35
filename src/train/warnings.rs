//! What is allowed in a training, and most likely not meant.

use crate::layers::{Layer, OutputKind};
use crate::losses::Loss;
use crate::{Scalar, Sequential};

/// What is to be told of this model and this loss.
pub(super) fn warnings<T: Scalar>(model: &Sequential<T>, loss: &dyn Loss<T>) -> Vec<String> {
    let outputs = model.output_kind(OutputKind::Values);
    if loss.takes(outputs) {
        return Vec::new();
    }
    let are = match outputs {
        OutputKind::Probabilities => "probabilities, as after a softmax",
        OutputKind::LogProbabilities => "logarithms of probabilities, as after a log-softmax",
        OutputKind::IndependentProbabilities => "probabilities, as after a sigmoid",
        OutputKind::Values | OutputKind::Unknown => "others",
    };
    let (name, layer) = model.layers().last().expect("a model has at least one layer");
    let last = format!("the last layer is `{name}` ({})", layer.describe());
    vec![format!("expected outputs that {} takes, such as logits, got {are}; {last}", loss.kind())]
}
