//! Values become a tree: a line of operations, in which branches go apart and meet again.

use super::op::{Flow, Op};

/// One after another.
pub(super) type Line = Vec<Item>;

#[derive(Debug, PartialEq)]
pub(super) enum Item {
    /// The value that an operation makes of the one before.
    Value(usize),
    /// The value that is joined of paths which begin at the one before.
    Joined { value: usize, paths: Vec<Line> },
}

/// Branches inside of branches, as deep as models in models in a file.
const MOST_NESTED: usize = 8;

/// The tree of what the output needs. What is no tree is told, all at once.
pub(super) fn tree(flow: &Flow<'_>) -> Result<Line, Vec<String>> {
    let mut building = Building {
        flow,
        dominators: dominators(flow),
        is_placed: vec![false; flow.values.len()],
        problems: Vec::new(),
    };
    let line = building.line(flow.output, 0, 0);
    if building.problems.is_empty() { Ok(line) } else { Err(building.problems) }
}

/// For each value the last one that all ways to it go through.
fn dominators(flow: &Flow<'_>) -> Vec<usize> {
    let mut dominators = vec![0; flow.values.len()];
    for (index, value) in flow.values.iter().enumerate().skip(1) {
        dominators[index] = value
            .inputs
            .iter()
            .copied()
            .reduce(|mut a, mut b| {
                while a != b {
                    // The one that stands further behind is not on the way to the other.
                    let further = if a > b { &mut a } else { &mut b };
                    *further = dominators[*further];
                }
                a
            })
            .unwrap_or(0);
    }
    dominators
}

struct Building<'f, 'a> {
    flow: &'f Flow<'a>,
    dominators: Vec<usize>,
    /// Whether a value is in the tree.
    is_placed: Vec<bool>,
    problems: Vec<String>,
}

impl Building<'_, '_> {
    /// What leads from one value to another.
    fn line(&mut self, to: usize, from: usize, nested: usize) -> Line {
        let (mut line, mut at) = (Vec::new(), to);
        while at != from {
            let value = &self.flow.values[at];
            if std::mem::replace(&mut self.is_placed[at], true) {
                let expected = "expected paths that go apart and meet again as branches of a tree do, got one that is used elsewhere too";
                self.problems.push(format!("{}: {expected}", value.label));
                break;
            }
            if value.inputs.len() == 1 {
                line.push(Item::Value(at));
                at = value.inputs[0];
                continue;
            }
            if !matches!(value.op, Op::Add | Op::Concat { .. }) {
                self.problems.push(format!(
                    "{}: no layer does this to two values that depend on the input",
                    value.label
                ));
            }
            if nested == MOST_NESTED {
                self.problems.push(format!(
                    "{}: expected branches {MOST_NESTED} deep at most, got deeper ones",
                    value.label
                ));
                break;
            }
            let start = self.dominators[at];
            let paths = value.inputs.iter().map(|&input| self.line(input, start, nested + 1)).collect();
            line.push(Item::Joined { value: at, paths });
            at = start;
        }
        line.reverse();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::super::op::Value;
    use super::*;

    fn flow(inputs: &[&[usize]]) -> Flow<'static> {
        let value = |(index, inputs): (usize, &&[usize])| Value {
            op: if inputs.len() > 1 { Op::Add } else { Op::Regroup },
            inputs: inputs.to_vec(),
            dims: Vec::new(),
            label: format!("operation {index}"),
            name: "",
        };
        let values: Vec<Value<'_>> = inputs.iter().enumerate().map(value).collect();
        Flow { output: values.len() - 1, values, classes: None }
    }

    #[test]
    fn branches_inside_of_branches() {
        // 0 ─ 1 ─┬─ 2 ─┬─ 3 ─┬─ 4+ ─┬─ 6+
        //        │     └─────┘      │
        //        └─ 5 ──────────────┘
        let tree = tree(&flow(&[&[], &[0], &[1], &[2], &[3, 2], &[1], &[4, 5]])).unwrap();
        let inner = Item::Joined { value: 4, paths: vec![vec![Item::Value(3)], vec![]] };
        let outer = Item::Joined { value: 6, paths: vec![vec![Item::Value(2), inner], vec![Item::Value(5)]] };
        assert_eq!(tree, [Item::Value(1), outer]);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        // A bridge between two paths.
        let problems = tree(&flow(&[&[], &[0], &[0], &[1, 2], &[2], &[3, 4]])).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("operation 2: expected paths that go apart"), "{problems:?}");
        let deep: Vec<Vec<usize>> = (0..40)
            .map(|i| {
                if i == 0 {
                    vec![]
                } else if i % 2 == 1 {
                    vec![i - 1]
                } else {
                    vec![i - 1, 0]
                }
            })
            .collect();
        let deep: Vec<&[usize]> = deep.iter().map(|inputs| &inputs[..]).collect();
        assert!(tree(&flow(&deep)).unwrap_err()[0].contains("8 deep at most"));
    }
}
