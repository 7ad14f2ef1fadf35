//! Images moved by whole pixels.

use super::Augment;
use super::image::{check_fill, image_size};
use crate::getters::getters;
use crate::layers::RandomKey;
use crate::{Result, Scalar, TensorViewMut};

/// Moves an image by whole pixels, as far each way as is as likely: r rows of −rows to rows and c columns of −columns to columns.
/// Keras's `RandomTranslation` of whole pixels.
///
/// ```text
/// y[row, column] = x[row − r, column − c] where there is such a pixel, else the fill value, 0 unless set
/// ```
///
/// ```
/// use taper::train::augment::Shift;
///
/// let augmentation = Shift::new(2, 4).with_fill(0.5)?;
/// assert_eq!(augmentation.most(), [2, 4]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    most: [usize; 2],
    fill: f64,
}

impl Shift {
    /// At most so many rows and columns either way; what comes in is 0.
    #[must_use]
    pub fn new(rows: usize, columns: usize) -> Self {
        Self { most: [rows, columns], fill: 0.0 }
    }

    /// What comes in from outside.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for what is not finite.
    pub fn with_fill(mut self, fill: f64) -> Result<Self> {
        self.fill = check_fill(fill)?;
        Ok(self)
    }

    fn draw(&self, axis: usize, random: RandomKey) -> isize {
        let most = self.most[axis] as f64;
        ((random.uniform(axis) * (2.0 * most + 1.0)).floor() - most) as isize
    }

    getters! {
        /// At most so many rows and columns either way.
        most: [usize; 2];
        /// What comes in from outside.
        fill: f64;
    }
}

impl<T: Scalar> Augment<T> for Shift {
    fn augment(&self, sample: TensorViewMut<'_, T>, scratch: &mut [T], random: RandomKey) -> Result<()> {
        let [height, width, channels] = image_size(sample.shape())?;
        let image = sample.into_slice();
        scratch.copy_from_slice(image);
        image.fill(T::of(self.fill));
        let (rows, columns) = (stays(height, self.draw(0, random)), stays(width, self.draw(1, random)));
        let (Some([from_row, to_row, rows]), Some([from_column, to_column, columns])) = (rows, columns)
        else {
            return Ok(());
        };
        let place = |row: usize, column: usize| (row * width + column) * channels;
        for row in 0..rows {
            let from = &scratch[place(from_row + row, from_column)..][..columns * channels];
            image[place(to_row + row, to_column)..][..columns * channels].copy_from_slice(from);
        }
        Ok(())
    }
}

/// Where what stays in sight begins in the old image and in the new one, and how long it is.
fn stays(length: usize, by: isize) -> Option<[usize; 3]> {
    let far = by.unsigned_abs();
    let count = length.checked_sub(far)?;
    Some(if by < 0 { [far, 0, count] } else { [0, far, count] })
}
