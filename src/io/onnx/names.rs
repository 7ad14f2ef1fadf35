//! Names of layers, from those that the graph has for operations and weights.

use std::collections::HashSet;

/// Longer names are none that somebody gave.
const MOST_BYTES: usize = 100;

/// The name that a weight has of its layer: `fc1` of `fc1.weight`.
pub(super) fn of_weight(weight: &str, operation: &str) -> Option<String> {
    let weight = weight.strip_suffix("_quantized").unwrap_or(weight);
    let weight = weight.strip_suffix("_Transposed").unwrap_or(weight);
    let layer = weight.strip_suffix(".weight").or_else(|| weight.strip_suffix("/kernel"));
    layer.and_then(of_operation).or_else(|| of_operation(operation))
}

/// The name of an operation, without the scopes around it and what it does: `fc1` of `model/fc1/MatMul`. Dots stand between a layer
/// and its parameters, so there is another sign for them.
pub(super) fn of_operation(name: &str) -> Option<String> {
    let scopes: Vec<&str> =
        name.split('/').filter(|scope| !scope.is_empty() && *scope != "batchnorm").collect();
    let ([.., layer, _] | [layer]) = scopes[..] else { return None };
    let name = layer.replace('.', "_");
    let is_usable = !name.is_empty()
        && name.len() <= MOST_BYTES
        && !name.starts_with('@')
        && !name.chars().any(char::is_control);
    is_usable.then_some(name)
}

/// A name for each layer of a model that has one to itself. Numbers are what layers without names are called by their position.
pub(super) fn choose<'n>(names: impl Iterator<Item = Option<&'n str>>) -> Vec<Option<String>> {
    let mut taken = HashSet::new();
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let choose = |name: Option<&'n str>| {
        let name = name.filter(|name| !is_number(name) && taken.insert(*name))?;
        Some(name.to_owned())
    };
    names.map(choose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_had() {
        assert_eq!(of_weight("layer1.0.conv1.weight", "/Conv").unwrap(), "layer1_0_conv1");
        assert_eq!(of_weight("fc1.weight_Transposed_quantized", "").unwrap(), "fc1");
        assert_eq!(of_weight("onnx::MatMul_7", "/model/fc/MatMul").unwrap(), "fc");
        assert_eq!(
            (of_operation("/"), of_operation("@a"), of_operation(&"x".repeat(101))),
            (None, None, None)
        );
        let chosen = choose([Some("a"), Some("1"), None, Some("a")].into_iter());
        assert_eq!(chosen, [Some("a".to_owned()), None, None, None]);
    }
}
