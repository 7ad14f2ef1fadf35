//! Neural-network layers for the CPU: the fully connected end of a classifier, fast and exact.

mod error;
pub mod gradcheck;
pub mod init;
mod kernels;
pub mod layers;
pub mod losses;
pub mod optimizers;
mod scalar;
pub mod schedules;
pub mod sequential;
mod shape;
mod tensor;
pub mod train;
mod view;

pub use error::{Error, Result};
pub use kernels::Parallelism;
pub use layers::{Activation, Dense, Flatten, GradientStore, Layer, Mode, Param};
pub use losses::{Loss, Target};
pub use optimizers::Optimizer;
pub use scalar::Scalar;
pub use sequential::{Sequential, Workspace};
pub use shape::Shape;
pub use tensor::Tensor;
pub use train::Trainer;
pub use view::{TensorView, TensorViewMut};

/// A random number generator whose numbers depend on the seed alone, on every machine and in every version.
#[must_use]
pub fn seeded(seed: u64) -> impl rand::Rng + Clone {
    <rand::rngs::Xoshiro256PlusPlus as rand::SeedableRng>::seed_from_u64(seed)
}
