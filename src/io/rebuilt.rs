//! The model that a file describes, before it has the numbers of the file.

use alloc::collections::BTreeMap;

use serde_json::Value;

use super::archive::{Archive, Entry};
use super::document::Document;
use super::known::Known;
use super::values::Numbers;
use super::{Verdict, description};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Sequential, Shape};

/// The model that a file describes, of zeros, and what the file says.
pub(super) fn rebuilt<'d, T: Scalar>(
    path: &str,
    archive: &Archive<'_>,
    document: Option<&'d Document>,
    known: &Known<T>,
) -> Result<(Sequential<T>, &'d Document, &'d Value)> {
    let Some((document, Some(description))) = document.map(|document| (document, &document.model)) else {
        let problem = "expected a description of the model, got only tensors; build the model in code, and load the file into it";
        return Err(in_file(path)(problem.to_owned()));
    };
    // A tensor that is taken is gone, so that no file makes more parameters than it has.
    let mut entries: BTreeMap<&str, &Entry<'_>> =
        archive.entries.iter().map(|entry| (&*entry.name, entry)).collect();
    let mut shape = |name: &str| -> Verdict<Shape> {
        let entry = entries.remove(name).ok_or_else(|| format!("tensor `{name}` is missing"))?;
        let numbers = Numbers::bytes(entry.dtype, entry.bytes).map_or_else(|| entry.numbers(), Ok);
        numbers.map_err(|problem| format!("tensor `{name}`: {problem}"))?;
        Ok(entry.shape)
    };
    let model = description::rebuild(description, document, &mut shape, known).map_err(in_file(path))?;
    Ok((model, document, description))
}

pub(super) fn in_file(path: &str) -> impl FnOnce(String) -> Error + '_ {
    move |problem| Error::file(path, &problem)
}
