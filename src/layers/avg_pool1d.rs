//! Average pooling of sequences.

use super::on_sequences::{OfImages, OnSequences};
use super::stored::{Entry, Restored, Stored};
use super::{AvgPool2d, Settings, Window};
use crate::prelude::*;
use crate::{Result, Scalar};

/// Average pooling of sequences: each output is the mean of a window of one channel: y = Σ xₜ / n over the places t of the window that lie inside of the sequence.
/// What n is depends on the padding, as in [`AvgPool2d`].
///
/// It is [`AvgPool2d`] on images of one row. A window is one of one number: `Window::new(3).with_stride(2)`; it moves by its own size
/// unless it has a stride.
///
/// # Shapes
/// `[batch, length, channels]` → `[batch, places, channels]`, with as many places as [`AvgPool2d`] has columns.
///
/// Source: PyTorch's `AvgPool1d` and Keras's `AveragePooling1D`.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([4, 1]).avg_pool1d(2).build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 4, 1], vec![1.0_f32, 4.0, 3.0, 2.0])?;
/// assert_eq!(model.predict(&x)?.as_slice(), [2.5, 2.5]);
/// # Ok::<(), taper::Error>(())
/// ```
pub type AvgPool1d = OnSequences<AvgPool2d>;

impl AvgPool1d {
    /// A pool with this window.
    ///
    /// # Errors
    /// As [`AvgPool2d::new`]; and [`Error::Setting`](crate::Error::Setting) where the window has two different numbers.
    pub fn new(window: impl Into<Window>) -> Result<Self> {
        Ok(Self { of_images: AvgPool2d::new(window.into().on_sequences()?)? })
    }

    /// Means over the places inside of the sequence alone: PyTorch's `count_include_pad=False`.
    #[must_use]
    pub fn without_counting_padding(self) -> Self {
        Self { of_images: self.of_images.without_counting_padding() }
    }

    /// Means over the whole window, where padding counts as zeros: PyTorch's and ONNX's `count_include_pad`.
    #[must_use]
    pub fn with_counting_padding(self) -> Self {
        Self { of_images: self.of_images.with_counting_padding() }
    }

    /// Divides each sum by this, whatever counts: [`AvgPool2d::with_divisor_override`].
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for 0.
    pub fn with_divisor_override(self, divisor: usize) -> Result<Self> {
        Ok(Self { of_images: self.of_images.with_divisor_override(divisor)? })
    }

    /// What each sum is divided by, where that is told.
    #[must_use]
    pub fn divisor_override(&self) -> Option<usize> {
        self.of_images.divisor_override()
    }

    /// Whether what is around the sequence counts as zeros.
    #[must_use]
    pub fn counts_padding(&self) -> bool {
        self.of_images.counts_padding()
    }

    /// What each output is of.
    #[must_use]
    pub fn window(&self) -> Window {
        self.of_images.window().of_sequences()
    }
}

impl<T: Scalar> OfImages<T> for AvgPool2d {
    const KIND: &'static str = "avg_pool1d";

    fn describe_on_sequences(&self) -> String {
        format!("avg_pool1d {}{}", self.window().describe_on_sequences(), self.divisor_text())
    }

    fn settings_on_sequences(&self) -> Settings {
        let settings = Settings::new().with("window", self.window().of_sequences());
        self.divided(settings.with("counts_padding", self.counts_padding()))
    }

    fn row(&self) -> Option<Window> {
        Some(self.window())
    }
}

impl<T: Scalar> Stored<T> for AvgPool1d {
    const KINDS: &'static [&'static str] = &["avg_pool1d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let pool = Self::new(entry.window("window")?)?;
        let counts_padding = entry.flag("counts_padding")?;
        let pool =
            if counts_padding { pool.with_counting_padding() } else { pool.without_counting_padding() };
        if entry.has("divisor_override") {
            return Ok(pool.with_divisor_override(entry.count("divisor_override")?)?);
        }
        Ok(pool)
    }
}
