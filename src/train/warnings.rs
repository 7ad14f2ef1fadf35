//! What is allowed in a training, and most likely not meant.

use std::ops::Range;

use crate::layers::{Layer, OutputKind};
use crate::losses::{Loss, LossPart};
use crate::{Scalar, Sequential};

/// What is to be told of this model and this loss.
pub(super) fn warnings<T: Scalar>(model: &Sequential<T>, loss: &dyn Loss<T>) -> Vec<String> {
    let (name, layer) = model.layers().last().expect("a model has at least one layer");
    let last = format!("the last layer is `{name}` ({})", layer.describe());
    let parts = loss.parts();
    if parts.is_empty() {
        let warning =
            warning(loss.kind(), model.output_kind(OutputKind::Values), |outputs| loss.takes(outputs));
        return warning.map(|warning| format!("{warning}; {last}")).into_iter().collect();
    }
    let kinds = model.kinds_of_columns();
    let of_part = |(index, part): (usize, &LossPart)| {
        let within =
            |columns: &Range<usize>| columns.start <= part.outputs.start && part.outputs.end <= columns.end;
        let (columns, kind) = kinds.iter().find(|(columns, _)| within(columns))?;
        // Some of the probabilities of a softmax are none.
        let kind = if *columns == part.outputs { *kind } else { kind.regrouped() };
        let warning = warning("its loss", kind, |outputs| loss.part_takes(index, outputs))?;
        Some(format!("slice `{}`: {warning}; {last}", part.name))
    };
    parts.iter().enumerate().filter_map(of_part).collect()
}

/// The warning of outputs that are not what a loss starts from.
fn warning(loss: &str, outputs: OutputKind, takes: impl Fn(OutputKind) -> bool) -> Option<String> {
    if takes(outputs) {
        return None;
    }
    let such_as = if takes(OutputKind::Values) {
        "logits"
    } else if takes(OutputKind::LogProbabilities) {
        "logarithms of probabilities, as after a log-softmax"
    } else {
        "probabilities"
    };
    let are = match outputs {
        OutputKind::Probabilities => "probabilities, as after a softmax",
        OutputKind::LogProbabilities => "logarithms of probabilities, as after a log-softmax",
        OutputKind::IndependentProbabilities => "probabilities, as after a sigmoid",
        OutputKind::Values => "any numbers, as after a dense layer",
        OutputKind::Unknown => "others",
    };
    Some(format!("expected outputs that {loss} takes, such as {such_as}, got {are}"))
}
