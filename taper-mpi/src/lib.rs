//! Trains networks of the crate [`taper`] on several machines, over MPI.
//!
//! A program gives [`run`] what each of its processes, the ranks, is to do, and its trainer the communicator that it gets:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use taper::train::{Dataset, Fit};
//! use taper::{Optimizer, Sequential, Tensor, Trainer, losses::CrossEntropy, optimizers::Adam};
//!
//! fn main() -> ExitCode {
//!     taper_mpi::run(|mpi| {
//!         let (inputs, labels) = (Tensor::<f32>::zeros([600, 4])?, vec![0; 600]);
//!         let mut model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(7))?;
//!         let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?))
//!             .with_batch(256)? // of all ranks together
//!             .with_communicator(mpi);
//!         trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(5))?;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! It is started by `mpirun -n 2 target/release/program`, or by the batch system of a cluster. The document
//! `docs/distributed.md` beside the crate has how, what is promised, and what it costs.

mod bf16;
mod communicator;
mod line;
mod run;
mod sum;

pub use communicator::Mpi;
pub use run::run;
