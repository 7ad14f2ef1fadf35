//! Loads a file into a model.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::Verdict;
use super::archive::{Archive, Entry};
use super::atomic::io_error;
use super::document::Document;
use super::lie::RowOrder;
use super::matching::{Matched, Refusal, match_tensors};
use super::orientation::Orientation;
use super::recognise::open;
use super::{IN_MEMORY, check, description, settings};
use crate::{Error, Result, Scalar, Sequential, Shape};

/// How a file is read into a model; for [`Sequential::load_with`].
///
/// A file of PyTorch whose layers have other names, with a head that is not wanted:
///
/// ```
/// use taper::io::Load;
///
/// let load = Load::new()
///     .with_rename("classifier.0.", "fc1.")
///     .with_rename("classifier.3.", "fc2.")
///     .allow_left_over();
/// # let _ = load;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Load {
    pub(super) orientation: Option<Orientation>,
    pub(super) renames: Vec<(String, String)>,
    pub(super) features: Option<Features>,
    pub(super) in_model_order: Vec<String>,
    pub(super) allow_missing: bool,
    pub(super) allow_left_over: bool,
    pub(super) allow_not_finite: bool,
}

/// The order of the features in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Features {
    /// `[channels, height, width]`.
    ChannelsFirst([usize; 3]),
    /// `[height, width, channels]`.
    ChannelsLast([usize; 3]),
}

impl Features {
    pub(super) fn is_first(self) -> bool {
        matches!(self, Self::ChannelsFirst(_))
    }

    /// As they are in the file.
    pub(super) fn axes(self) -> Shape {
        let (Self::ChannelsFirst(axes) | Self::ChannelsLast(axes)) = self;
        axes.into()
    }

    /// As they are here.
    pub(super) fn channels_last(self) -> Shape {
        match self {
            Self::ChannelsFirst([channels, height, width]) => [height, width, channels].into(),
            Self::ChannelsLast(axes) => axes.into(),
        }
    }
}

/// What was unusual about a file that was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// Parameters that the file lacks; they are as they were.
    pub missing: Vec<String>,
    /// Tensors of the file that the model lacks.
    pub left_over: Vec<String>,
    /// Parameters with a NaN or an infinity.
    pub not_finite: Vec<String>,
    /// What became of the [check](super::Save::with_check) in the file.
    pub check: Check,
}

/// What became of the check that a file may carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// The file has none.
    #[default]
    Absent,
    /// The outputs are those that the file says.
    Passed,
    /// It could not be made, for this reason.
    LeftOut(String),
}

impl Load {
    /// The file must have just the model's tensors, all finite; weights lie as the file says, or as in PyTorch where it
    /// does not say.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Which way dense weights lie in the file, whatever it says itself.
    #[must_use]
    pub fn with_orientation(mut self, orientation: Orientation) -> Self {
        self.orientation = Some(orientation);
        self
    }

    /// A name in the file that begins with `from` begins with `to` instead; a whole name may be given too. The first
    /// rule that fits a name is used, and only that.
    #[must_use]
    pub fn with_rename(mut self, from: &str, to: &str) -> Self {
        self.renames.push((from.to_owned(), to.to_owned()));
        self
    }

    /// The file's features are `[channels, height, width]`, as PyTorch flattens them: whatever lies along them is put into
    /// the model's order, `[height, width, channels]`. A model that takes a row of features knows from then on what they are.
    ///
    /// The sizes are those of the features that some layer of the model flattens; one call is for the whole file.
    ///
    /// ```
    /// # let load = taper::io::Load::new();
    /// load.from_channels_first([256, 7, 7]); // for a model that flattens 7×7×256
    /// ```
    #[must_use]
    pub fn from_channels_first(mut self, features: [usize; 3]) -> Self {
        self.features = Some(Features::ChannelsFirst(features));
        self
    }

    /// The file's features are `[height, width, channels]`, as Keras flattens them, and so are those of a model of this
    /// crate: they stay as they are. Of a model whose input is `[channels, height, width]` and that flattens it so, they
    /// are put into that order.
    #[must_use]
    pub fn from_channels_last(mut self, features: [usize; 3]) -> Self {
        self.features = Some(Features::ChannelsLast(features));
        self
    }

    /// This parameter of the model lies in the file as it does in the model, whatever it lies along: for one of a layer of
    /// one's own, which nobody else can put in order.
    #[must_use]
    pub fn in_model_order(mut self, parameter: &str) -> Self {
        self.in_model_order.push(parameter.to_owned());
        self
    }

    /// Parameters that the file lacks stay as they are.
    #[must_use]
    pub fn allow_missing(mut self) -> Self {
        self.allow_missing = true;
        self
    }

    /// Tensors that the model lacks are left alone.
    #[must_use]
    pub fn allow_left_over(mut self) -> Self {
        self.allow_left_over = true;
        self
    }

    /// NaN and infinity are read as they are, and told in [`Loaded::not_finite`].
    #[must_use]
    pub fn allow_not_finite(mut self) -> Self {
        self.allow_not_finite = true;
        self
    }
}

impl<T: Scalar> Sequential<T> {
    /// Gives the model the weights of a safetensors file, of this crate or of PyTorch: `f64`, `f32`, `f16` or `bf16`,
    /// which are rounded to the model's numbers. Which parameters are frozen, and their shares of learning rate and decay,
    /// stay the model's own, whatever the file says.
    ///
    /// PyTorch flattens `[channels, height, width]`, this crate `[height, width, channels]`. A file of this crate says what
    /// it has; of another, which may be either, it has to be told wherever it makes a difference:
    /// [`Load::from_channels_first`] or [`Load::from_channels_last`].
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, [`Error::File`] where it is none or is damaged, [`Error::Tensors`]
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
    /// rate and decay.
    ///
    /// # Errors
    /// As [`Sequential::load`]; [`Error::File`] too where the file does not describe its model, as one of PyTorch, or
    /// where a layer is not of this crate: it is told which.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        open_named(&path.display().to_string(), &read(path)?)
    }

    /// The same from bytes.
    ///
    /// # Errors
    /// As [`Sequential::open`], without those of the system.
    pub fn open_bytes(bytes: &[u8]) -> Result<Self> {
        open_named(IN_MEMORY, bytes)
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

fn open_named<T: Scalar>(path: &str, bytes: &[u8]) -> Result<Sequential<T>> {
    let (archive, document) = parse(bytes).map_err(in_file(path))?;
    let Some((document, Some(description))) = document.as_ref().map(|document| (document, &document.model))
    else {
        let problem = "expected a description of the model, got only tensors; build the model in code, and load the file into it";
        return Err(in_file(path)(problem.to_owned()));
    };
    // A tensor that is taken is gone, so that no file makes more parameters than it has.
    let mut entries: HashMap<&str, &Entry<'_>> =
        archive.entries.iter().map(|entry| (&*entry.name, entry)).collect();
    let mut shape = |name: &str| -> Verdict<Shape> {
        let entry = entries.remove(name).ok_or_else(|| format!("tensor `{name}` is missing"))?;
        entry.numbers().map_err(|problem| format!("tensor `{name}`: {problem}"))?;
        Ok(entry.shape)
    };
    let mut model = description::rebuild(description, document, &mut shape).map_err(in_file(path))?;
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

pub(super) fn in_file(path: &str) -> impl FnOnce(String) -> Error + '_ {
    move |problem| Error::file(path, &problem)
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
