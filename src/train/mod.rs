//! From data to a trained model.
//!
//! [`Trainer`] does it: batches, shuffling, validation, early stopping. The loop that it runs can as well be written by
//! hand; see [`Optimizer`](crate::Optimizer) and the guide.

mod ahead;
pub mod augment;
mod batch;
mod buckets;
mod callback;
mod checks;
mod communicator;
mod compare;
mod dataset;
mod early_stopping;
mod epochs;
mod evaluate;
mod fit;
mod group;
mod history;
mod in_pass;
mod inputs;
mod keeper;
mod meeting;
mod metric;
pub mod metrics;
mod model;
mod monitor;
mod numbers;
mod order;
mod outputs;
mod pace;
mod parts;
mod pixels;
mod precision;
#[cfg(feature = "progress")]
mod progress_bar;
mod run;
mod settings;
mod share;
pub mod split;
mod statistics;
mod step;
mod tally;
mod teacher;
mod threads;
mod trainer;
mod training;
mod undo;
mod warnings;
mod watched;
mod weighted;
mod with_others;

pub use callback::{Callback, Control, StepReport};
pub use communicator::{Bucket, Communicator};
pub use dataset::Dataset;
pub use early_stopping::EarlyStopping;
#[cfg(feature = "safetensors")]
pub(crate) use early_stopping::Kept;
pub use fit::Fit;
pub use history::{Epoch, Evaluation, History};
pub use inputs::{Inputs, Samples};
#[cfg(feature = "safetensors")]
pub(crate) use keeper::{Keeper, Moment};
pub use monitor::Monitor;
#[cfg(feature = "safetensors")]
pub(crate) use pace::Pace;
pub use parts::{PartEvaluation, evaluate_parts};
pub use pixels::Pixels;
pub use precision::Precision;
#[cfg(feature = "progress")]
pub use progress_bar::ProgressBar;
#[cfg(feature = "safetensors")]
pub(crate) use run::{Plan, Progress, Resumed, Run};
#[cfg(feature = "safetensors")]
pub(crate) use tally::{Hits, Tally};
pub use teacher::Teacher;
pub use threads::Threads;
pub use trainer::Trainer;
pub use training::Training;
