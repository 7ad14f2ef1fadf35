//! What paths side by side are called.

use super::Sequential;
use super::join::Join;
use crate::prelude::*;
use crate::{Error, Result, Scalar};

/// What branches are called in texts.
pub(super) fn describe(join: Join, paths: usize) -> String {
    format!("branches of {paths}, {join}")
}

/// A path in an error.
pub(super) fn path_label(index: usize, name: &str) -> String {
    if name.is_empty() { format!("path {index}") } else { format!("path {index} `{name}`") }
}

/// An error in a path. A path without a name has its layers under the name of the whole.
pub(super) fn in_path(index: usize, name: &str, error: Error) -> Error {
    if name.is_empty() { error } else { error.in_layer(path_label(index, name)) }
}

/// Whether parameters in different paths have different names.
pub(super) fn check_names<T: Scalar>(paths: &[(String, Option<Sequential<T>>)]) -> Result<()> {
    let mut names: Vec<&str> = Vec::new();
    for (name, model) in paths {
        match model.as_ref().filter(|_| name.is_empty()) {
            Some(model) => names.extend(model.layers().map(|(name, _)| name)),
            None => names.push(name),
        }
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::DuplicateName { name: pair[0].to_owned() }),
        None => Ok(()),
    }
}
