//! Images of which a part is covered.

use super::Augment;
use super::image::{check_fill, check_probability, image_size};
use crate::getters::getters;
use crate::layers::RandomKey;
use crate::{Error, Result, Scalar, TensorViewMut};

/// Fills a random rectangle (Zhong et al., "Random erasing data augmentation", 2017), as torchvision's `RandomErasing` does.
///
/// The settings are torchvision's unless set: with probability 0.5, a share of the area that is uniform from 0.02 to 0.33, a ratio r of
/// height to width whose logarithm is uniform from ln 0.3 to ln 3.3, which cannot be set, and a fill value of 0.
///
/// ```text
/// height of the rectangle = round(√(area·r)), its width = round(√(area/r)), each place in the image as likely
/// ```
///
/// A rectangle that is not smaller than the image is drawn again, up to ten times; then the image stays as it is.
///
/// ```
/// use taper::train::augment::Erase;
///
/// let augmentation = Erase::new().with_probability(0.25)?.with_share(0.02, 0.1)?;
/// assert_eq!(augmentation.share(), [0.02, 0.1]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Erase {
    probability: f64,
    share: [f64; 2],
    fill: f64,
}

/// So often a rectangle is drawn.
const ATTEMPTS: usize = 10;
const LEAST_RATIO: f64 = 0.3;
const MOST_RATIO: f64 = 3.3;

impl Erase {
    /// With torchvision's settings: probability 0.5, shares from 0.02 to 0.33, a fill value of 0.
    #[must_use]
    pub fn new() -> Self {
        Self { probability: 0.5, share: [0.02, 0.33], fill: 0.0 }
    }

    /// How often an image is changed: a probability, 0.5 unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless from 0 to 1.
    pub fn with_probability(mut self, probability: f64) -> Result<Self> {
        self.probability = check_probability(probability)?;
        Ok(self)
    }

    /// Between which shares of the image's area the rectangle has.
    ///
    /// # Errors
    /// [`Error::Setting`] unless above 0, up to 1 and in order.
    pub fn with_share(mut self, least: f64, most: f64) -> Result<Self> {
        if !(least > 0.0 && least <= most && most <= 1.0) {
            let got = format!("{least} and {most}");
            return Err(Error::setting("share of the area", "numbers above 0 and up to 1, in order", got));
        }
        self.share = [least, most];
        Ok(self)
    }

    /// What the rectangle is filled with, 0 unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] for what is not finite.
    pub fn with_fill(mut self, fill: f64) -> Result<Self> {
        self.fill = check_fill(fill)?;
        Ok(self)
    }

    getters! {
        /// How often an image is changed.
        probability: f64;
        /// Between which shares of the image's area the rectangle has.
        share: [f64; 2];
        /// What the rectangle is filled with.
        fill: f64;
    }

    /// Top, left, height and width of the rectangle.
    fn rectangle(&self, height: usize, width: usize, random: RandomKey) -> Option<[usize; 4]> {
        let between = |[least, most]: [f64; 2], share: f64| least + (most - least) * share;
        (0..ATTEMPTS).find_map(|attempt| {
            let draw = |number: usize| random.uniform(1 + 4 * attempt + number);
            let area = (height * width) as f64 * between(self.share, draw(0));
            let ratio = between([LEAST_RATIO.ln(), MOST_RATIO.ln()], draw(1)).exp();
            let [rows, columns] = [area * ratio, area / ratio].map(|square| square.sqrt().round() as usize);
            let place = |free: usize, share: f64| ((free + 1) as f64 * share) as usize;
            (rows < height && columns < width)
                .then(|| [place(height - rows, draw(2)), place(width - columns, draw(3)), rows, columns])
        })
    }
}

impl Default for Erase {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Augment<T> for Erase {
    fn augment(&self, sample: TensorViewMut<'_, T>, _: &mut [T], random: RandomKey) -> Result<()> {
        let [height, width, channels] = image_size(sample.shape())?;
        if random.uniform(0) >= self.probability {
            return Ok(());
        }
        let Some([top, left, rows, columns]) = self.rectangle(height, width, random) else { return Ok(()) };
        let image = sample.into_slice();
        for row in top..top + rows {
            image[(row * width + left) * channels..][..columns * channels].fill(T::of(self.fill));
        }
        Ok(())
    }
}
