//! Layers of somebody else's in a file: their settings as JSON, and layers again.

use serde_json::{Map, Value};

use super::Verdict;
use super::document::shape;
use super::json::{Object, number};
use super::known::{Known, is_own};
use super::window::{describe_window, window};
use crate::Scalar;
use crate::layers::{Layer, Setting, Settings};
use crate::prelude::*;

const FOREIGN: &str = "foreign";
const SETTINGS: &str = "settings";

/// Adds what is known of a layer that is not of this crate.
pub(super) fn describe<T: Scalar>(layer: &dyn Layer<T>, entry: &mut Value) {
    entry[FOREIGN] = true.into();
    let settings = layer.settings();
    if !settings.is_empty() {
        let values: Map<String, Value> =
            settings.iter().map(|(name, setting)| (name.to_owned(), value(setting))).collect();
        entry[SETTINGS] = values.into();
    }
}

/// A setting, of this crate's layers too.
pub(super) fn value(setting: &Setting) -> Value {
    match setting {
        Setting::Nothing => Value::Null,
        Setting::Flag(flag) => (*flag).into(),
        Setting::Count(count) => (*count).into(),
        Setting::Number(value) => number(*value),
        Setting::Text(text) => text.as_str().into(),
        Setting::Shape(shape) => shape.axes().into(),
        Setting::Window(window) => describe_window(window),
    }
}

/// The layer of an entry that [`describe`] wrote; `None` for one of this crate.
pub(super) fn restore<T: Scalar>(
    entry: &Object<'_>,
    name: &str,
    known: &Known<T>,
) -> Verdict<Option<Box<dyn Layer<T>>>> {
    if entry.get(FOREIGN).is_none() {
        return Ok(None);
    }
    let kind = entry.text("kind")?;
    let make = known.maker(kind).ok_or_else(|| unknown(name, kind))?;
    let problem = |problem: String| format!("layer `{name}` ({kind}): {problem}");
    let settings = settings(entry, name).map_err(problem)?;
    let layer = make(&settings).map_err(|error| problem(error.to_string()))?;
    if layer.kind() != kind {
        return Err(problem(format!("expected a layer of this kind to be made, got `{}`", layer.kind())));
    }
    Ok(Some(layer))
}

fn settings(entry: &Object<'_>, layer: &str) -> Verdict<Settings> {
    let Some(value) = entry.get(SETTINGS) else { return Ok(Settings::new()) };
    let object = Object::new(SETTINGS, value)?;
    object
        .keys()
        .try_fold(Settings::new(), |settings, name| Ok(settings.with(name, setting(&object, name, layer)?)))
}

fn setting(object: &Object<'_>, name: &str, layer: &str) -> Verdict<Setting> {
    Ok(match object.get(name).unwrap_or(&Value::Null) {
        Value::Null => Setting::Nothing,
        Value::Bool(flag) => Setting::Flag(*flag),
        Value::Number(number) if number.is_u64() => Setting::Count(object.count(name)?),
        Value::Number(_) => Setting::Number(object.number(name)?),
        Value::String(text) => Setting::Text(text.clone()),
        Value::Array(_) => Setting::Shape(shape(object, name)?),
        Value::Object(_) => Setting::Window(window(object, name, layer)?),
    })
}

/// What is wrong with a layer that nobody knows.
pub(super) fn unknown(name: &str, kind: &str) -> String {
    let help = if is_own(kind) {
        "its kind is that of another layer of this crate: build the model in code, and load the file into it"
            .to_owned()
    } else {
        format!(
            "tell how it is made with `Open::with_layer(\"{kind}\", …)` and `Sequential::open_with`, or build the model in code, and load the file into it"
        )
    };
    format!("layer `{name}` ({kind}): expected a layer of this crate, got one that it does not know; {help}")
}
