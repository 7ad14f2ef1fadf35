//! Adaptive average pooling: a sequence of any length becomes one of a given length.

use super::on_sequences::{OfImages, OnSequences};
use super::stored::{Entry, Restored, Stored};
use super::{AdaptiveAvgPool2d, Settings};
use crate::prelude::*;
use crate::{Result, Scalar};

/// Adaptive average pooling of sequences: each output is the mean of one of so many parts of the sequence, in one channel: from ⌊o·length / output⌋ up to
/// ⌈(o + 1)·length / output⌉.
///
/// It is [`AdaptiveAvgPool2d`] on images of one row.
///
/// # Shapes
/// `[batch, length, channels]` → `[batch, output, channels]`.
///
/// Source: PyTorch's `AdaptiveAvgPool1d` and Keras's `AdaptiveAveragePooling1D`. With an output of 1 it is a global pool that keeps its axis.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([5, 1]).adaptive_avg_pool1d(2).build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 5, 1], vec![1.0_f32, 2.0, 6.0, 4.0, 5.0])?;
/// assert_eq!(model.predict(&x)?.as_slice(), [3.0, 5.0]); // of 1, 2, 6 and of 6, 4, 5
/// # Ok::<(), taper::Error>(())
/// ```
pub type AdaptiveAvgPool1d = OnSequences<AdaptiveAvgPool2d>;

impl AdaptiveAvgPool1d {
    /// A pool with so many outputs.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) where it is 0.
    pub fn new(output: usize) -> Result<Self> {
        // So that the error has one number.
        let width = AdaptiveAvgPool2d::new(output)?.output().width;
        Ok(Self { of_images: AdaptiveAvgPool2d::new([1, width])? })
    }

    /// The length of an output.
    #[must_use]
    pub fn output(&self) -> usize {
        self.of_images.output().width
    }
}

impl<T: Scalar> OfImages<T> for AdaptiveAvgPool2d {
    const KIND: &'static str = "adaptive_avg_pool1d";

    fn describe_on_sequences(&self) -> String {
        format!("adaptive_avg_pool1d -> {}", self.output().width)
    }

    fn settings_on_sequences(&self) -> Settings {
        Settings::new().with("output", self.output().width)
    }
}

impl<T: Scalar> Stored<T> for AdaptiveAvgPool1d {
    const KINDS: &'static [&'static str] = &["adaptive_avg_pool1d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        Ok(Self::new(entry.count("output")?)?)
    }
}
