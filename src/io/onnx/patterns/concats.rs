//! A concatenation that begins with what another one joins takes that: so each layer of a `DenseNet` stands on the one before.

use std::collections::HashMap;

use super::super::op::{Flow, Op};

/// Longer ones are left as they are, so that time is bounded.
const MOST: usize = 512;

pub(super) fn apply(flow: &mut Flow<'_>) {
    let mut known: HashMap<(usize, Vec<usize>), usize> = HashMap::new();
    for index in 0..flow.values.len() {
        let Op::Concat { axis } = flow.values[index].op else { continue };
        let whole = flow.values[index].inputs.clone();
        if whole.len() > MOST {
            continue;
        }
        let longest =
            (2..whole.len()).rev().find_map(|len| Some((len, *known.get(&(axis, whole[..len].to_vec()))?)));
        if let Some((len, other)) = longest {
            flow.values[index].inputs = [&[other], &whole[len..]].concat();
        }
        known.insert((axis, whole), index);
    }
}
