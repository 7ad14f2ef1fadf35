//! The operations of a graph in an order in which each stands behind those that it needs.

use std::collections::{HashMap, HashSet};

use super::message::{Graph, Named, Node};
use crate::brief::brief;
use crate::io::Verdict;

/// What of a graph leads from its input to its output.
#[derive(Debug)]
pub(super) struct Sorted<'g, 'a> {
    pub(super) input: &'g Named<'a>,
    pub(super) output: &'a str,
    pub(super) nodes: Vec<&'g Node<'a>>,
    /// Where each initializer is.
    pub(super) initializers: HashMap<&'a str, usize>,
}

/// A name of an operation may be as long as the file, and each of its inputs and outputs may be told with it.
const MOST_BYTES: usize = 200;

/// How an operation is called in an error: ``operation `/fc1/Gemm` (Gemm)``.
pub(super) fn label(node: &Node<'_>) -> String {
    let name =
        if node.name.is_empty() { node.outputs.first().copied().unwrap_or_default() } else { node.name };
    format!("operation `{}` ({})", brief(name, MOST_BYTES), brief(node.operation, MOST_BYTES))
}

/// Sorts a graph; what cannot be is told at once.
pub(super) fn sort<'g, 'a>(graph: &'g Graph<'a>) -> Result<Sorted<'g, 'a>, Vec<String>> {
    let mut problems = Vec::new();
    let initializers: HashMap<&str, usize> =
        graph.initializers.iter().enumerate().map(|(index, stored)| (stored.name, index)).collect();
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|output| !output.is_empty()) {
            if initializers.contains_key(output) || makers.insert(output, index).is_some() {
                problems.push(format!(
                    "{}: expected an output of its own name, got a second `{output}`",
                    label(node)
                ));
            }
        }
    }
    let output = match choose_output(&graph.outputs) {
        Ok(output) => output,
        Err(problem) => return Err([problems, vec![problem]].concat()),
    };
    let inputs: HashMap<&str, &Named<'_>> = graph.inputs.iter().map(|input| (input.name, input)).collect();
    // Depth first, without going deeper by calls: a node is done when all that it needs is.
    let (mut nodes, mut state) = (Vec::new(), vec![State::New; graph.nodes.len()]);
    let (mut used, mut way): (Vec<&Named<'_>>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
    let mut used_names = HashSet::new();
    let mut look = |name: &'a str, asks: Option<&Node<'a>>, problems: &mut Vec<String>| -> Option<usize> {
        if name.is_empty() || initializers.contains_key(name) {
            return None;
        }
        if let Some(&maker) = makers.get(name) {
            return Some(maker);
        }
        if let Some(input) = inputs.get(name) {
            if used_names.insert(name) {
                used.push(input);
            }
        } else {
            let who = asks.map_or_else(|| "the graph".to_owned(), label);
            problems.push(format!("{who}: expected `{name}` from somewhere, got nothing of this name"));
        }
        None
    };
    way.extend(look(output, None, &mut problems).map(|maker| (maker, 0)));
    while let Some((index, next)) = way.pop() {
        let node = &graph.nodes[index];
        if next == 0 && state[index] != State::New {
            if state[index] == State::Begun {
                problems.push(format!(
                    "{}: expected inputs that do not need its output, got a circle",
                    label(node)
                ));
            }
            continue;
        }
        state[index] = State::Begun;
        let Some(&input) = node.inputs.get(next) else {
            state[index] = State::Done;
            nodes.push(node);
            continue;
        };
        way.push((index, next + 1));
        way.extend(look(input, Some(node), &mut problems).map(|maker| (maker, 0)));
    }
    match (used.as_slice(), problems.is_empty()) {
        (&[input], true) => Ok(Sorted { input, output, nodes, initializers }),
        (_, false) => Err(problems),
        (used, true) => {
            let names: Vec<String> = used.iter().take(8).map(|input| format!("`{}`", input.name)).collect();
            let got = if names.is_empty() {
                "none".to_owned()
            } else {
                format!("{}: {}", used.len(), names.join(", "))
            };
            Err(vec![format!("expected one input that the output depends on, got {got}")])
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Begun,
    Done,
}

/// The output with numbers; labels, which are whole numbers or texts, are left to whoever uses the model.
fn choose_output<'a>(outputs: &[Named<'a>]) -> Verdict<&'a str> {
    if let [output] = outputs {
        return Ok(output.name);
    }
    let is_label = |output: &&Named<'_>| matches!(output.element, Some(6..=8));
    let numbers: Vec<&Named<'a>> = outputs.iter().filter(|output| !is_label(output)).collect();
    if let [output] = numbers[..] {
        Ok(output.name)
    } else {
        let names: Vec<String> = outputs.iter().take(8).map(|output| format!("`{}`", output.name)).collect();
        Err(format!("expected one output beside labels, got {}: {}", outputs.len(), names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node<'a>(inputs: &[&'a str], output: &'a str) -> Node<'a> {
        Node { operation: "Add", inputs: inputs.to_vec(), outputs: vec![output], ..Node::default() }
    }

    fn graph(nodes: Vec<Node<'_>>) -> Graph<'_> {
        let named = |name| vec![Named { name, ..Named::default() }];
        Graph { nodes, inputs: named("x"), outputs: named("y"), ..Graph::default() }
    }

    #[test]
    fn operations_stand_behind_what_they_need() {
        let graph =
            graph(vec![node(&["b", "a"], "y"), node(&["a"], "b"), node(&["x"], "a"), node(&["y"], "unused")]);
        let order: Vec<&str> = sort(&graph).unwrap().nodes.iter().map(|node| node.outputs[0]).collect();
        assert_eq!(order, ["a", "b", "y"]);
    }

    #[test]
    fn circles_and_what_is_missing_are_told() {
        for (nodes, text) in [
            (vec![node(&["b"], "y"), node(&["y"], "b")], "got a circle"),
            (vec![node(&["y"], "y")], "got a circle"),
            (vec![node(&["x", "z"], "y")], "operation `y` (Add): expected `z` from somewhere"),
            (vec![], "the graph: expected `y`"),
            (vec![node(&["x"], "y"), node(&["x"], "y")], "got a second `y`"),
            (vec![node(&[], "y")], "expected one input that the output depends on, got none"),
        ] {
            let problems = sort(&graph(nodes)).unwrap_err().join("; ");
            assert!(problems.contains(text), "{problems}");
        }
        // Deep, but by no call.
        let names: Vec<String> = (0..100_000).map(|i| format!("v{i}")).collect();
        let mut nodes: Vec<Node<'_>> = names.windows(2).map(|pair| node(&[&pair[0]], &pair[1])).collect();
        nodes.push(node(&["x"], "v0"));
        nodes.push(node(&["v99999"], "y"));
        assert_eq!(sort(&graph(nodes)).unwrap().nodes.len(), 100_001);
    }
}
