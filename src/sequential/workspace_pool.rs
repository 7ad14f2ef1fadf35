//! A pool of workspaces for the threads that share a model.

use core::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::workspace::another_model;
use super::{Sequential, Workspace};
use crate::layers::Mode;
use crate::prelude::*;
use crate::{Error, Parallelism, Result, Scalar, TensorView, TensorViewMut};

/// Workspaces that threads take turns at: what a server has instead of a lock around one.
///
/// Each call takes a workspace that is free. Where there is none, one is made, up to a bound; from then on nothing is allocated,
/// and a call waits until another one gives its workspace back. That comes for certain: a workspace is held for a pass and no
/// longer, in which no code of the caller's runs, and a pass waits for nobody (see [`Parallelism`]). So calls may come from any threads,
/// from tasks of a `rayon` pool too, and with locks held.
///
/// The model comes with each call. It may be another one each time, if it has the same layers: one opened from a file that was
/// trained further takes the place of the old one, while calls with that go on.
///
/// ```
/// use taper::{Sequential, Tensor, sequential::WorkspacePool};
///
/// let build = |seed| Sequential::<f32>::builder([4]).dense(8).relu().dense(3).build(&mut taper::seeded(seed));
/// let (old, new) = (build(1)?, build(2)?);
/// let pool = WorkspacePool::new(&old, 32, 4)?;
///
/// let x = Tensor::full([5, 4], 0.5)?;
/// let mut outputs = Tensor::zeros([5, 3])?;
/// pool.infer(&old, &x, &mut outputs)?;
/// assert_eq!(outputs, old.predict(&x)?);
/// pool.infer(&new, &x, &mut outputs)?;
/// assert_eq!(outputs, new.predict(&x)?);
/// # Ok::<(), taper::Error>(())
/// ```
///
/// `examples/serve.rs` is a whole server.
pub struct WorkspacePool<T> {
    /// What all workspaces have in common.
    layers: u64,
    batch: usize,
    most: usize,
    parallelism: Parallelism,
    shelf: Mutex<Shelf<T>>,
    returned: Condvar,
}

/// The workspaces that are free, and how many there are in all.
struct Shelf<T> {
    free: Vec<Workspace<T>>,
    made: usize,
    waiting: usize,
}

impl<T: Scalar> WorkspacePool<T> {
    /// Workspaces for models of these layers, for batches of this size, at most so many of them. The first one is made at once.
    ///
    /// As many as there are processors are a good bound: more passes at once take longer each.
    ///
    /// # Errors
    /// [`Error::Setting`] for a bound of 0; those of [`Sequential::workspace`].
    pub fn new(model: &Sequential<T>, batch: usize, most: usize) -> Result<Self> {
        if most == 0 {
            return Err(Error::setting("workspaces", "at least 1", most));
        }
        let first = model.workspace(Mode::Infer, batch)?;
        let (layers, parallelism) = (first.layers(), Parallelism::default());
        let shelf = Mutex::new(Shelf { free: vec![first], made: 1, waiting: 0 });
        Ok(Self { layers, batch, most, parallelism, shelf, returned: Condvar::new() })
    }

    /// The same, with another number of threads for each pass.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: Parallelism) -> Self {
        self.parallelism = parallelism;
        self
    }

    /// How many workspaces there are: as many as calls have been at work at once, up to the bound.
    #[must_use]
    pub fn made(&self) -> usize {
        self.shelf().made
    }

    /// Writes the outputs for any number of samples, as many at a time as a workspace holds. Allocates nothing, once the workspaces
    /// are there.
    ///
    /// # Errors
    /// [`Error::Shape`] where the input is no batch of the model's samples, or the outputs have not the shape of what comes of it;
    /// [`Error::Workspace`] for a model of other layers. The outputs are as they were then. [`Error::TooLarge`] where there is no memory
    /// for one more workspace; those of layers of one's own.
    pub fn infer<'a, 'b>(
        &self,
        model: &Sequential<T>,
        x: impl Into<TensorView<'a, T>>,
        outputs: impl Into<TensorViewMut<'b, T>>,
    ) -> Result<()> {
        let (x, outputs) = (x.into(), outputs.into());
        let expected = model.output().with_batch(model.check_input(x)?)?;
        if outputs.shape() != expected {
            return Err(Error::shape("outputs", expected, outputs.shape()));
        }
        let mut taken = Taken { workspace: Some(self.take(model)?), pool: self };
        let workspace = taken.workspace.as_mut().expect("it was taken");
        model.infer_all(x, workspace, outputs.into_slice())
    }

    fn take(&self, model: &Sequential<T>) -> Result<Workspace<T>> {
        let mut shelf = self.shelf();
        loop {
            if let Some(workspace) = shelf.free.pop() {
                return Ok(workspace.with_parallelism(self.parallelism));
            }
            if shelf.made < self.most {
                break;
            }
            shelf.waiting += 1;
            shelf = self.returned.wait(shelf).unwrap_or_else(PoisonError::into_inner);
            shelf.waiting -= 1;
        }
        shelf.made += 1;
        // Room for all of them, so that none has to make it when it comes back.
        let room = shelf.made;
        shelf.free.reserve(room);
        drop(shelf);
        let made = model.workspace(Mode::Infer, self.batch);
        let made =
            made.and_then(|made| if made.layers() == self.layers { Ok(made) } else { Err(another_model()) });
        made.map(|made| made.with_parallelism(self.parallelism)).inspect_err(|_| {
            self.shelf().made -= 1;
            self.returned.notify_one();
        })
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<T>> {
        // Nothing that could panic happens while it is locked.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_back(&self, workspace: Workspace<T>) {
        let mut shelf = self.shelf();
        shelf.free.push(workspace);
        if shelf.waiting > 0 {
            self.returned.notify_one();
        }
    }
}

/// A workspace that goes back also where a pass fails.
struct Taken<'p, T: Scalar> {
    workspace: Option<Workspace<T>>,
    pool: &'p WorkspacePool<T>,
}

impl<T: Scalar> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        if let Some(workspace) = self.workspace.take() {
            self.pool.put_back(workspace);
        }
    }
}

impl<T> fmt::Debug for WorkspacePool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkspacePool")
            .field("batch", &self.batch)
            .field("most", &self.most)
            .field("parallelism", &self.parallelism)
            .finish_non_exhaustive()
    }
}
