//! Models: layers one after another.

mod builder;
mod checks;
mod class_names;
mod classes;
mod classify;
mod for_inference;
mod in_workspace;
mod model;
mod order;
mod parts;
mod pass;
mod plan;
mod predict;
mod step;
mod summary;
mod workspace;
mod workspace_pool;

pub use builder::Builder;
pub(crate) use class_names::{ClassNames, class_names};
pub use classify::Prediction;
pub use model::Sequential;
pub use summary::{Summary, SummaryRow};
pub use workspace::Workspace;
pub use workspace_pool::WorkspacePool;
