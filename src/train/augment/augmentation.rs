//! The `Augment` trait.

use crate::layers::RandomKey;
use crate::{Result, Scalar, TensorViewMut};

/// A random change to a sample. For a function that needs no scratch, write the function.
pub trait Augment<T: Scalar>: Sync {
    /// Changes the sample. What is random has to come from the key alone. `scratch` is as long as the sample and holds anything.
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
