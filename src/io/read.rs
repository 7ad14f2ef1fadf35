//! The bytes of a file go into a model.

use alloc::borrow::Cow;

use super::Verdict;
use super::archive::Archive;
use super::document::Document;
use super::header::{Header, LENGTH_BYTES, header};
use super::lie::RowOrder;
use super::load::{Check, Load, Loaded};
use super::matching::{Matched, Refusal, match_tensors};
use super::open::Open;
use super::rebuilt::{in_file, rebuilt};
use super::recognise::{SAFETENSORS, recognise};
use super::{IN_MEMORY, check, settings};
use crate::{Result, Scalar, Sequential};

impl<T: Scalar> Sequential<T> {
    /// [`Sequential::load_with`] from bytes.
    ///
    /// # Errors
    /// As [`Sequential::load`], without those of the system.
    pub fn load_bytes(&mut self, bytes: &[u8], load: &Load) -> Result<Loaded> {
        load_named(self, IN_MEMORY, bytes, load)
    }

    /// [`Sequential::open`] from bytes.
    ///
    /// # Errors
    /// As [`Sequential::open`], without those of the system.
    pub fn open_bytes(bytes: &[u8]) -> Result<Self> {
        open_named(IN_MEMORY, bytes, &Open::new())
    }

    /// [`Sequential::open_with`] from bytes.
    ///
    /// # Errors
    /// As [`Sequential::open_with`], without those of the system.
    pub fn open_bytes_with(bytes: &[u8], open: &Open<T>) -> Result<Self> {
        open_named(IN_MEMORY, bytes, open)
    }
}

pub(super) fn load_named<T: Scalar>(
    model: &mut Sequential<T>,
    path: &str,
    bytes: &[u8],
    load: &Load,
) -> Result<Loaded> {
    let (archive, document) = parse(bytes).map_err(in_file(path))?;
    let mut candidate = model.clone();
    let Matched { mut loaded, inputs } = match_tensors(&mut candidate, &archive, document.as_ref(), load)
        .map_err(|refusal| refusal.in_file(path))?;
    if let Some(check) = document.as_ref().and_then(|document| document.check.as_ref()) {
        // The check is of the whole model in the file; of a part of it nothing is known.
        loaded.check = if !loaded.missing.is_empty() {
            Check::LeftOut(format!("the file lacks {} parameters of the model", loaded.missing.len()))
        } else if !loaded.left_over.is_empty() {
            Check::LeftOut(format!("the model lacks {} tensors of the file", loaded.left_over.len()))
        } else {
            let input = document.as_ref().and_then(Document::input);
            check::verify(&candidate, check, input, &inputs).map_err(in_file(path))?
        };
    }
    *model = candidate;
    Ok(loaded)
}

pub(super) fn open_named<T: Scalar>(path: &str, bytes: &[u8], open: &Open<T>) -> Result<Sequential<T>> {
    if let Some(open_quantized) = open.opens_quantized() {
        let recognised = |problem| recognise(bytes, SAFETENSORS).unwrap_or(problem);
        let text = header(bytes).map_err(recognised).map_err(in_file(path))?;
        let data = &bytes[LENGTH_BYTES + text.len()..];
        let header = Header::parse(text, data.len()).map_err(recognised).map_err(in_file(path))?;
        return open_quantized(path, &header, &|place| Ok(Cow::Borrowed(&data[place])), open.known());
    }
    let (archive, document) = parse(bytes).map_err(in_file(path))?;
    let (mut model, document, description) = rebuilt(path, &archive, document.as_ref(), open.known())?;
    match_tensors(&mut model, &archive, Some(document), &Load::new())
        .map_err(|refusal: Refusal| refusal.in_file(path))?;
    settings::apply(&mut model, description).map_err(in_file(path))?;
    if let Some(check) = &document.check {
        check::verify(&model, check, document.input(), &RowOrder::default()).map_err(in_file(path))?;
    }
    Ok(model)
}

/// A file's tensors, and what it says of itself where it is one of this crate.
pub(super) fn parse(bytes: &[u8]) -> Verdict<(Archive<'_>, Option<Document>)> {
    let archive = Archive::parse(bytes)?;
    let document = archive.text.as_deref().map(Document::parse).transpose()?;
    Ok((archive, document))
}
