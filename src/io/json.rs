//! Typed access to JSON from a file, whose values may be missing or of another type.

use serde_json::{Map, Value};

use super::Verdict;
use crate::prelude::*;

/// An object, whose values are asked for by name and type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'a> {
    /// What it describes, for errors: `layer 3`.
    what: &'a str,
    map: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    /// An object that describes this.
    pub(super) fn new(what: &'a str, value: &'a Value) -> Verdict<Self> {
        match value {
            Value::Object(map) => Ok(Self { what, map }),
            other => Err(format!("{what}: expected a JSON object, got {}", brief(other))),
        }
    }

    /// The names of all values.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a String> {
        self.map.keys()
    }

    /// The value of this name, where it is there.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key)
    }

    pub(super) fn text(&self, key: &str) -> Verdict<&'a str> {
        self.expect(key, "a text", Value::as_str)
    }

    pub(super) fn count(&self, key: &str) -> Verdict<usize> {
        let count = self.whole(key)?;
        usize::try_from(count).map_err(|_| {
            format!("{}: expected `{key}`, a whole number up to {}, got {count}", self.what, usize::MAX)
        })
    }

    pub(super) fn whole(&self, key: &str) -> Verdict<u64> {
        self.expect(key, "a whole number", Value::as_u64)
    }

    pub(super) fn flag(&self, key: &str) -> Verdict<bool> {
        self.expect(key, "true or false", Value::as_bool)
    }

    /// A number, written by [`number`].
    pub(super) fn number(&self, key: &str) -> Verdict<f64> {
        self.expect(key, "a number", as_number)
    }

    pub(super) fn list(&self, key: &str) -> Verdict<&'a [Value]> {
        self.expect(key, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    pub(super) fn counts(&self, key: &str) -> Verdict<Vec<usize>> {
        let count = |value: &Value| value.as_u64().and_then(|count| count.try_into().ok());
        self.expect(key, "a list of whole numbers", |value| value.as_array()?.iter().map(count).collect())
    }

    fn expect<R>(
        &self,
        key: &str,
        expected: &str,
        convert: impl FnOnce(&'a Value) -> Option<R>,
    ) -> Verdict<R> {
        let Some(value) = self.map.get(key) else {
            return Err(format!("{}: expected `{key}`, {expected}, got none", self.what));
        };
        convert(value)
            .ok_or_else(|| format!("{}: expected `{key}`, {expected}, got {}", self.what, brief(value)))
    }
}

/// A number, of which JSON has only the finite ones; the others are texts.
pub(super) fn number(value: f64) -> Value {
    if value.is_finite() { value.into() } else { value.to_string().into() }
}

/// A number that [`number`] wrote.
pub(super) fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok().filter(|value: &f64| !value.is_finite()),
        other => other.as_f64(),
    }
}

/// The value as text, cut short.
fn brief(value: &Value) -> String {
    const MOST: usize = 40;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_come_back_to_the_bit() {
        for value in [0.0, -0.0, 0.1, 1e-310, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let text = json!({ "x": number(value) }).to_string();
            let back: Value = serde_json::from_str(&text).unwrap();
            let back = Object::new("test", &back).unwrap().number("x").unwrap();
            assert!(back.to_bits() == value.to_bits() || back.is_nan() && value.is_nan(), "{value}: {back}");
        }
    }

    #[test]
    fn what_is_not_there_or_of_another_type_is_told() {
        let value = json!({ "a": "x".repeat(100), "b": -1 });
        let object = Object::new("layer 3", &value).unwrap();
        assert_eq!(object.flag("c").unwrap_err(), "layer 3: expected `c`, true or false, got none");
        assert_eq!(object.count("b").unwrap_err(), "layer 3: expected `b`, a whole number, got -1");
        let error = object.number("a").unwrap_err();
        assert!(error.ends_with("xx…") && error.len() < 100, "{error}");
    }
}
