//! How parameters follow their gradients.
//!
//! A [`Rule`] says how one parameter moves; an [`Optimizer`] carries a rule out for a whole model, with the state
//! that it needs. Learning rates over time are [`crate::schedules`].
//!
//! ```
//! use taper::optimizers::{Adam, Clip, Optimizer, WeightDecay};
//!
//! let rule = Adam::new(1e-3)?.with_weight_decay(WeightDecay::Coupled(1e-4))?;
//! let optimizer = Optimizer::<f32>::new(rule).with_clip(Clip::GlobalNorm(1.0))?;
//! assert_eq!(optimizer.learning_rate(), 1e-3);
//! # Ok::<(), taper::Error>(())
//! ```

mod adagrad;
mod adam;
mod apply;
mod average;
mod clip;
mod lion;
mod optimizer;
mod rmsprop;
mod rule;
mod settings;
mod sgd;
mod state;
mod survey;

pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use apply::Apply;
pub use average::MovingAverage;
pub use clip::Clip;
pub use lion::Lion;
pub use optimizer::Optimizer;
pub use rmsprop::RmsProp;
pub use rule::{MAX_BUFFERS, Rule, Update};
pub use settings::{RuleSettings, WeightDecay};
pub use sgd::Sgd;
