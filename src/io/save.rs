//! A model goes into a file.

use std::path::Path;

use super::Verdict;
use super::archive::{Draft, Piece};
use super::atomic::write_atomically;
use super::document::Document;
use super::orientation::Orientation;
use super::values::{dtype_of, encode};
use super::{check, description};
use crate::layers::{Layer, Param};
use crate::{Error, Result, Scalar, Sequential, Tensor};

/// How a model is written; for [`Sequential::save_with`].
///
/// ```
/// use taper::io::{Orientation, Save};
///
/// let save = Save::<f32>::new().with_orientation(Orientation::Keras);
/// # let _ = save;
/// ```
#[derive(Debug, Clone)]
pub struct Save<T> {
    orientation: Orientation,
    check: Option<Tensor<T>>,
}

impl<T: Scalar> Save<T> {
    /// In PyTorch's orientation, without a check.
    #[must_use]
    pub fn new() -> Self {
        Self { orientation: Orientation::default(), check: None }
    }

    /// Which axis of a dense weight comes first.
    #[must_use]
    pub fn with_orientation(mut self, orientation: Orientation) -> Self {
        self.orientation = orientation;
        self
    }

    /// Writes these inputs and the model's outputs for them beside the weights, at most 16 samples. Whoever reads the file
    /// compares, and refuses weights that are exchanged, transposed or damaged: outputs must agree to 1e-3 of the
    /// largest in `f32`, 1e-9 in `f64`.
    #[must_use]
    pub fn with_check(mut self, inputs: &Tensor<T>) -> Self {
        self.check = Some(inputs.clone());
        self
    }

    fn draft<'m>(&self, model: &'m Sequential<T>) -> Result<Verdict<Draft<'m>>> {
        let check = self.check.as_ref().map(|inputs| check::make(model, inputs.view())).transpose()?;
        let document = Document { orientation: self.orientation, check, ..Document::of(model) };
        Ok(document.into_text().and_then(|text| Draft::new(parameters(model, self.orientation), text)))
    }
}

impl<T: Scalar> Default for Save<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl Document {
    /// What there is to say of a model.
    pub(super) fn of<T: Scalar>(model: &Sequential<T>) -> Self {
        let model_part = Some(description::describe(model));
        Self { flattened: model.flattened(), model: model_part, ..Self::default() }
    }
}

/// The parameters of a model as tensors of a file.
pub(super) fn parameters<T: Scalar>(model: &Sequential<T>, orientation: Orientation) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    model.params(&mut |param| pieces.push(piece(param.name(), param, param.buffer(), orientation)));
    pieces
}

/// A buffer that is laid out as a parameter's, as a tensor of a file.
pub(super) fn piece<'a, T: Scalar>(
    name: &str,
    param: &'a Param<T>,
    buffer: &'a [T],
    orientation: Orientation,
) -> Piece<'a> {
    Piece {
        name: name.to_owned(),
        dtype: dtype_of::<T>(),
        shape: orientation.shape_of(param).axes().to_vec(),
        bytes: Box::new(move || encode(orientation.of_buffer(param, buffer).as_slice())),
    }
}

/// Writes a file as a whole or not at all.
pub(super) fn write(path: &Path, draft: Verdict<Draft<'_>>) -> Result<()> {
    let draft = draft.map_err(|problem| Error::File { path: path.display().to_string(), problem })?;
    write_atomically(path, &mut |file| draft.write(file))
}

impl<T: Scalar> Sequential<T> {
    /// Writes the model into a safetensors file: weights as PyTorch keeps them, and a description from which
    /// [`Sequential::open`] makes the model again.
    ///
    /// The file is the old one or the new one at any time, even if the process or the machine dies.
    ///
    /// ```no_run
    /// # let model = taper::Sequential::<f32>::builder([4]).dense(3).build(&mut taper::seeded(7))?;
    /// model.save("model.safetensors")?;
    /// let again = taper::Sequential::<f32>::open("model.safetensors")?;
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be written; [`Error::File`] where two parameters have the same name, or names
    /// are beyond what a file may have.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_with(path, &Save::new())
    }

    /// The same in another way.
    ///
    /// # Errors
    /// As [`Sequential::save`], and where the inputs of a check do not fit the model.
    pub fn save_with(&self, path: impl AsRef<Path>, save: &Save<T>) -> Result<()> {
        write(path.as_ref(), save.draft(self)?)
    }

    /// The bytes that [`Sequential::save_with`] would write, for where there are no files.
    ///
    /// # Errors
    /// As [`Sequential::save_with`].
    pub fn to_bytes(&self, save: &Save<T>) -> Result<Vec<u8>> {
        let draft = save.draft(self)?;
        let draft = draft.map_err(|problem| Error::File { path: super::IN_MEMORY.into(), problem })?;
        let mut bytes = Vec::new();
        draft.write(&mut bytes).expect("memory takes all that is written");
        Ok(bytes)
    }
}
