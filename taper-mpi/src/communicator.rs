//! The communicator.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use taper::train::{Bucket, Communicator, Precision};
use taper::{Error, Result};

use crate::line::{Done, Place, State, Task};

/// The processes of an MPI job, as a trainer sees them ([`Trainer::with_communicator`](taper::Trainer::with_communicator)). [`run`](crate::run) gives
/// it to each rank. Copies are the same rank, for several trainers one after another.
///
/// Sums are taken in the order of the ranks: their bits follow from the number of ranks alone, and are the same on all of them, with any
/// implementation of MPI. They are taken while the program goes on.
///
/// ```no_run
/// use std::process::ExitCode;
/// use taper::train::{Communicator, Precision};
///
/// fn main() -> ExitCode {
///     taper_mpi::run(|mpi| {
///         let mpi = mpi.with_precision(Precision::Bf16); // half of the bytes
///         println!("rank {} of {}", mpi.rank(), mpi.size());
///         Ok(()) // with a trainer made `with_communicator(mpi)`, as on the first page
///     })
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Mpi {
    place: Place,
    state: Arc<State>,
    tasks: Sender<Task>,
    done: Arc<Mutex<Receiver<Done>>>,
    in_bf16: bool,
}

impl Mpi {
    pub(crate) fn new(place: Place, state: Arc<State>, tasks: Sender<Task>, done: Receiver<Done>) -> Self {
        Self { place, state, tasks, done: Arc::new(Mutex::new(done)), in_bf16: false }
    }

    /// In which numbers gradients of `f32` travel. With [`Precision::Bf16`] it is half of the bytes: each rank's are rounded to 16 bits, added
    /// up in `f32` in the order of the ranks, and the sum is rounded to 16 bits again, so each gradient has three digits left, and each rank
    /// the same ones. Everything else that ranks add up, and gradients of `f64`, go in full. A rank that is alone rounds nothing.
    ///
    /// It has to be the same on all ranks.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.in_bf16 = precision == Precision::Bf16;
        self
    }

    fn wait(&mut self) -> Result<Done> {
        self.state.is_awaited.store(true, Ordering::Release);
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).recv();
        self.state.is_awaited.store(false, Ordering::Release);
        done.map_err(|_| ended())
    }
}

/// The thread of MPI is gone, as only a fault of its own explains.
fn ended() -> Error {
    Error::other("expected the thread that calls MPI to be there, got none")
}

impl Communicator for Mpi {
    fn rank(&self) -> usize {
        self.place.rank
    }

    fn size(&self) -> usize {
        self.place.size
    }

    fn begin_all_reduce(&mut self, numbers: Bucket) -> Result<()> {
        let in_bf16 = self.in_bf16 && self.place.size > 1;
        self.tasks.send(Task::Sum { values: numbers, in_bf16 }).map_err(|_| ended())
    }

    fn finish_all_reduce(&mut self) -> Result<Bucket> {
        match self.wait()? {
            Done::Sum(values) => Ok(values),
            Done::Broadcast(_) => Err(Error::other("expected a sum that was begun, got a broadcast")),
        }
    }

    fn broadcast(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.tasks.send(Task::Broadcast(bytes.to_vec())).map_err(|_| ended())?;
        match self.wait()? {
            Done::Broadcast(all) => bytes.copy_from_slice(&all),
            Done::Sum(_) => return Err(Error::other("expected no sum to be under way, got one")),
        }
        Ok(())
    }
}
