//! Learning rates over time.
//!
//! A [`Schedule`] is a function of the step, so it needs no state. What a step is, the [`Trainer`](crate::Trainer) is told: one of the
//! optimizer with [`with_schedule`](crate::Trainer::with_schedule), an epoch with
//! [`with_epoch_schedule`](crate::Trainer::with_epoch_schedule). [`OnPlateau`] looks at how training goes, has state, and comes by
//! [`with_plateau`](crate::Trainer::with_plateau). The rates of a schedule are in the place of the optimizer's own.
//!
//! ```
//! use taper::{Optimizer, Sequential, Trainer, losses::CrossEntropy, optimizers::Adam, schedules::Cosine};
//!
//! let model = Sequential::<f32>::builder([4]).dense(3).build(&mut taper::seeded(7))?;
//! let trainer = Trainer::owning(model, CrossEntropy::new(), Optimizer::new(Adam::new(1e-3)?))
//!     .with_schedule(Cosine::new(1e-3, 10_000)?.with_warm_up(500, 0.0)?); // 10,500 steps in all
//! # let _ = trainer;
//! # Ok::<(), taper::Error>(())
//! ```
//!
//! | schedule | PyTorch | Keras |
//! |---|---|---|
//! | [`StepDecay`] | `StepLR` | `ExponentialDecay` with `staircase` |
//! | [`Piecewise`] | `MultiStepLR`, `ConstantLR` | `PiecewiseConstantDecay` |
//! | [`Exponential`] | `ExponentialLR` | `ExponentialDecay` |
//! | [`Polynomial`] | `PolynomialLR`; `LinearLR` with a power of 1 | `PolynomialDecay` |
//! | [`InverseTime`] | | `InverseTimeDecay` |
//! | [`Cosine`], with a warm-up | `CosineAnnealingLR` | `CosineDecay` |
//! | [`CosineRestarts`] | `CosineAnnealingWarmRestarts` | `CosineDecayRestarts` |
//! | [`OneCycle`] | `OneCycleLR` | |
//! | [`Cyclic`] | `CyclicLR` | |
//! | [`Sequence`] | `SequentialLR` | |
//! | [`OnPlateau`] | `ReduceLROnPlateau` | `ReduceLROnPlateau`, a callback |
//! | one's own [`Schedule`]: the trait has one method | `LambdaLR`, `MultiplicativeLR`, `ChainedScheduler` | `LearningRateSchedule`, `LearningRateScheduler` |
//!
//! None of them moves a momentum.

mod cosine;
mod cosine_restarts;
mod cyclic;
mod exponential;
mod inverse_time;
mod on_plateau;
mod one_cycle;
mod piecewise;
mod polynomial;
mod schedule;
mod sequence;
mod step;

pub use cosine::Cosine;
pub use cosine_restarts::CosineRestarts;
pub use cyclic::Cyclic;
pub use exponential::Exponential;
pub use inverse_time::InverseTime;
pub use on_plateau::OnPlateau;
pub use one_cycle::OneCycle;
pub use piecewise::Piecewise;
pub use polynomial::Polynomial;
pub use schedule::Schedule;
pub use sequence::Sequence;
pub use step::StepDecay;
