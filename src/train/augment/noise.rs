//! Samples with noise.

use super::Augment;
use crate::getters::getters;
use crate::layers::RandomKey;
use crate::{Error, Result, Scalar, TensorViewMut};

/// Adds normal noise to each number of a sample of any shape: y = x + deviation·z, with z of mean 0 and variance 1.
///
/// By Box and Muller (1958). Keras's `GaussianNoise`, torchvision's `GaussianNoise` without clipping.
///
/// ```
/// use taper::Tensor;
/// use taper::layers::RandomKey;
/// use taper::train::augment::{Augment, Noise};
///
/// let mut sample = Tensor::<f32>::zeros([1000])?;
/// Noise::new(0.1)?.augment(sample.view_mut(), &mut [0.0; 1000], RandomKey::new(7, 0))?;
/// let variance = sample.as_slice().iter().map(|x| x * x).sum::<f32>() / 1000.0;
/// assert!((variance - 0.01).abs() < 0.002);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    deviation: f64,
}

impl Noise {
    /// Noise of this standard deviation.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn new(deviation: f64) -> Result<Self> {
        if deviation.is_finite() && deviation >= 0.0 {
            return Ok(Self { deviation });
        }
        Err(Error::setting("deviation of the noise", "a finite number of at least 0", deviation))
    }

    getters! {
        /// The standard deviation.
        deviation: f64;
    }
}

impl<T: Scalar> Augment<T> for Noise {
    fn augment(&self, sample: TensorViewMut<'_, T>, _: &mut [T], random: RandomKey) -> Result<()> {
        for (index, value) in sample.into_slice().iter_mut().enumerate() {
            let [radius, angle] = [random.uniform(2 * index), random.uniform(2 * index + 1)];
            // Above 0, so that its logarithm is finite.
            let normal = (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
            *value += T::of(self.deviation * normal);
        }
        Ok(())
    }
}
