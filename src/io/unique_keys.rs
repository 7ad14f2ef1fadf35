//! JSON in which no object has a key twice.
//!
//! A parser that takes the last of two equal keys and one that takes the first see different files; such a file is
//! refused.

use super::Verdict;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The number of keys of the outermost object.
///
/// # Errors
/// Where the text is no JSON, no object, or has a key twice in some object.
pub(super) fn count(json: &str) -> Verdict<usize> {
    match serde_json::from_str(json) {
        Ok(Keys(Some(count))) => Ok(count),
        Ok(Keys(None)) => Err("expected a JSON object".into()),
        Err(error) => Err(format!("expected JSON: {error}")),
    }
}

/// How many keys a value has, where it is an object.
struct Keys(Option<usize>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Keys>()?;
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format_args!("the key `{key}` is there twice")));
            }
        }
        Ok(Keys(Some(keys.len())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Keys, A::Error> {
        while values.next_element::<Keys>()?.is_some() {}
        Ok(Keys(None))
    }

    fn visit_unit<E>(self) -> Result<Keys, E> {
        Ok(Keys(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Keys, E> {
        Ok(Keys(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Keys, E> {
        Ok(Keys(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Keys, E> {
        Ok(Keys(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Keys, E> {
        Ok(Keys(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Keys, E> {
        Ok(Keys(None))
    }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn keys_are_counted_and_told_apart() {
        assert_eq!(count(r#"{"a": {"x": [1, -2, 0.5, null, true, "s"]}, "b": {"x": {}}}"#), Ok(2));
        for (json, text) in [
            ("[]", "expected a JSON object"),
            (r#"{"a": 1, "a": 2}"#, "the key `a` is there twice"),
            (r#"{"a": [{"x": 1, "\u0078": 2}]}"#, "the key `x` is there twice"),
            ("{", "EOF"),
        ] {
            let error = count(json).unwrap_err();
            assert!(error.contains(text), "{json}: {error}");
        }
    }
}
