//! The beginning and the end of a program of several processes.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread;

use crate::communicator::Mpi;
use crate::line::{State, Task, serve};

/// Runs a program as one rank of an MPI job, and tells how it ended: what `main` returns.
///
/// It initialises MPI, gives the program its communicator, and finalises MPI when the program is through. Ranks wait there for each other.
///
/// An error of the program is written to the standard error output, with the rank. It ends all ranks: those that have not failed too within
/// two seconds are ended by MPI. So does a panic. No rank waits for one that is gone.
///
/// Without `mpirun` it is a job of one rank.
///
/// A program calls it once, at the beginning, and nothing else of MPI; [the first page](crate) has an example. MPI is called from a thread of
/// its own, for which a level of `MPI_THREAD_FUNNELED` is enough.
#[must_use = "`main` returns it, or a failure is not told"]
pub fn run(program: impl FnOnce(Mpi) -> Result<(), Box<dyn Error>>) -> ExitCode {
    let state = Arc::new(State::default());
    let (to_thread, tasks) = channel();
    let (to_program, done) = channel();
    let (to_me, place) = channel();
    let of_thread = Arc::clone(&state);
    let mpi = thread::Builder::new()
        .name("mpi".into())
        .spawn(move || serve(&of_thread, &to_me, &tasks, &to_program));
    let mpi = match mpi {
        Ok(mpi) => mpi,
        Err(error) => return failure(&format!("error: the thread for MPI: {error}")),
    };
    let place = match place.recv() {
        Ok(Ok(place)) => place,
        Ok(Err(error)) => return failure(&format!("error: {error}")),
        Err(_) => return failure("error: MPI could not be initialised"),
    };
    let communicator = Mpi::new(place, Arc::clone(&state), to_thread.clone(), done);
    let outcome = catch_unwind(AssertUnwindSafe(|| program(communicator)));
    let code = match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failure(&format!("rank {} of {}: error: {error}", place.rank, place.size)),
        // The panic has told itself.
        Err(_) => failure(&format!("rank {} of {}: panicked", place.rank, place.size)),
    };
    state.has_failed.store(code != ExitCode::SUCCESS, Ordering::Release);
    let is_told = to_thread.send(Task::End).is_ok();
    if mpi.join().is_ok() && is_told { code } else { ExitCode::FAILURE }
}

fn failure(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::FAILURE
}
