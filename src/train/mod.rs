//! From data to a trained model.
//!
//! [`Trainer`] does it: batches, shuffling, validation, early stopping. The loop that it runs can
//! as well be written by hand; see [`crate::Sequential::backward`] and the crate's first page.

mod batches;
mod callback;
mod dataset;
mod early_stopping;
mod fit;
mod history;
pub mod metrics;
#[cfg(feature = "progress")]
mod progress;
mod step;
mod tally;
mod trainer;

pub use callback::{Callback, Control, StepReport};
pub use dataset::Dataset;
pub use early_stopping::{EarlyStopping, Monitor};
pub use fit::Fit;
pub use history::{Epoch, Evaluation, History};
#[cfg(feature = "progress")]
pub use progress::ProgressBar;
pub use trainer::Trainer;
