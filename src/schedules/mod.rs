//! Learning rates over time.
//!
//! A [`Schedule`] is a function of the step, so it needs no state; what a step is (a batch or an epoch) is told to
//! the [`crate::Trainer`]. [`OnPlateau`] looks at how training goes, and has state.

mod cosine;
mod exponential;
mod on_plateau;
mod one_cycle;
mod schedule;
mod step;

pub use cosine::Cosine;
pub use exponential::Exponential;
pub use on_plateau::OnPlateau;
pub use one_cycle::OneCycle;
pub use schedule::Schedule;
pub use step::StepDecay;
