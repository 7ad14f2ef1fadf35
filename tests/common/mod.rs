//! Fixtures: JSON files of tensors, and how near a result has to be.
//!
//! A tensor is `{"shape": [2, 3], "data": [...]}`; where a file says more of it (`dtype`), that is not read.

use std::path::Path;

use serde_json::Value;
use taper::{Shape, Tensor};

/// A file of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The elements of an array.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("expected an array, got {value}"))
}

/// All numbers of a tensor, of nested lists or of a single number; true counts as 1.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Bool(bit) => vec![f64::from(u8::from(*bit))],
        Value::Number(number) => vec![number.as_f64().expect("every number of a fixture fits")],
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        Value::Object(tensor) => numbers(&tensor["data"]),
        other => panic!("expected numbers, got {other}"),
    }
}

/// The lengths of the axes of a tensor, of nested lists or of a single number.
fn axes(value: &Value) -> Vec<usize> {
    match value {
        Value::Object(tensor) => numbers(&tensor["shape"]).into_iter().map(|axis| axis as usize).collect(),
        Value::Array(values) => {
            let inner = values.first().map(axes).unwrap_or_default();
            std::iter::once(values.len()).chain(inner).collect()
        }
        _ => Vec::new(),
    }
}

/// A tensor, nested lists, or a single number as a tensor without axes.
pub(crate) fn tensor(value: &Value) -> Tensor<f64> {
    let shape = Shape::new(&axes(value)).expect("no fixture has more than six axes");
    Tensor::from_vec(shape, numbers(value)).expect("a fixture's data have its shape")
}

/// What is wrong where not every |got − expected| ≤ absolute + relative·|expected|.
pub(crate) fn compare(got: &[f64], expected: &[f64], (absolute, relative): (f64, f64)) -> Result<(), String> {
    if got.len() != expected.len() {
        return Err(format!("expected {} numbers, got {}", expected.len(), got.len()));
    }
    for (place, (got, expected)) in got.iter().zip(expected).enumerate() {
        let (off, limit) = ((got - expected).abs(), absolute + relative * expected.abs());
        // Written so that NaN fails.
        if !(off <= limit || got == expected) {
            return Err(format!(
                "place {place}: expected {expected:e}, got {got:e}, off by {off:e} > {limit:e}"
            ));
        }
    }
    Ok(())
}
