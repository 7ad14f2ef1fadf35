//! Inputs kept as bytes.

use crate::kernels::Gather;
use crate::view::check_length;
use crate::{Error, Parallelism, Result, Scalar, Shape, Tensor};

/// Samples kept as bytes, as pictures come; for [`Dataset::new`](super::Dataset::new).
///
/// They take a quarter of the memory of `f32`, and a quarter of what has to be fetched from it for each batch.
/// [`Trainer::fit`](crate::Trainer::fit) turns a batch into numbers when it gathers it.
///
/// ```text
/// x = byte·scale + offset
/// ```
///
/// Both are rounded to the model's type first, and so are the product and the sum. By default the scale is 1/255 and the
/// offset 0, so that x goes from 0 to 1; a division by 255 may give another last bit.
///
/// ```
/// use taper::{Tensor, train::{Dataset, Pixels}};
///
/// // Two pictures of 2×2 pixels, as a file holds them.
/// let bytes = [0, 255, 51, 102, 255, 255, 0, 0];
/// let pixels = Pixels::new([2, 2, 2], &bytes)?;
/// let data = Dataset::<f32>::new(pixels, &[0, 1])?;
/// assert_eq!(data.len(), 2);
///
/// // The same numbers for a model that is to be asked, not trained.
/// let first: Tensor<f32> = Pixels::new([1, 2, 2], &bytes[..4])?.to_tensor()?;
/// assert_eq!(first.as_slice()[..2], [0.0, 1.0]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pixels<'a> {
    shape: Shape,
    bytes: &'a [u8],
    scale: f64,
    offset: f64,
}

impl<'a> Pixels<'a> {
    /// Samples along the first axis, in row-major order; x from 0 to 1.
    ///
    /// # Errors
    /// [`Error::Length`] where the number of bytes is not that of the shape.
    pub fn new(shape: impl Into<Shape>, bytes: &'a [u8]) -> Result<Self> {
        let shape = shape.into();
        check_length(shape, bytes.len())?;
        Ok(Self { shape, bytes, scale: 1.0 / 255.0, offset: 0.0 })
    }

    /// Another scale and offset, as those of Keras's `Rescaling`. For inputs of a mean and a standard deviation, given for
    /// pixels from 0 to 1 as PyTorch's `Normalize` takes them: a scale of `1 / (255 * deviation)` and an offset of
    /// `-mean / deviation`.
    ///
    /// # Errors
    /// [`Error::Setting`] for what is not finite, and for a scale of 0.
    pub fn with_rescaling(mut self, scale: f64, offset: f64) -> Result<Self> {
        if !scale.is_finite() || scale == 0.0 {
            return Err(Error::setting("scale", "a finite number other than 0", scale));
        }
        if !offset.is_finite() {
            return Err(Error::setting("offset", "a finite number", offset));
        }
        (self.scale, self.offset) = (scale, offset);
        Ok(self)
    }

    /// The lengths of the axes, that of the samples first.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The bytes in row-major order.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All samples as numbers, to the same bits as in training.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where the memory for it cannot be had.
    pub fn to_tensor<T: Scalar>(&self) -> Result<Tensor<T>> {
        let mut tensor = Tensor::zeros(self.shape)?;
        let whole = Gather {
            matrix: self.bytes,
            columns: self.bytes.len(),
            rows: &[0],
            parallelism: Parallelism::Threads(1),
        };
        self.rescale(whole, tensor.as_mut_slice());
        Ok(tensor)
    }

    /// The number that each byte stands for.
    pub(super) fn numbers<T: Scalar>(&self) -> [T; 256] {
        let bytes: [u8; 256] = std::array::from_fn(|byte| byte as u8);
        let mut numbers = [T::zero(); 256];
        let whole = Gather { matrix: &bytes, columns: 256, rows: &[0], parallelism: Parallelism::Threads(1) };
        self.rescale(whole, &mut numbers);
        numbers
    }

    /// Writes these rows as numbers.
    pub(super) fn rescale<T: Scalar>(&self, rows: Gather<'_, u8>, to: &mut [T]) {
        rows.rescale(T::of(self.scale), T::of(self.offset), to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_products_and_sums() {
        let bytes: Vec<u8> = (0..=255).collect();
        let pixels = Pixels::new([4, 64], &bytes).unwrap();
        let numbers: Tensor<f32> = pixels.to_tensor().unwrap();
        let expected: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) * (1.0 / 255.0)).collect();
        assert_eq!((numbers.as_slice(), numbers.shape()), (&expected[..], [4, 64].into()));

        // PyTorch's `Normalize` of Fashion-MNIST's mean and deviation.
        let (mean, deviation) = (0.2860, 0.3530);
        let pixels = pixels.with_rescaling(1.0 / (255.0 * deviation), -mean / deviation).unwrap();
        for (&number, &byte) in pixels.to_tensor::<f64>().unwrap().as_slice().iter().zip(&bytes) {
            approx::assert_abs_diff_eq!(
                number,
                (f64::from(byte) / 255.0 - mean) / deviation,
                epsilon = 1e-14
            );
        }
    }
}
