//! The `Augment` trait.

use crate::layers::RandomKey;
use crate::{Result, Scalar, TensorViewMut};

/// A random change to a sample; for [`Dataset::with_augmentation`](crate::train::Dataset::with_augmentation).
///
/// For a function that needs no scratch, write the function: [the module](super) has one. With scratch:
///
/// ```
/// use taper::layers::RandomKey;
/// use taper::train::augment::Augment;
/// use taper::{Result, Scalar, Tensor, TensorViewMut};
///
/// /// Moves a signal in a circle, by as many places as chance has it.
/// struct Roll;
///
/// impl<T: Scalar> Augment<T> for Roll {
///     fn augment(&self, mut sample: TensorViewMut<'_, T>, scratch: &mut [T], random: RandomKey) -> Result<()> {
///         scratch.copy_from_slice(sample.as_mut_slice());
///         let by = (random.uniform(0) * scratch.len() as f64) as usize;
///         scratch.rotate_right(by);
///         sample.as_mut_slice().copy_from_slice(scratch);
///         Ok(())
///     }
/// }
///
/// let mut signal = Tensor::from([1.0, 2.0, 3.0]);
/// Roll.augment(signal.view_mut(), &mut [0.0; 3], RandomKey::new(7, 0))?;
/// assert_eq!(signal.as_slice().iter().sum::<f64>(), 6.0);
/// # Ok::<(), taper::Error>(())
/// ```
pub trait Augment<T: Scalar>: Sync {
    /// Changes the sample, which has the shape of one input. What is random has to come from the key alone. `scratch` is as long as the
    /// sample and holds anything.
    ///
    /// May be called from several threads at once.
    ///
    /// # Errors
    /// Where such a sample cannot be changed. It ends the training, with the number of the sample; the model is as it was before the
    /// step.
    fn augment(&self, sample: TensorViewMut<'_, T>, scratch: &mut [T], random: RandomKey) -> Result<()>;
}

impl<T, F> Augment<T> for F
where
    T: Scalar,
    F: Fn(TensorViewMut<'_, T>, RandomKey) -> Result<()> + Sync,
{
    fn augment(&self, sample: TensorViewMut<'_, T>, _: &mut [T], random: RandomKey) -> Result<()> {
        self(sample, random)
    }
}
