//! Images turned about their centre.

use super::Augment;
use super::image::check_fill;
use super::resample::resample;
use crate::getters::getters;
use crate::layers::RandomKey;
use crate::{Error, Result, Scalar, TensorViewMut};

/// Turns an image about its centre, counterclockwise by an angle φ that is uniform between −degrees and degrees. Keras's and
/// torchvision's `RandomRotation`, with linear interpolation.
///
/// ```text
/// y[row, column] = x[row′, column′]       (i, j) = (row, column) − centre,  centre = (height − 1, width − 1)/2
/// row′ = centre + cos φ·i + sin φ·j       column′ = centre − sin φ·i + cos φ·j
/// ```
///
/// Between pixels, x is linear in both directions; pixels outside of the image are the fill value, 0 unless set.
///
/// ```
/// use taper::train::augment::Rotate;
///
/// let augmentation = Rotate::new(15.0)?;
/// assert_eq!((augmentation.degrees(), augmentation.fill()), (15.0, 0.0));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotate {
    degrees: f64,
    fill: f64,
}

impl Rotate {
    /// At most so many degrees either way.
    ///
    /// # Errors
    /// [`Error::Setting`] unless from 0 to 180.
    pub fn new(degrees: f64) -> Result<Self> {
        if !(0.0..=180.0).contains(&degrees) {
            return Err(Error::setting("degrees", "a number from 0 to 180", degrees));
        }
        Ok(Self { degrees, fill: 0.0 })
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
        /// At most so many degrees either way.
        degrees: f64;
        /// What comes in from outside.
        fill: f64;
    }
}

impl<T: Scalar> Augment<T> for Rotate {
    fn augment(&self, sample: TensorViewMut<'_, T>, scratch: &mut [T], random: RandomKey) -> Result<()> {
        let angle = ((2.0 * random.uniform(0) - 1.0) * self.degrees).to_radians();
        resample(sample, scratch, turn(angle), self.fill)
    }
}

fn turn(angle: f64) -> [[f64; 2]; 2] {
    let (sin, cos) = angle.sin_cos();
    [[cos, sin], [-sin, cos]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;

    #[test]
    fn a_quarter_turn_brings_the_right_side_to_the_top() {
        let mut image = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]);
        resample(image.view_mut(), &mut [0.0; 9], turn(90_f64.to_radians()), 0.0).unwrap();
        let expected = Tensor::from([[3.0, 6.0, 9.0], [2.0, 5.0, 8.0], [1.0, 4.0, 7.0]]);
        for (found, expected) in image.as_slice().iter().zip(expected.as_slice()) {
            approx::assert_abs_diff_eq!(found, expected, epsilon = 1e-12);
        }
    }
}
