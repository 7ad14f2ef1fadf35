//! Models: layers one after another, and side by side.

mod activations;
mod branches;
mod builder;
mod checks;
mod class_names;
mod classes;
mod classify;
mod for_inference;
mod forms;
mod in_workspace;
mod input_gradient;
mod inside;
mod join;
mod model;
mod names;
mod norms;
mod order;
mod parts;
mod pass;
mod paths;
mod plan;
mod predict;
mod step;
mod summary;
mod workspace;
mod workspace_pool;

pub use branches::Branches;
pub use builder::Builder;
pub(crate) use class_names::{ClassNames, class_names};
pub use classify::Prediction;
pub use join::Join;
pub use model::Sequential;
pub use paths::Paths;
pub use summary::{Summary, SummaryRow};
pub use workspace::Workspace;
pub use workspace_pool::WorkspacePool;
