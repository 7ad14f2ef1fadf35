//! Augmentations one after the other.

use std::fmt;

use super::Augment;
use crate::layers::RandomKey;
use crate::{Result, Scalar, TensorViewMut};

/// Several augmentations, one after the other, each with a key of its own: torchvision's `Compose`.
///
/// ```
/// use taper::train::augment::{Compose, Flip, Noise};
///
/// let augmentation = Compose::<f32>::new().then(Flip::horizontal()).then(Noise::new(0.1)?);
/// assert_eq!(augmentation.len(), 2);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Default)]
pub struct Compose<T> {
    list: Vec<Box<dyn Augment<T> + Send>>,
}

impl<T: Scalar> Compose<T> {
    /// Nothing yet, which changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// This one behind the others.
    #[must_use]
    pub fn then(mut self, next: impl Augment<T> + Send + 'static) -> Self {
        self.list.push(Box::new(next));
        self
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<T: Scalar> Augment<T> for Compose<T> {
    fn augment(&self, mut sample: TensorViewMut<'_, T>, scratch: &mut [T], random: RandomKey) -> Result<()> {
        let shape = sample.shape();
        for (position, next) in self.list.iter().enumerate() {
            let sample = TensorViewMut::trusted(shape, sample.as_mut_slice());
            next.augment(sample, scratch, random.layer(position))?;
        }
        Ok(())
    }
}

impl<T> fmt::Debug for Compose<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} augmentations", self.list.len())
    }
}
