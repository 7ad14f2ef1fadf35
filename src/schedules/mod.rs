//! Learning rates over time.
//!
//! A [`Schedule`] is a function of the step, so it needs no state; what a step is (a batch or an epoch) is told to
//! the [`crate::Trainer`]. [`OnPlateau`] looks at how training goes, and has state.

mod cosine;
mod exponential;
mod inverse_time;
mod on_plateau;
mod one_cycle;
mod piecewise;
mod polynomial;
mod schedule;
mod step;

pub use cosine::Cosine;
pub use exponential::Exponential;
pub use inverse_time::InverseTime;
pub use on_plateau::OnPlateau;
pub use one_cycle::OneCycle;
pub use piecewise::Piecewise;
pub use polynomial::Polynomial;
pub use schedule::Schedule;
pub use step::StepDecay;
