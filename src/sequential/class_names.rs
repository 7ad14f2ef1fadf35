//! The names of classes, checked.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use crate::prelude::*;
use crate::{Error, Result};

/// The most bytes of a name.
const MOST_BYTES: usize = 1024;

/// Names of classes, in their order. Shared, for every evaluation has them.
pub(crate) type ClassNames = Arc<[String]>;

/// As many names as there are classes.
///
/// # Errors
/// [`Error::Length`] for another number of names, [`Error::Setting`] for one that is empty, too long or there twice.
pub(crate) fn class_names<S: Into<String>>(
    names: impl IntoIterator<Item = S>,
    classes: usize,
) -> Result<ClassNames> {
    let names: ClassNames = names.into_iter().map(Into::into).collect();
    if names.len() != classes {
        return Err(Error::Length { what: "names of classes".into(), expected: classes, got: names.len() });
    }
    let mut seen = BTreeSet::new();
    for name in &*names {
        if name.is_empty() || name.len() > MOST_BYTES {
            let got = format!("one of {} bytes", name.len());
            return Err(Error::setting("name of a class", "1 to 1024 bytes", got));
        }
        if !seen.insert(name) {
            return Err(Error::setting("names of classes", "names of their own", format!("two of `{name}`")));
        }
    }
    Ok(names)
}
