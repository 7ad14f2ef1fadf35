//! A sorted graph becomes values that depend on the input; what does not is computed.

use std::cell::Cell;
use std::collections::HashMap;

use super::call::{Call, Known, Made, Step};
use super::count::Count;
use super::external::External;
use super::fold::{fold, uniform};
use super::graph::{Sorted, label};
use super::message::{Attribute, Model, Named, Node};
use super::op::{Flow, Op, Value};
use super::ops::reader;
use super::stored::constant;
use crate::io::Verdict;

/// Constants that are computed may have so many elements, and one for each four bytes of the file.
const FOLDED: usize = 1 << 22;

/// The most values, so that the time of all passes behind is bounded.
const MOST_VALUES: usize = 1 << 14;

/// The versions of the operations that are known.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=26;

/// Makes values of a graph. Everything that is not understood is told at once.
pub(super) fn understand<'a>(
    model: &Model<'a>,
    sorted: &Sorted<'_, 'a>,
    external: &External<'_>,
    file_len: usize,
) -> Result<Flow<'a>, Vec<String>> {
    let mut problems = Vec::new();
    let opset = |domain: &str| {
        let same = |other: &str| {
            other == domain || [other, domain].iter().all(|name| matches!(*name, "" | "ai.onnx"))
        };
        model.opsets.iter().find(|opset| same(opset.0)).map_or(1, |opset| opset.1)
    };
    if !OPSETS.contains(&opset("")) && sorted.nodes.iter().any(|node| node.domain.is_empty()) {
        problems.push(format!(
            "expected operations of opset {} to {}, got {}",
            OPSETS.start(),
            OPSETS.end(),
            opset("")
        ));
    }
    let mut known: HashMap<&str, Known<'a>> = HashMap::new();
    let mut values = Vec::new();
    match input(sorted.input) {
        Ok(value) => values.push(value),
        Err(problem) => return Err([problems, vec![problem]].concat()),
    }
    known.insert(sorted.input.name, Known::Data(0));
    let budget = Cell::new(FOLDED.saturating_add(file_len / 4));
    let stored = &model.graph.as_ref().expect("it was sorted").initializers;
    for node in &sorted.nodes {
        let mut is_unknown = false;
        for name in node.inputs.iter().filter(|name| !name.is_empty()) {
            if let (None, Some(&index)) = (known.get(name), sorted.initializers.get(name)) {
                let read = constant(&stored[index], external);
                known.insert(
                    name,
                    read.map_or_else(
                        |problem| {
                            problems.push(problem);
                            Known::Unknown
                        },
                        Known::Constant,
                    ),
                );
            }
            if !known.contains_key(name) {
                problems.push(format!(
                    "{}: expected inputs that are read, got `{name}`, a second output",
                    label(node)
                ));
            }
            is_unknown |= matches!(known.get(name), None | Some(Known::Unknown));
        }
        let inputs = node.inputs.iter().map(|name| known.get(name).cloned()).collect();
        let call =
            Call { node, opset: opset(node.domain), inputs, values: &values, external, budget: &budget };
        let made = if is_unknown { is_readable(node).map(|()| None) } else { make(&call).map(Some) };
        let made = made.unwrap_or_else(|problem| {
            problems.push(format!("{}: {problem}", label(node)));
            None
        });
        remember(node, made, &mut known, &mut values);
    }
    let output = match known.get(sorted.output) {
        Some(Known::Data(value)) => Some(*value),
        Some(Known::Constant(_) | Known::Uniform(..)) => {
            problems.push("expected an output that depends on the input, got a constant".to_owned());
            None
        }
        Some(Known::Unknown) => None,
        None => {
            problems.push(format!("expected an output that is read, got `{}`", sorted.output));
            None
        }
    };
    if values.len() > MOST_VALUES {
        problems.push(format!("expected at most {MOST_VALUES} operations, got {}", values.len()));
    }
    match output {
        Some(output) if problems.is_empty() => Ok(Flow { values, output, classes: classes(&sorted.nodes) }),
        _ => Err(problems),
    }
}

