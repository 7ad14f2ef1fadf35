//! Operations that are one layer together: a rule a file, and a table of them.

mod affines;
mod bias;
mod concats;
mod form;
mod functions;
mod gates;
mod norms;
mod pads;
mod rounded;

use super::op::Flow;

/// Changes values where it knows better.
type Rule = fn(&mut Flow<'_>);

/// The rules in the order in which they are applied, behind those of whole numbers and of functions.
const RULES: &[Rule] =
    &[gates::apply, concats::apply, affines::apply, norms::apply, bias::apply, pads::apply];

pub(super) fn apply(flow: &mut Flow<'_>) -> Result<(), Vec<String>> {
    rounded::apply(flow);
    functions::apply(flow).map_err(|problem| vec![problem])?;
    RULES.iter().for_each(|rule| rule(flow));
    Ok(())
}
