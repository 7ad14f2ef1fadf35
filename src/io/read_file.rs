//! A file goes into a model.

use std::path::Path;

use super::file::read;
use super::load::{Load, Loaded};
use super::open::Open;
use super::read::{load_named, open_named};
use super::tensor_file::TensorFile;
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
        if let Some(open_quantized) = open.opens_quantized() {
            let file = TensorFile::open(path)?;
            let bytes = |place| file.bytes(place);
            return open_quantized(&path.display().to_string(), file.header(), &bytes, open.known());
        }
        open_named(&path.display().to_string(), &read(path)?, open)
    }
}
