//! A stored tensor becomes a constant: its bytes are looked at, and found where they are in another file.

use std::borrow::Cow;

use super::constant::{Constant, elements};
use super::count::Count;
use super::element::Element;
use super::external::External;
use super::message::Stored;
use crate::io::Verdict;

/// The numbers of a stored tensor.
pub(super) fn constant<'a>(stored: &Stored<'a>, external: &External<'_>) -> Verdict<Constant<'a>> {
    read(stored, external).map_err(|problem| format!("tensor `{}`: {problem}", stored.name))
}

fn read<'a>(stored: &Stored<'a>, external: &External<'_>) -> Verdict<Constant<'a>> {
    let dims = stored.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<_>>>();
    let dims = dims.filter(|dims| dims.len() <= MOST_AXES);
    let dims = dims.ok_or_else(|| {
        format!(
            "expected at most {MOST_AXES} axes from 0 to {}, got {:.12?}",
            usize::MAX,
            &stored.dims[..stored.dims.len().min(12)]
        )
    })?;
    let element = Element::of(stored.element).ok_or_else(|| {
        format!("expected numbers of 32, 64 or 16 bits or whole ones, got {}", Element::name(stored.element))
    })?;
    let len = elements(&dims).and_then(|len| Some((len, element.in_file(len)?)));
    let (len, size) = len.ok_or_else(|| format!("expected a shape that fits into memory, got {dims:?}"))?;
    let wrong =
        |got: usize, what: &str| format!("{dims:?} takes {size} bytes, expected as many, got {got} {what}");
    let bytes: Cow<'a, [u8]> = if stored.is_external {
        external.read(&stored.external, size)?.into()
    } else if let Some(raw) = stored.raw {
        raw.into()
    } else if !stored.floats.is_empty() || stored.integers.is_empty() {
        if element.is_whole() && len > 0 {
            return Err(wrong(0, "of whole numbers"));
        }
        stored.floats.clone()
    } else if stored.integers.len() != if element.is_packed() { size } else { len } {
        return Err(format!("{dims:?} has {len} elements, expected as many, got {}", stored.integers.len()));
    } else if element.is_whole() && element.size() == 8 {
        let counts = stored.integers.iter().map(|&integer| Count::of(integer)).collect();
        return Ok(Constant::of_counts(dims, counts).named(stored.name));
    } else if element.is_whole() || element.is_half() {
        stored
            .integers
            .iter()
            .flat_map(|integer| integer.to_le_bytes().into_iter().take(element.size()))
            .collect()
    } else {
        return Err(wrong(0, "of numbers"));
    };
    if bytes.len() == size {
        let bytes = if element.is_packed() { element.unpacked(&bytes, len).into() } else { bytes };
        Ok(Constant::of_bytes(dims, element, bytes, stored.name))
    } else {
        Err(wrong(bytes.len(), "in the file"))
    }
}

/// As many axes as no operation of a network has.
const MOST_AXES: usize = 16;
