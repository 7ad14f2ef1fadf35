//! How parameters follow their gradients.
//!
//! A [`Rule`] says how one parameter moves; an [`Optimizer`] carries a rule out for a whole model, with the state
//! that it needs. Learning rates over time are [`crate::schedules`].
//!
//! | rule | steps |
//! |---|---|
//! | [`Sgd`], [`Asgd`] | along the gradient, with momentum; with an average of the weights |
//! | [`Adam`], [`AdamW`], [`NAdam`], [`RAdam`], [`Adamax`] | along its running mean, divided by its running size |
//! | [`RmsProp`], [`Adagrad`], [`Adadelta`] | along the gradient, divided by its size so far |
//! | [`Lion`], [`Rprop`] | by its sign |
//!
//! Beside them, [`Clip`] limits gradients, [`WeightDecay`] draws weights to zero, and a [`MovingAverage`] is of the weights. What a rule
//! remembers is read and set as a [`ParamState`], and [`Apply`] makes a step during the backward pass.
//!
//! ```
//! use taper::optimizers::{Adam, Clip, Optimizer, WeightDecay};
//!
//! let rule = Adam::new(1e-3)?.with_weight_decay(WeightDecay::Coupled(1e-4))?;
//! let optimizer = Optimizer::<f32>::new(rule).with_clip(Clip::GlobalNorm(1.0))?;
//! assert_eq!(optimizer.learning_rate(), 1e-3);
//! # Ok::<(), taper::Error>(())
//! ```

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adjust;
mod apply;
mod asgd;
mod average;
mod clip;
mod copied;
mod lion;
mod nadam;
mod optimizer;
mod param_state;
mod radam;
mod rmsprop;
mod rprop;
mod rule;
mod settings;
mod sgd;
mod state;
mod survey;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use apply::Apply;
pub use asgd::Asgd;
pub use average::MovingAverage;
pub use clip::Clip;
pub use lion::Lion;
pub use nadam::NAdam;
pub use optimizer::Optimizer;
pub use param_state::ParamState;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use rule::{MAX_BUFFERS, Rule, Update};
pub use settings::{RuleSettings, WeightDecay};
pub use sgd::Sgd;
