//! Max pooling of sequences.

use super::on_sequences::{OfImages, OnSequences};
use super::stored::{Entry, Restored, Stored};
use super::{MaxPool2d, Settings, Window};
use crate::prelude::*;
use crate::{Result, Scalar};

/// Max pooling of sequences: each output is the largest of a window of one channel: y = max xₜ over the places t of the window that lie inside of the sequence.
///
/// It is [`MaxPool2d`] on images of one row. A window is one of one number: `Window::new(3).with_stride(2)`; it moves by its own size
/// unless it has a stride.
///
/// # Shapes
/// `[batch, length, channels]` → `[batch, places, channels]`, with as many places as [`MaxPool2d`] has columns.
///
/// Source: PyTorch's `MaxPool1d` and Keras's `MaxPooling1D`.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([4, 1]).max_pool1d(2).build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 4, 1], vec![1.0_f32, 4.0, 3.0, 2.0])?;
/// assert_eq!(model.predict(&x)?.as_slice(), [4.0, 3.0]);
/// # Ok::<(), taper::Error>(())
/// ```
pub type MaxPool1d = OnSequences<MaxPool2d>;

impl MaxPool1d {
    /// A pool with this window.
    ///
    /// # Errors
    /// As [`MaxPool2d::new`]; and [`Error::Setting`](crate::Error::Setting) where the window has two different numbers.
    pub fn new(window: impl Into<Window>) -> Result<Self> {
        Ok(Self { of_images: MaxPool2d::new(window.into().on_sequences()?)? })
    }

    /// What each output is of.
    #[must_use]
    pub fn window(&self) -> Window {
        self.of_images.window().of_sequences()
    }
}

impl<T: Scalar> OfImages<T> for MaxPool2d {
    const KIND: &'static str = "max_pool1d";

    fn describe_on_sequences(&self) -> String {
        format!("max_pool1d {}", self.window().describe_on_sequences())
    }

    fn settings_on_sequences(&self) -> Settings {
        Settings::new().with("window", self.window().of_sequences())
    }

    fn row(&self) -> Option<Window> {
        Some(self.window())
    }
}

impl<T: Scalar> Stored<T> for MaxPool1d {
    const KINDS: &'static [&'static str] = &["max_pool1d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        Ok(Self::new(entry.window("window")?)?)
    }
}
