//! The thread that calls MPI. It alone does, from the beginning to the end, so any implementation of MPI will do.
//!
//! It carries out sums in the order in which they come, while the thread of the program goes on. MPI moves what is under way when it is called:
//! so the thread looks again and again: sleeping in between as long as the program computes, without sleep once it waits, and sleeping again
//! if that takes long, as others may want the processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use mpi::Threading;
use mpi::collective::CommunicatorCollectives;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Root};
use taper::train::Bucket;

use crate::sum::Received;

/// Between two looks while the program computes.
const PAUSE: Duration = Duration::from_micros(50);

/// How long it looks without sleep for what the program waits for: as long as the sum of a bucket takes in memory.
const AWAKE: Duration = Duration::from_micros(500);

/// How long a rank that has failed waits for the others to fail too, before it ends them: so each tells its error.
const GRACE: Duration = Duration::from_secs(2);

/// What both threads of a process know.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The program waits for a sum.
    pub(crate) is_awaited: AtomicBool,
    /// The program has failed.
    pub(crate) has_failed: AtomicBool,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Task {
    Sum {
        values: Bucket,
        in_bf16: bool,
    },
    Broadcast(Vec<u8>),
    /// No more: the program is through.
    End,
}

/// What was done.
#[derive(Debug)]
pub(crate) enum Done {
    Sum(Bucket),
    Broadcast(Vec<u8>),
}

/// The place of this process among the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) rank: usize,
    pub(crate) size: usize,
}

/// Initialises MPI, tells the place, carries out tasks until the last one, and finalises.
pub(crate) fn serve(
    state: &Arc<State>,
    place: &Sender<Result<Place, String>>,
    tasks: &Receiver<Task>,
    done: &Sender<Done>,
) {
    let Some((universe, level)) = mpi::initialize_with_threading(Threading::Funneled) else {
        let _ = place.send(Err("expected MPI not to be initialised, got a program where it is".into()));
        return;
    };
    let world = universe.world();
    if level < Threading::Funneled {
        let expected = "expected an MPI for programs of several threads (MPI_THREAD_FUNNELED)";
        let _ = place.send(Err(format!("{expected}, got {level:?}")));
        return;
    }
    let _ = place.send(Ok(Place { rank: world.rank() as usize, size: world.size() as usize }));
    let _guard = AbortOnPanic;
    let line = Line { state, world: &world };
    let mut received = Received::default();
    for task in tasks {
        let Some(what) = line.carry_out(task, &mut received) else { break };
        // Whoever asked may be gone, and is the one that says why.
        let _ = done.send(what);
    }
    if state.has_failed.load(Ordering::Acquire) {
        let mut barrier = Some(world.immediate_barrier());
        line.wait(&mut || {
            barrier = barrier.take().and_then(|request| request.test().err());
            barrier.is_none()
        });
    }
}

/// A panic here is a fault of this crate or of MPI's binding. It ends the process at once, and with it the job: to finalise MPI would wait for the
/// other ranks, which wait for this one.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}

struct Line<'a> {
    state: &'a State,
    world: &'a SimpleCommunicator,
}

impl Line<'_> {
    fn carry_out(&self, task: Task, received: &mut Received) -> Option<Done> {
        let wait = |is_done: &mut dyn FnMut() -> bool| self.wait(is_done);
        match task {
            Task::Sum { mut values, in_bf16 } => {
                match &mut values {
                    Bucket::F32(values) if in_bf16 => received.sum_bf16(self.world, values, &wait),
                    Bucket::F32(values) => received.sum_f32(self.world, values, &wait),
                    Bucket::F64(values) => received.sum_f64(self.world, values, &wait),
                }
                Some(Done::Sum(values))
            }
            Task::Broadcast(mut bytes) => {
                self.world.process_at_rank(0).broadcast_into(&mut bytes[..]);
                Some(Done::Broadcast(bytes))
            }
            Task::End => None,
        }
    }

    /// Until it is done. Once this rank has failed, others may never come: then it ends them.
    fn wait(&self, is_done: &mut dyn FnMut() -> bool) {
        let (mut failed, mut awaited): (Option<Instant>, Option<Instant>) = (None, None);
        while !is_done() {
            if self.state.has_failed.load(Ordering::Acquire) {
                let since = failed.get_or_insert_with(Instant::now);
                if since.elapsed() > GRACE {
                    self.world.abort(1);
                }
            }
            if !self.state.is_awaited.load(Ordering::Acquire) {
                awaited = None;
                thread::sleep(PAUSE);
            } else if awaited.get_or_insert_with(Instant::now).elapsed() < AWAKE {
                thread::yield_now();
            } else {
                thread::sleep(PAUSE);
            }
        }
    }
}
