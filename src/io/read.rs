//! A file goes into a model.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::Verdict;
use super::archive::Archive;
use super::atomic::io_error;
use super::document::Document;
use super::header::{Header, LENGTH_BYTES, header};
use super::lie::RowOrder;
use super::load::{Check, Load, Loaded};
use super::matching::{Matched, Refusal, match_tensors};
use super::open::Open;
use super::open_quantized::open_quantized;
use super::rebuilt::{in_file, rebuilt};
use super::recognise::{SAFETENSORS, open, recognise};
use super::tensor_file::TensorFile;
use super::{IN_MEMORY, check, settings};
use crate::{Result, Scalar, Sequential};

impl<T: Scalar> Sequential<T> {
    /// Gives the model the weights of a safetensors file, of this crate or of PyTorch: `f64`, `f32`, `f16` or `bf16`,
    /// which are rounded to the model's numbers. Which parameters are frozen, and their shares of learning rate and decay,
    /// stay the model's own, whatever the file says. A model without [names of classes](Sequential::classes) takes those of the file,
    /// and one with others refuses it, unless [that is allowed](Load::allow_other_classes).
    ///
    /// PyTorch flattens `[channels, height, width]`, this crate `[height, width, channels]`. A file of this crate says what
    /// it has; of another, which may be either, it has to be told wherever it makes a difference:
    /// [`Load::from_channels_first`] or [`Load::from_channels_last`].
    ///
    /// # Errors
    /// [`crate::Error::Io`] where the file cannot be read, [`crate::Error::File`] where it is none or is damaged, [`crate::Error::Tensors`]
    /// with everything that does not fit. The model is unchanged then.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.load_with(path, &Load::new()).map(drop)
    }

    /// The same in another way.
    ///
    /// # Errors
    /// As [`Sequential::load`].
    pub fn load_with(&mut self, path: impl AsRef<Path>, load: &Load) -> Result<Loaded> {
        let path = path.as_ref();
        load_named(self, &path.display().to_string(), &read(path)?, load)
    }

    /// The same from bytes.
    ///
    /// # Errors
    /// As [`Sequential::load`], without those of the system.
    pub fn load_bytes(&mut self, bytes: &[u8], load: &Load) -> Result<Loaded> {
        load_named(self, IN_MEMORY, bytes, load)
    }

    /// The model that [`Sequential::save`] wrote: layers, weights, which parameters are frozen, and their shares of learning
    /// rate and decay, and the names of the classes.
    ///
    /// # Errors
    /// As [`Sequential::load`]; [`crate::Error::File`] too where the file does not describe its model, as one of PyTorch, or
    /// where a layer is not of this crate: it is told which, and [`Sequential::open_with`] opens it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        open_named(&path.display().to_string(), &read(path)?, &Open::new())
    }

    /// The same with layers of one's own: [`Open`] tells how they are made.
    ///
    /// # Errors
    /// As [`Sequential::open`], and where such a layer cannot be made.
    pub fn open_with(path: impl AsRef<Path>, open: &Open<T>) -> Result<Self> {
        let path = path.as_ref();
        if let Some(quantize) = open.quantize() {
            let file = TensorFile::open(path)?;
            let bytes = |place| file.bytes(place);
            return open_quantized(&path.display().to_string(), file.header(), &bytes, open, quantize);
        }
        open_named(&path.display().to_string(), &read(path)?, open)
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

fn load_named<T: Scalar>(model: &mut Sequential<T>, path: &str, bytes: &[u8], load: &Load) -> Result<Loaded> {
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

fn open_named<T: Scalar>(path: &str, bytes: &[u8], open: &Open<T>) -> Result<Sequential<T>> {
    if let Some(quantize) = open.quantize() {
        let recognised = |problem| recognise(bytes, SAFETENSORS).unwrap_or(problem);
        let text = header(bytes).map_err(recognised).map_err(in_file(path))?;
        let data = &bytes[LENGTH_BYTES + text.len()..];
        let header = Header::parse(text, data.len()).map_err(recognised).map_err(in_file(path))?;
        return open_quantized(path, &header, &|place| Ok(Cow::Borrowed(&data[place])), open, quantize);
    }
    let (archive, document) = parse(bytes).map_err(in_file(path))?;
    let (mut model, document, description) = rebuilt(path, &archive, document.as_ref(), open)?;
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

/// The bytes of a file, which must be one and no device that never ends.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let (file, len) = open(path)?;
    read_bytes(file, len).map_err(|error| io_error("read", path, &error))
}

fn read_bytes(file: File, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reserved = usize::try_from(len).map_err(|_| ErrorKind::OutOfMemory)?;
    bytes.try_reserve_exact(reserved).map_err(|_| ErrorKind::OutOfMemory)?;
    // Where somebody makes the file longer meanwhile, the rest is not read.
    file.take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}
