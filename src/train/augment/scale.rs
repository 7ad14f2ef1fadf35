//! Images made larger or smaller.

use super::Augment;
use super::image::check_fill;
use super::resample::resample;
use crate::getters::getters;
use crate::layers::RandomKey;
use crate::{Error, Result, Scalar, TensorViewMut};

/// Makes an image larger or smaller about its centre, by a factor f that is uniform between two numbers. The image stays as large:
/// what is larger is cut off, what is smaller gets a margin. Keras's `RandomZoom`, whose factors say how much is seen.
///
/// ```text
/// y[row, column] = x[centre + (row − centre)/f, centre + (column − centre)/f],  centre = (height − 1, width − 1)/2
/// ```
///
/// Between pixels, x is linear in both directions; pixels outside of the image are the fill value, 0 unless set.
///
/// ```
/// use taper::train::augment::Scale;
///
/// let augmentation = Scale::new(0.9, 1.2)?;
/// assert_eq!(augmentation.factors(), [0.9, 1.2]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    least: f64,
    most: f64,
    fill: f64,
}

impl Scale {
    /// Factors from `least` to `most`: 1 leaves an image as it is, 2 shows half of its height and width.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite, above 0 and in order.
    pub fn new(least: f64, most: f64) -> Result<Self> {
        if !(least > 0.0 && least <= most && most.is_finite() && least.recip().is_finite()) {
            let got = format!("{least} and {most}");
            return Err(Error::setting("scale", "finite factors above 0, the smaller one first", got));
        }
        Ok(Self { least, most, fill: 0.0 })
    }

    /// What comes in from outside.
    ///
    /// # Errors
    /// [`Error::Setting`] for what is not finite.
    pub fn with_fill(mut self, fill: f64) -> Result<Self> {
        self.fill = check_fill(fill)?;
        Ok(self)
    }

    getters! {
        /// The smallest and the largest factor.
        factors: [f64; 2] = |this| [this.least, this.most];
        /// What comes in from outside.
        fill: f64;
    }
}

impl<T: Scalar> Augment<T> for Scale {
    fn augment(&self, sample: TensorViewMut<'_, T>, scratch: &mut [T], random: RandomKey) -> Result<()> {
        let by = (self.least + (self.most - self.least) * random.uniform(0)).recip();
        resample(sample, scratch, [[by, 0.0], [0.0, by]], self.fill)
    }
}
