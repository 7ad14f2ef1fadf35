//! The metadata of a file: format, orientation, and descriptions of the model, its check and a checkpoint.

use alloc::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Verdict;
use super::json::Object;
use super::orientation::Orientation;
use super::unique_keys;
use crate::Shape;
use crate::prelude::*;

/// The version of what is written here. A reader refuses what is newer; `docs/files.md` tells what each version has.
const FORMAT: u64 = 2;

/// The most values of any kind in the text. A parsed one takes up to 700 bytes, so this is a part of the constant by
/// which reading a file may take more memory than the file has; a layer has five or so, a parameter of a checkpoint
/// four.
const MOST_VALUES: usize = 1 << 16;

/// The text in the metadata of a file of this crate.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    /// Which way dense weights lie.
    pub(super) orientation: Orientation,
    /// What lies along features, and how.
    pub(super) said: Said,
    /// The layers, from which a model can be rebuilt.
    pub(super) model: Option<Value>,
    /// An input and its output.
    pub(super) check: Option<Value>,
    /// Where a training was.
    pub(super) checkpoint: Option<Value>,
}

/// What a file says of the order of features.
#[derive(Debug, Clone)]
pub(super) enum Said {
    /// Format 1: as in the model that was written, whose first dense weight takes this shape flattened.
    First(Option<Shape>),
    /// For each parameter that lies along features, their shape with channels last; `None` where whoever wrote it said that
    /// it is as it is. In PyTorch's orientation they lie with channels first.
    Each(BTreeMap<String, Option<Shape>>),
}

impl Default for Said {
    fn default() -> Self {
        Self::Each(BTreeMap::new())
    }
}

impl Document {
    /// Whether a parameter lies along features, and maybe in another order than in memory.
    pub(super) fn lies_along_features(&self, parameter: &str) -> bool {
        matches!(&self.said, Said::Each(each) if each.get(parameter).is_some_and(Option::is_some))
    }

    /// The shape of a sample that the model in the file takes.
    pub(super) fn input(&self) -> Option<Shape> {
        let object = Object::new("model", self.model.as_ref()?).ok()?;
        shape(&object, "input").ok()
    }

    /// # Errors
    /// Where reading it would be refused.
    pub(super) fn into_text(self) -> Verdict<String> {
        let mut map = Map::new();
        map.insert("format".into(), FORMAT.into());
        map.insert("version".into(), env!("CARGO_PKG_VERSION").into());
        map.insert("orientation".into(), self.orientation.name().into());
        if let Said::Each(each) = self.said {
            let features =
                each.into_iter().map(|(name, shape)| (name, json!(shape.map(|shape| shape.axes().to_vec()))));
            map.insert("features".into(), Value::Object(features.collect()));
        }
        for (key, value) in [("model", self.model), ("check", self.check), ("checkpoint", self.checkpoint)] {
            if let Some(value) = value {
                map.insert(key.into(), value);
            }
        }
        let text = Value::Object(map).to_string();
        Self::parse(&text)?;
        Ok(text)
    }

    /// # Errors
    /// Where the text was not written by this version of the crate or an earlier one.
    pub(super) fn parse(text: &str) -> Verdict<Self> {
        unique_keys::count(text, MOST_VALUES).map_err(|error| format!("description: {error}"))?;
        let mut value: Value = serde_json::from_str(text).map_err(|error| format!("description: {error}"))?;
        let object = Object::new("description", &value)?;
        let format = object.whole("format")?;
        if format > FORMAT {
            let version = object.text("version").unwrap_or("later");
            return Err(format!(
                "expected a file of format {FORMAT} or earlier, got format {format}, written by version {version}"
            ));
        }
        let name = object.text("orientation")?;
        let orientation = Orientation::of_name(name)
            .ok_or_else(|| format!("description: expected orientation `pytorch` or `keras`, got {name:?}"))?;
        let said = match (format, object.get("flattened")) {
            (0 | 1, None | Some(Value::Null)) => Said::First(None),
            (0 | 1, Some(_)) => Said::First(Some(shape(&object, "flattened")?)),
            _ => features(&object)?,
        };
        let mut part = |key| value.get_mut(key).map(Value::take);
        Ok(Self {
            orientation,
            said,
            model: part("model"),
            check: part("check"),
            checkpoint: part("checkpoint"),
        })
    }
}

/// The features that each parameter lies along.
fn features(object: &Object<'_>) -> Verdict<Said> {
    let value = object.get("features").unwrap_or(&Value::Null);
    let features = Object::new("features", value)?;
    let each = features.keys().map(|name| {
        let axes = match features.get(name) {
            None | Some(Value::Null) => None,
            Some(_) => Some(shape(&features, name)?).filter(|axes| axes.rank() > 1 && !axes.is_empty()),
        };
        Ok((name.clone(), axes))
    });
    each.collect::<Verdict<_>>().map(Said::Each)
}

/// A shape, written as the list of its axes.
pub(super) fn shape(object: &Object<'_>, key: &str) -> Verdict<Shape> {
    Shape::new(&object.counts(key)?).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_format_is_refused_with_the_version_that_wrote_it() {
        let text = Document::default().into_text().unwrap();
        assert!(Document::parse(&text).is_ok());
        let later = text.replace("\"format\":2", "\"format\":3");
        let error = Document::parse(&later).unwrap_err();
        assert!(error.starts_with("expected a file of format 2 or earlier, got format 3"), "{error}");
    }

    #[test]
    fn what_is_no_description_is_refused() {
        for text in ["", "1", "{}", r#"{"format":1,"format":1}"#, r#"{"format":1,"orientation":"sideways"}"#]
        {
            assert!(Document::parse(text).is_err(), "{text}");
        }
        let text = r#"{"format":1,"orientation":"keras","flattened":[1,1,1,1,1,1,1]}"#;
        assert!(Document::parse(text).unwrap_err().contains("at most 6 axes"));
    }
}
