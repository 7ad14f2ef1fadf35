//! JSON in which no object has a key twice, and that has not too many values.
//!
//! A parser that takes the last of two equal keys and one that takes the first see different files; such a file is
//! refused. A value of two bytes, as text, takes hundreds when it is parsed, so their number has a limit.

use alloc::collections::BTreeSet;
use core::cell::Cell;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Verdict;
use crate::prelude::*;

/// The number of keys of the outermost object.
///
/// # Errors
/// Where the text is no JSON, no object, has a key twice in some object, or has more values than `most`.
pub(super) fn count(json: &str, most: usize) -> Verdict<usize> {
    let (left, mut parser) = (Cell::new(most), serde_json::Deserializer::from_str(json));
    let keys = Walk { left: &left }.deserialize(&mut parser);
    match keys.and_then(|keys| parser.end().map(|()| keys)) {
        Ok(Some(count)) => Ok(count),
        Ok(None) => Err("expected a JSON object".into()),
        Err(_) if left.get() == 0 => Err(format!("expected at most {most} values, got more")),
        Err(error) => Err(format!("expected JSON: {error}")),
    }
}

/// Walks through a value, which is worth how many keys it has where it is an object.
#[derive(Clone, Copy)]
struct Walk<'a> {
    /// How many values may still come.
    left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| D::Error::custom("too many values"))?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<usize>, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(self)?;
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format_args!("the key `{key}` is there twice")));
            }
        }
        Ok(Some(keys.len()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Option<usize>, A::Error> {
        while values.next_element_seed(self)?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<usize>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn keys_are_counted_and_told_apart() {
        assert_eq!(count(r#"{"a": {"x": [1, -2, 0.5, null, true, "s"]}, "b": {"x": {}}}"#, 11), Ok(2));
        for (json, text) in [
            ("[]", "expected a JSON object"),
            (r#"{"a": 1, "a": 2}"#, "the key `a` is there twice"),
            (r#"{"a": [{"x": 1, "\u0078": 2}]}"#, "the key `x` is there twice"),
            ("{", "EOF"),
            ("{} {}", "trailing"),
            ("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]", "expected at most 11 values, got more"),
        ] {
            let error = count(json, 11).unwrap_err();
            assert!(error.contains(text), "{json}: {error}");
        }
    }
}
