//! Random changes to training samples, so that a model sees another one in each epoch.
//!
//! [`Trainer::fit`](crate::Trainer::fit) changes the samples of a [`Dataset`](super::Dataset) that has an augmentation; what is
//! evaluated and validated stays as it is. All chance comes from a [`RandomKey`](crate::layers::RandomKey) that follows from the trainer's seed, the
//! epoch and the number of the sample, and from nothing else: the bits depend neither on threads nor on where a training
//! was interrupted.
//!
//! | | what it does | settings |
//! |---|---|---|
//! | [`Flip`] | mirrors an image | axis, probability |
//! | [`Shift`] | moves it by whole pixels | at most so many, fill |
//! | [`Rotate`] | turns it about its centre | at most so many degrees, fill |
//! | [`Scale`] | makes it larger or smaller about its centre | factors, fill |
//! | [`Erase`] | fills a rectangle | probability, share of the area, fill |
//! | [`Noise`] | adds normal noise, to samples of any shape | deviation |
//! | [`Compose`] | one after the other | |
//!
//! Images are `[height, width, channels]`, as everywhere in this crate, or `[height, width]`. A function of a sample and a key
//! is an augmentation too.
//!
//! ```
//! use taper::{Optimizer, Sequential, Tensor, TensorViewMut, Trainer, layers::RandomKey};
//! use taper::{losses::CrossEntropy, optimizers::Adam, train::{Dataset, Fit, augment::*}};
//!
//! let (images, labels) = (Tensor::<f32>::zeros([6, 8, 8, 3])?, [0, 1, 0, 1, 0, 1]);
//! let brighter = |mut image: TensorViewMut<'_, f32>, random: RandomKey| {
//!     let by = (0.2 * random.uniform(0) - 0.1) as f32;
//!     image.as_mut_slice().iter_mut().for_each(|value| *value += by);
//!     Ok(())
//! };
//! let augmentation = Compose::new().then(Flip::horizontal()).then(Shift::new(1, 1)).then(brighter);
//! let data = Dataset::new(&images, &labels)?.with_augmentation(&augmentation);
//!
//! let mut model = Sequential::builder([8, 8, 3]).flatten().dense(2).build(&mut taper::seeded(0))?;
//! Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?)).fit(data, Fit::epochs(2))?;
//! # Ok::<(), taper::Error>(())
//! ```

mod augmentation;
mod compose;
mod erase;
mod flip;
mod image;
mod noise;
mod resample;
mod rotate;
mod scale;
mod shift;

pub use augmentation::Augment;
pub use compose::Compose;
pub use erase::Erase;
pub use flip::Flip;
pub use noise::Noise;
pub use rotate::Rotate;
pub use scale::Scale;
pub use shift::Shift;
