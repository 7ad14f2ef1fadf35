//! Neural-network layers for the CPU: the fully connected end of a classifier, and the convolutions before it, fast and
//! exact.
//!
//! A classifier is composed with [`Sequential::builder`], trained with a [`Trainer`], and used with
//! [`Sequential::predict`] or, without allocating, [`Sequential::infer`]:
//!
//! ```
//! use taper::{Optimizer, Sequential, Tensor, Trainer};
//! use taper::{losses::CrossEntropy, optimizers::Adam, train::{Dataset, Fit}};
//! use taper::init::{Init, Initializer};
//!
//! // Points inside and outside of a circle.
//! let mut rng = taper::seeded(1);
//! let inputs: Tensor<f32> = Init::Uniform { bound: 1.0 }.initialize([200, 2].into(), 2, &mut rng)?;
//! let inside = |point: &[f32]| usize::from(point[0].hypot(point[1]) < 0.8);
//! let labels: Vec<usize> = inputs.view().samples().map(inside).collect();
//! let data = Dataset::new(&inputs, &labels)?;
//!
//! let mut model = Sequential::builder([2])
//!     .dense(16).relu()
//!     .dense(2)
//!     .build(&mut rng)?;
//! let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.02)?));
//! trainer.fit(data, Fit::epochs(60))?;
//! assert!(trainer.evaluate(data)?.accuracy.unwrap() > 0.95);
//!
//! let logits = model.predict(&Tensor::from([[0.1, 0.2]]))?;
//! assert_eq!(taper::train::metrics::classes(&logits)?, [1]);
//! # Ok::<(), taper::Error>(())
//! ```
//!
//! [`guide`] goes on from here, one thing after another. The way of the data, and what is where:
//!
//! ```text
//! TensorView ─► Sequential ─► layer ─► layer ─► … ─► logits ─► loss
//!                   │  each layer: forward(x) ─► y               │
//!                   ▼                                            ▼
//!               Workspace (all memory, made once)         d loss / d logits
//!                   ▲                                            │
//! parameters ◄─ GradientSink ◄─ backward(x, y, dy) ─► dx ◄───────┘
//! ```
//!
//! At the root are the names that most programs need:
//!
//! | | |
//! |---|---|
//! | [`Tensor`], [`TensorView`], [`TensorViewMut`], [`Shape`], [`Scalar`] | numbers with a shape, of `f32` or `f64` |
//! | [`Sequential`], [`Workspace`], [`Mode`] | a model, and the memory of its passes |
//! | [`Trainer`], [`Optimizer`], [`GradientStore`] | training, and what a loop written by hand needs |
//! | [`Layer`], [`Param`], [`Dense`], [`Flatten`], [`Activation`] | what a model is made of |
//! | [`Loss`], [`Target`] | what an output is compared with |
//! | [`Parallelism`], [`seeded`], [`Error`], [`Result`] | threads, random numbers, errors |
//!
//! | module | what is in it |
//! |---|---|
//! | [`guide`] | all of the crate on one page, in the order in which one meets it |
//! | [`sequential`] | the builder of a model, paths side by side, summaries, weights of fewer bits, workspaces of threads |
//! | [`layers`] | the layers, and the [`Layer`] trait for your own |
//! | [`init`] | how weights start |
//! | [`losses`] | how wrong an output is |
//! | [`optimizers`], [`schedules`] | how weights follow their gradients, and how fast |
//! | [`train`] | data sets, epochs, early stopping, metrics |
//! | [`narrow`] | trained networks made smaller |
//! | [`io`] | models and checkpoints in files, and NumPy's files |
//! | `arrays` | arrays of the crate `ndarray` (behind a feature) |
//! | [`gradcheck`] | gradients against finite differences |
//! | [`machine`] | what the machine can do at most |
//!
//! # Features
//!
//! - `std` (default): files, training, and what else wants an operating system. Without it the crate is `no_std` with `alloc`.
//! - `rayon` (default): passes use all cores ([`Parallelism`]). Without it everything runs on the calling thread, with the same bits.
//! - `safetensors` (default): models and checkpoints in files.
//! - `progress`: `train::ProgressBar`.
//! - `ndarray`: tensors and views from arrays of the crate `ndarray`, and back (`arrays`).
//! - `onnx`: models from ONNX files and as such (`Sequential::from_onnx`, `to_onnx`).
//! - `npy`: NumPy's `.npy` and `.npz` files (`io::npy`).
//! - `throughput`: the program of that name, which measures the machine and networks on it; nothing for programs that use the crate.

#![cfg_attr(not(feature = "std"), no_std)]
// The documentation says of each item which feature it wants; the compiler that builds it there has this of its own.
#![cfg_attr(docsrs, feature(doc_cfg))]
// So that what files and training need does not have to be marked one by one.
#![cfg_attr(
    not(all(feature = "safetensors", feature = "std")),
    expect(dead_code, reason = "some of it is for files or training alone")
)]
#![cfg_attr(
    not(feature = "std"),
    expect(unused_imports, reason = "some of it is for files or training alone")
)]

#[cfg_attr(not(feature = "std"), macro_use)]
extern crate alloc;

#[cfg(feature = "ndarray")]
pub mod arrays;
mod brief;
#[cfg(feature = "std")]
mod clock;
#[cfg(all(debug_assertions, feature = "std", not(test)))]
mod compiled_once;
mod error;
mod getters;
#[cfg(feature = "std")]
pub mod gradcheck;
#[cfg(all(feature = "std", feature = "safetensors"))]
pub mod guide;
pub mod init;
pub mod io;
mod kernels;
pub mod layers;
pub mod losses;
#[cfg(feature = "std")]
pub mod machine;
#[cfg(feature = "std")]
pub mod narrow;
#[cfg(feature = "std")]
pub mod optimizers;
mod other_error;
mod prelude;
mod scalar;
#[cfg(feature = "std")]
pub mod schedules;
pub mod sequential;
mod shape;
mod tensor;
#[cfg(feature = "std")]
pub mod train;
mod view;

pub use error::{Error, Result};
pub use kernels::Parallelism;
#[doc(inline)]
pub use layers::{Activation, Dense, Flatten, GradientStore, Layer, Mode, Param};
#[doc(inline)]
pub use losses::{Loss, Target};
#[cfg(feature = "std")]
#[doc(inline)]
pub use optimizers::Optimizer;
pub use scalar::Scalar;
#[doc(inline)]
pub use sequential::{Sequential, Workspace};
pub use shape::Shape;
pub use tensor::Tensor;
#[cfg(feature = "std")]
#[doc(inline)]
pub use train::Trainer;
pub use view::{TensorView, TensorViewMut};

/// A random number generator whose numbers depend on the seed alone, on every machine and in every version: xoshiro256++ (Blackman and
/// Vigna, 2019). Any other generator of the crate `rand`, version 0.10, does as well.
///
/// ```
/// use taper::Sequential;
///
/// let build = |seed| Sequential::<f32>::builder([4]).dense(3).build(&mut taper::seeded(seed));
/// let weight = |seed| build(seed)?.param("0.weight").map(|weight| weight.to_tensor());
/// assert_eq!(weight(7)?, weight(7)?);
/// assert_ne!(weight(7)?, weight(8)?);
/// # Ok::<(), taper::Error>(())
/// ```
#[must_use]
pub fn seeded(seed: u64) -> impl rand::Rng + Clone {
    <rand::rngs::Xoshiro256PlusPlus as rand::SeedableRng>::seed_from_u64(seed)
}

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
