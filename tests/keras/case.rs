//! One case of the fixture.

use serde_json::Value;
use taper::Tensor;

use crate::common;

/// Inputs, settings and expected values, as they stand in the file.
pub(crate) struct Case<'a>(pub(crate) &'a Value);

impl Case<'_> {
    /// A word of the case: `kind`, `object`, `from`.
    pub(crate) fn word(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_else(|| panic!("{key} is a word"))
    }

    /// A setting; null where there is none.
    pub(crate) fn config(&self, key: &str) -> &Value {
        &self.0["config"][key]
    }

    /// A setting that is a number.
    pub(crate) fn setting(&self, key: &str) -> f64 {
        let value = self.config(key);
        value.as_f64().unwrap_or_else(|| panic!("{} has a number {key}, got {value}", self.word("from")))
    }

    /// Whether a setting is there and true.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.config(key).as_bool() == Some(true)
    }

    /// What is a setting of a class, and an input of an operation; null where there is none.
    pub(crate) fn option(&self, key: &str) -> &Value {
        match self.config(key) {
            Value::Null => self.input(key),
            value => value,
        }
    }

    /// An input of this name; null where there is none.
    pub(crate) fn input(&self, key: &str) -> &Value {
        &self.0["inputs"][key]
    }

    /// The first of the inputs that have no names.
    pub(crate) fn first_input(&self) -> Tensor<f64> {
        common::tensor(&self.0["inputs"][0])
    }

    /// Compares a result with the expected values, in the tolerance of the case. Keras's own comparison
    /// broadcasts: one number may stand for an array of them.
    pub(crate) fn compare(&self, got: &[f64]) -> Result<(), String> {
        let expected = common::numbers(&self.0["expected"]);
        let tolerance = |key: &str| self.0[key].as_f64().expect("a tolerance is a number");
        let broadcast = if got.len() == 1 { vec![got[0]; expected.len()] } else { got.to_vec() };
        common::compare(&broadcast, &expected, (tolerance("atol"), tolerance("rtol")))
    }
}

/// The tensor with this axis last: classes are always the last axis here.
pub(crate) fn with_axis_last(tensor: &Tensor<f64>, axis: &Value) -> Tensor<f64> {
    let axes = tensor.shape();
    let axes = axes.axes();
    let last = axes.len() - 1;
    // Axes count from the end where they are negative, and no case has another negative one than the last.
    let axis = axis.as_u64().map_or(last, |axis| axis as usize);
    let (outer, length) = (axes[..axis].iter().product::<usize>(), axes[axis]);
    let inner: usize = axes[axis + 1..].iter().product();
    let values = tensor.as_slice();
    Tensor::from_fn([outer, inner, length], |place| {
        let (row, class) = (place / length, place % length);
        values[(row / inner * length + class) * inner + row % inner]
    })
    .expect("as many elements as before")
}

/// Weights for values of these axes. Axes that the weights lack at the end, or have with length 1, are repeated.
pub(crate) fn broadcast(weights: &Tensor<f64>, axes: &[usize]) -> Vec<f64> {
    let (count, given, values) = (axes.iter().product::<usize>(), weights.shape(), weights.as_slice());
    if values.len() == count {
        return values.to_vec();
    }
    let place = |mut place: usize| {
        let (mut index, mut stride) = (0, values.len());
        let mut rest = count;
        for (axis, &length) in axes.iter().enumerate() {
            rest /= length;
            let (here, own) = (place / rest, given.axes().get(axis).copied().unwrap_or(1));
            place %= rest;
            stride /= own;
            index += if own == 1 { 0 } else { here * stride };
        }
        values[index]
    };
    (0..count).map(place).collect()
}
