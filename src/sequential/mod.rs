//! Models: layers one after another, and side by side.
//!
//! | | |
//! |---|---|
//! | [`Sequential`] | a model, begun with [`Sequential::builder`] |
//! | [`Builder`] | its layers to be, and what is said of each |
//! | [`Branches`], [`Paths`], [`Join`] | paths on one input: residual blocks, several outputs |
//! | [`Workspace`], [`WorkspacePool`] | the memory of passes: of one thread, and of threads that share a model |
//! | [`Summary`], [`SummaryRow`] | shapes, parameters and costs of the layers |
//! | [`Prediction`] | a class with its name and its probability |
//! | [`Quantization`] | in how few bits a model for inference holds its weights |
//!
//! Files are in [`io`](crate::io), training in [`train`](crate::train).

#![deny(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

mod activations;
mod as_layer;
mod assembly;
mod branches;
mod builder;
mod checks;
mod class_names;
mod classes;
mod classify;
mod exchange;
mod fnv;
mod for_inference;
mod forms;
mod in_workspace;
mod input_gradient;
mod inside;
mod join;
mod model;
mod names;
mod norms;
mod onnx;
mod order;
mod parts;
mod pass;
mod path_names;
mod paths;
mod plan;
mod pooled;
mod predict;
mod quantization;
mod quantized;
mod step;
mod summary;
mod windows;
mod workspace;
#[cfg(feature = "std")]
mod workspace_pool;

pub use branches::Branches;
pub use builder::Builder;
pub(crate) use class_names::{ClassNames, class_names};
pub use classify::Prediction;
pub(crate) use exchange::Place;
pub use join::Join;
pub use model::Sequential;
pub use paths::Paths;
pub use quantization::Quantization;
pub use summary::{Summary, SummaryRow};
pub use workspace::Workspace;
#[cfg(feature = "std")]
pub use workspace_pool::WorkspacePool;
