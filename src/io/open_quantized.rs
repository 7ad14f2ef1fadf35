//! A file becomes a model of fewer bits, a layer at a time.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;

use super::Verdict;
use super::archive::{Archive, Entry};
use super::document::Document;
use super::file_order::{FileOrder, adopt};
use super::header::{Header, TEXT};
use super::known::Known;
use super::lie::Lie;
use super::load::Load;
use super::matching::{BESIDE, Refusal, check_limits, fitting};
use super::rebuilt::{in_file, rebuilt};
use crate::layers::{Layer, Param};
use crate::prelude::*;
use crate::{Result, Scalar, Sequential};

/// Makes a model of fewer bits of one whose parameters what it is given puts there, a layer at a time.
pub(super) type Quantize<'q, T> = dyn Fn(&Sequential<T>, &mut Fill<'_, T>) -> Result<Sequential<T>> + 'q;

/// Puts the parameters of a layer there.
type Fill<'a, T> = dyn FnMut(&mut dyn Layer<T>) -> Result<()> + 'a;

/// Reads the bytes at a place behind the header.
pub(super) type Bytes<'a> = dyn Fn(core::ops::Range<usize>) -> Result<Cow<'a, [u8]>> + 'a;

/// The model of a file of which only the header was read. Each layer's tensors are read when its turn comes, and are gone when it has
/// fewer bits.
pub(super) fn open_quantized<T: Scalar>(
    path: &str,
    header: &Header,
    bytes: &Bytes<'_>,
    known: &Known<T>,
    quantize: &Quantize<'_, T>,
) -> Result<Sequential<T>> {
    let text = header.texts.get(TEXT);
    let document = text.map(|text| Document::parse(text)).transpose().map_err(in_file(path))?;
    let entries = header.tensors.iter().map(|(name, described)| Entry {
        name: name.clone(),
        dtype: described.dtype,
        shape: described.shape,
        bytes: &[],
    });
    let archive = Archive { entries: entries.collect(), text: None };
    // Zeros that nobody has written to take no memory.
    let (mut model, document, _) = rebuilt(path, &archive, document.as_ref(), known)?;
    let load = Load::new();
    adopt(&mut model, &document.said, &|name| archive.entry(name).map(|entry| entry.name.clone()));
    let order = FileOrder::new(&mut model, Some(document), &load).map_err(in_file(path))?;
    let lies = order.lies(&model).map_err(in_file(path))?;
    let lies = checked(&model, &archive, document, lies).map_err(|refusal| refusal.in_file(path))?;
    let places: BTreeMap<&str, _> =
        header.tensors.iter().map(|(name, tensor)| (&**name, &tensor.place)).collect();
    quantize(&model, &mut |layer| {
        let mut result = Ok(());
        layer.params_mut(&mut |param| {
            if result.is_ok() {
                let read = || bytes(places[param.name()].clone());
                result = read().and_then(|bytes| {
                    let entry = archive.entry(param.name()).expect("it was found before");
                    let entry = Entry { bytes: &bytes, ..entry.clone() };
                    give(param, &entry, &lies[param.name()]).map_err(in_file(path))
                });
            }
        });
        result
    })
}

/// How each parameter lies in the file, where it has all of them and no others.
fn checked<T: Scalar>(
    model: &Sequential<T>,
    archive: &Archive<'_>,
    document: &Document,
    lies: Vec<Lie>,
) -> core::result::Result<BTreeMap<String, Lie>, Refusal> {
    let (mut problems, mut found, mut lies) = (Vec::new(), BTreeMap::new(), lies.into_iter());
    let mut own: BTreeMap<&str, &Entry<'_>> = archive
        .entries
        .iter()
        .filter(|entry| document.checkpoint.is_none() || !entry.name.starts_with(BESIDE))
        .map(|entry| (&*entry.name, entry))
        .collect();
    model.params(&mut |param| {
        let lie = lies.next().expect("one for each parameter");
        match own.remove(param.name()) {
            None => problems.push(format!("`{}` {} is missing", param.name(), lie.shape(param))),
            Some(entry) => {
                let problem = fitting(param, entry, lie.shape(param)).err();
                problems.extend(problem.map(|problem| format!("`{}`: {problem}", param.name())));
            }
        }
        found.insert(param.name().to_owned(), lie);
    });
    let left = archive.entries.iter().filter(|entry| own.contains_key(&*entry.name));
    problems.extend(left.map(|entry| format!("`{}` {} is left over", entry.name, entry.shape)));
    if problems.is_empty() { Ok(found) } else { Err(Refusal(problems)) }
}

/// Gives a parameter the numbers of its tensor.
fn give<T: Scalar>(param: &mut Param<T>, entry: &Entry<'_>, lie: &Lie) -> Verdict<()> {
    let name = &entry.name;
    let told = |problem: String| format!("`{name}`: {problem}");
    let numbers = fitting(param, entry, lie.shape(param)).map_err(told)?;
    if let Some((place, value)) = numbers.not_finite(|value: T| param.is_finite(value)) {
        return Err(told(format!("expected finite values, got {value} at {place}")));
    }
    check_limits(param, entry)?;
    let place = lie.place(param);
    param.fill(|row, column| numbers.at(place(row, column)));
    Ok(())
}
