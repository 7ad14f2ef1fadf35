//! Layers one after another.

mod builder;
mod checks;
mod for_inference;
mod model;
mod order;
mod parts;
mod pass;
mod plan;
mod step;
mod summary;
mod workspace;

pub use builder::Builder;
pub use model::Sequential;
pub use summary::{Summary, SummaryRow};
pub use workspace::Workspace;
