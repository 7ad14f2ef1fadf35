//! Learning rates over time.
//!
//! A [`Schedule`] is a function of the step, so it needs no state; what a step is (a batch or an epoch) is told to
//! the [`crate::Trainer`]. [`OnPlateau`] looks at how training goes, and has state.
//!
//! | schedule | PyTorch | Keras |
//! |---|---|---|
//! | [`StepDecay`] | `StepLR` | `ExponentialDecay` with `staircase` |
//! | [`Piecewise`] | `MultiStepLR`, `ConstantLR` | `PiecewiseConstantDecay` |
//! | [`Exponential`] | `ExponentialLR` | `ExponentialDecay` |
//! | [`Polynomial`] | `PolynomialLR`; `LinearLR` with a power of 1 | `PolynomialDecay` |
//! | [`InverseTime`] | | `InverseTimeDecay` |
//! | [`Cosine`] | `CosineAnnealingLR` | `CosineDecay` |
//! | [`CosineRestarts`] | `CosineAnnealingWarmRestarts` | `CosineDecayRestarts` |
//! | [`OneCycle`] | `OneCycleLR` | |
//! | [`Cyclic`] | `CyclicLR` | |
//! | [`Sequence`] | `SequentialLR` | |
//! | [`OnPlateau`] | `ReduceLROnPlateau` | |
//! | one's own: the trait has one method | `LambdaLR`, `MultiplicativeLR`, `ChainedScheduler` | `LearningRateSchedule` |
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
