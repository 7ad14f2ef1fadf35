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
    /// which are rounded to the model's numbers. Which parameters are frozen, and their shares of learning rate and weight decay,
    /// stay the model's own, whatever the file says. A model without [names of classes](Sequential::classes) takes those of the file,
    /// and one with others refuses it, unless [that is allowed](Load::allow_other_classes).
    ///
    /// PyTorch flattens `[channels, height, width]`, this crate `[height, width, channels]`. A file of this crate says what
    /// it has; of another, which may be either, it has to be told wherever it makes a difference:
    /// [`Load::from_channels_first`] or [`Load::from_channels_last`].
    ///
    /// ```no_run
    /// use taper::Sequential;
    ///
    /// let mut model = Sequential::<f32>::builder([784]).dense(128).named("fc1").relu().dense(3).named("fc2").build(&mut taper::seeded(7))?;
    /// model.load("of_pytorch.safetensors")?; // safetensors.torch.save_file(model.state_dict(), "of_pytorch.safetensors")
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`crate::Error::Io`] where the file cannot be read, [`crate::Error::File`] where it is none or is damaged, [`crate::Error::Tensors`]
    /// with everything that does not fit. The model is unchanged then.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.load_with(path, &Load::new()).map(drop)
    }

    /// [`Sequential::load`] with [settings](Load); it tells what was unusual.
    ///
    /// # Errors
    /// As [`Sequential::load`]; a rule or a name of the settings that cannot be is among what does not fit.
    pub fn load_with(&mut self, path: impl AsRef<Path>, load: &Load) -> Result<Loaded> {
        let path = path.as_ref();
        load_named(self, &path.display().to_string(), &read(path)?, load)
    }

    /// The model that [`Sequential::save`] wrote: layers, weights, the names of the classes, which parameters are frozen, and their
    /// shares of learning rate and weight decay.
    ///
    /// ```no_run
    /// use taper::{Sequential, Tensor};
    ///
    /// let model = Sequential::<f32>::open("model.safetensors")?;
    /// let outputs = model.predict(&Tensor::zeros([1, 784])?)?;
    /// # let _ = outputs;
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Sequential::load`]; [`crate::Error::File`] too where the file does not describe its model, as one of PyTorch, or
    /// where a layer is not of this crate: it is told which, and [`Sequential::open_with`] opens it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        open_named(&path.display().to_string(), &read(path)?, &Open::new())
    }

    /// [`Sequential::open`] with [settings](Open): how layers of one's own are made, and whether weights get fewer bits.
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
