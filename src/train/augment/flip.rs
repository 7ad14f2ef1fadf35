//! Mirrored images.

use super::Augment;
use super::image::{check_probability, image_size};
use crate::getters::getters;
use crate::layers::RandomKey;
use crate::{Result, Scalar, TensorViewMut};

/// Mirrors an image with a probability, 0.5 unless set. Keras's `RandomFlip`, torchvision's `RandomHorizontalFlip` and
/// `RandomVerticalFlip`.
///
/// ```text
/// horizontal: y[row, column] = x[row, width − 1 − column]      vertical: y[row, column] = x[height − 1 − row, column]
/// ```
///
/// ```
/// use taper::train::augment::Flip;
///
/// let augmentation = Flip::horizontal().with_probability(0.3)?;
/// assert_eq!((augmentation.is_vertical(), augmentation.probability()), (false, 0.3));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flip {
    is_vertical: bool,
    probability: f64,
}

impl Flip {
    /// Left and right change places.
    #[must_use]
    pub fn horizontal() -> Self {
        Self { is_vertical: false, probability: 0.5 }
    }

    /// Top and bottom change places.
    #[must_use]
    pub fn vertical() -> Self {
        Self { is_vertical: true, ..Self::horizontal() }
    }

    /// How often an image is mirrored.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) unless from 0 to 1.
    pub fn with_probability(mut self, probability: f64) -> Result<Self> {
        self.probability = check_probability(probability)?;
        Ok(self)
    }

    getters! {
        /// Whether top and bottom change places, instead of left and right.
        is_vertical: bool;
        /// How often an image is mirrored.
        probability: f64;
    }
}

impl<T: Scalar> Augment<T> for Flip {
    fn augment(&self, sample: TensorViewMut<'_, T>, _: &mut [T], random: RandomKey) -> Result<()> {
        let [_, width, channels] = image_size(sample.shape())?;
        if random.uniform(0) >= self.probability {
            return Ok(());
        }
        // A row is reversed pixel by pixel, and so is an image row by row.
        let (image, row) = (sample.into_slice(), width * channels);
        if self.is_vertical {
            reverse(image, row);
        } else {
            image.chunks_exact_mut(row.max(1)).for_each(|row| reverse(row, channels));
        }
        Ok(())
    }
}

/// Brings runs of this length into the opposite order.
fn reverse<T: Scalar>(values: &mut [T], run: usize) {
    let runs = values.len() / run.max(1);
    for first in 0..runs / 2 {
        let (before, after) = values.split_at_mut((runs - 1 - first) * run);
        before[first * run..][..run].swap_with_slice(&mut after[..run]);
    }
}
