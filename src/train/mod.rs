//! From data to a trained model.
//!
//! A [`Trainer`] has a model, a loss and an optimizer. It is given a [`Dataset`], and a [`Fit`] that says for how long and what to do on
//! the way; it gives back a [`History`].
//!
//! ```
//! use taper::{Optimizer, Sequential, Tensor, Trainer};
//! use taper::{losses::CrossEntropy, optimizers::Adam, train::{Dataset, EarlyStopping, Fit}};
//!
//! let (inputs, labels) = (Tensor::<f32>::from_fn([60, 4], |i| ((i * 37) % 101) as f32 / 101.0)?, vec![1; 60]);
//! let data = Dataset::new(&inputs, &labels)?;
//! let mut model = Sequential::builder([4]).dense(8).relu().dense(3).build(&mut taper::seeded(7))?;
//! let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?));
//! let fit = Fit::epochs(5).with_validation(data).with_early_stopping(EarlyStopping::new(2));
//! let history = trainer.fit(data, fit)?;
//! println!("loss {:.3}", history.epochs.last().unwrap().train.loss);
//! # Ok::<(), taper::Error>(())
//! ```
//!
//! | | |
//! |---|---|
//! | data | [`Dataset`], of tensors, bytes ([`Pixels`]) or a source of one's own ([`Samples`]) |
//! | parts of it | [`split`]: shuffled, stratified, folds |
//! | random changes to it | [`augment`] |
//! | a training | [`Trainer`], with its settings; [`Fit`], with those of a call |
//! | what comes of it | [`History`] of [`Epoch`]s, each with an [`Evaluation`] or two; of several outputs [`PartEvaluation`]s |
//! | measures | [`metrics`], and those of one's own by [`Fit::with_metric`] |
//! | when to stop | [`EarlyStopping`], by a [`Monitor`] |
//! | what happens on the way | [`Callback`], which sees the [`Training`]; `ProgressBar` with the feature `progress` |
//! | learning rates over time | [`schedules`](crate::schedules) |
//! | a training in a file | `io::Checkpoints`, with the feature `safetensors` |
//! | products of fewer bits | [`Precision`] |
//! | learning what another model says | [`Teacher`] |
//! | several machines | [`Communicator`]; [`Threads`] to try it |
//!
//! The loop that a trainer runs can as well be written by hand; see [`Optimizer`](crate::Optimizer) and the guide.

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