/// The input of the model. Its first axis is that of the samples; the others have to be known.
fn input<'a>(named: &Named<'a>) -> Verdict<Value<'a>> {
    let label = format!("input `{}`", named.name);
    let wrong = |got: &str| {
        Err(format!(
            "{label}: expected an axis of samples and fixed lengths behind it, got {got}; export it with a fixed size"
        ))
    };
    let Some(told) = &named.dims else { return wrong("no axes") };
    let mut dims = vec![Count::BATCH];
    match told.split_first() {
        None => return wrong("no axes"),
        Some((Some(samples), _)) if *samples > 0 => dims[0] = Count::of(*samples),
        Some(_) => {}
    }
    for dim in &told[1..] {
        match dim {
            Some(dim) if *dim > 0 => dims.push(Count::of(*dim)),
            _ => return wrong(&pattern_of(told)),
        }
    }
    let is_whole = matches!(named.element, Some(2..=7 | 12 | 13));
    if named.element == Some(8) {
        return Err(format!("{label}: expected numbers, got texts"));
    }
    Ok(Value { op: Op::Input { is_whole }, inputs: Vec::new(), dims, label, name: "" })
}

fn pattern_of(dims: &[Option<i64>]) -> String {
    let dims: Vec<String> =
        dims.iter().take(12).map(|dim| dim.map_or("?".to_owned(), |dim| dim.to_string())).collect();
    format!("[{}]", dims.join(", "))
}

fn is_readable(node: &Node<'_>) -> Verdict<()> {
    if reader(node.domain, node.operation).is_some()
        || matches!(node.operation, "Shape" | "Size" | "Constant")
    {
        return Ok(());
    }
    Err(not_read(node))
}

fn not_read(node: &Node<'_>) -> String {
    let is_of_bytes = node.operation.starts_with("QLinear")
        || matches!(node.operation, "QGemm" | "MatMulNBits" | "DynamicQuantizeMatMul");
    if is_of_bytes {
        let expected = "operations of floats between `QuantizeLinear` and `DequantizeLinear`";
        return format!("expected {expected}, got one of whole numbers; quantise in the QDQ format");
    }
    match node.domain {
        "" | "ai.onnx" => "no layer does what it does".to_owned(),
        domain => format!("no layer does what it does, of the domain {domain}"),
    }
}

fn make<'a>(call: &Call<'_, 'a>) -> Verdict<Made<'a>> {
    if let Some(made) = uniform(call) {
        return Ok(made);
    }
    if let Some(folded) = fold(call) {
        return folded.map(Made::Constants);
    }
    match reader(call.node.domain, call.node.operation) {
        Some(read) => read(call),
        None => Err(not_read(call.node)),
    }
}

/// Keeps what an operation made under the names of its outputs.
fn remember<'a>(
    node: &Node<'a>,
    made: Option<Made<'a>>,
    known: &mut HashMap<&'a str, Known<'a>>,
    values: &mut Vec<Value<'a>>,
) {
    let value = |step: Step<'a>| {
        let Step { op, inputs, dims } = step;
        Value { op, inputs, dims, label: label(node), name: node.name }
    };
    let all: Vec<Known<'a>> = match made {
        None => vec![Known::Unknown; node.outputs.len()],
        Some(Made::Same(value)) => vec![Known::Data(value)],
        Some(Made::Uniform(number, dims)) => vec![Known::Uniform(number, dims)],
        Some(Made::Constants(constants)) => constants.into_iter().map(Known::Constant).collect(),
        Some(Made::Way(steps)) => {
            values.extend(steps.into_iter().map(value));
            vec![Known::Data(values.len() - 1)]
        }
        Some(Made::Each(steps)) => {
            let first = values.len();
            values.extend(steps.into_iter().map(value));
            (first..values.len()).map(Known::Data).collect()
        }
    };
    // A classifier has its labels first.
    let labels = usize::from(node.operation == "LinearClassifier").min(node.outputs.len());
    for (name, value) in node.outputs[labels..].iter().zip(all) {
        if !name.is_empty() {
            known.insert(name, value);
        }
    }
}

/// The names of the classes, where probabilities are told with them.
fn classes(nodes: &[&Node<'_>]) -> Option<Vec<String>> {
    let zip = nodes.iter().find(|node| node.operation == "ZipMap")?;
    zip.attributes.iter().find_map(|(name, attribute)| match (name, attribute) {
        (&"classlabels_strings", Attribute::Texts(texts)) => {
            Some(texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
        }
        (&"classlabels_int64s", Attribute::Integers(labels)) => {
            Some(labels.iter().map(i64::to_string).collect())
        }
        _ => None,
    })
}
