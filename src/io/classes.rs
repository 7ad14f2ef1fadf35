//! The names of the classes in a file.

use serde_json::{Value, json};

use super::Verdict;
use super::json::Object;
use super::load::{Load, Loaded, Unusual};
use crate::brief::brief;
use crate::prelude::*;
use crate::{Scalar, Sequential};

const CLASSES: &str = "classes";

/// The most bytes of an error's text for the names of each side.
const MOST_BYTES: usize = 200;

/// Adds the names to a model's description, where there are any.
pub(super) fn describe<T: Scalar>(model: &Sequential<T>, description: &mut Value) {
    if let Some(names) = model.classes() {
        description[CLASSES] = json!(names);
    }
}

/// Gives a model the names of its description.
///
/// # Errors
/// Where they are no names of its classes.
pub(super) fn apply<T: Scalar>(model: &mut Sequential<T>, description: &Value) -> Verdict<()> {
    names(description)?.map_or(Ok(()), |names| set(model, names))
}

/// The same for a model that the file was read into, where all of it was.
///
/// # Errors
/// Where the model has other names, too.
pub(super) fn adopt<T: Scalar>(
    model: &mut Sequential<T>,
    description: &Value,
    load: &Load,
    loaded: &Loaded,
) -> Verdict<()> {
    if load.allows(Unusual::OtherClasses) || !(loaded.missing.is_empty() && loaded.left_over.is_empty()) {
        return Ok(());
    }
    let Some(names) = names(description)? else { return Ok(()) };
    match model.classes() {
        None => set(model, names),
        Some(own) if *own == *names => Ok(()),
        Some(own) => {
            let told = |names: Vec<&str>| brief(&names.join(", "), MOST_BYTES);
            let own = told(own.iter().map(String::as_str).collect());
            Err(format!(
                "expected the model's classes {own}, got {}; `allow_other_classes` keeps the model's",
                told(names)
            ))
        }
    }
}

fn set<T: Scalar>(model: &mut Sequential<T>, names: Vec<&str>) -> Verdict<()> {
    model.set_classes(names).map_err(|error| format!("model: {error}"))
}

fn names(description: &Value) -> Verdict<Option<Vec<&str>>> {
    let object = Object::new("model", description)?;
    if object.get(CLASSES).is_none_or(Value::is_null) {
        return Ok(None);
    }
    let names = object.list(CLASSES)?.iter().map(Value::as_str).collect::<Option<_>>();
    names.map(Some).ok_or_else(|| format!("model: expected `{CLASSES}`, a list of texts"))
}
