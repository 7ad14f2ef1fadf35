//! Checkpoints: a training in a file, from which it goes on to the same bits.

mod history;
mod read;
mod write;

use std::path::{Path, PathBuf};

use super::file::read;
use super::read::parse;
use super::rebuilt::in_file;
use super::save;
use crate::train::{Fit, Keeper, Moment, Monitor, Plan, Run};
use crate::{Error, Result, Scalar, Trainer};

/// When and where [`Trainer::fit`] writes checkpoints; for [`Fit::with_checkpoints`]. Keras's `ModelCheckpoint` and `BackupAndRestore`.
///
/// A checkpoint is a model's file with more in it: what the optimizer remembers, the schedule, the moving average, the
/// best epoch, the random state, the place in the shuffled data, the history. [`Trainer::resume`] goes on from it, and k
/// steps, a file and n − k steps give the same bits as n steps. Only the last one is kept; it is replaced as a whole or
/// not at all.
///
/// ```
/// use taper::io::Checkpoints;
/// use taper::train::{Dataset, Fit};
/// use taper::{Optimizer, Sequential, Tensor, Trainer, losses::CrossEntropy, optimizers::Adam};
///
/// let path = std::env::temp_dir().join(format!("taper-{}.checkpoint", std::process::id()));
/// let (inputs, labels) = (Tensor::<f32>::from_fn([64, 4], |i| (i % 7) as f32)?, vec![1; 64]);
/// let data = Dataset::new(&inputs, &labels)?;
/// let begin = |epochs| -> taper::Result<_> {
///     let mut model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(7))?;
///     let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?));
///     if path.exists() {
///         trainer.resume(&path)?;
///     }
///     let history = trainer.fit(data, Fit::epochs(epochs).with_checkpoints(Checkpoints::new(&path)))?;
///     Ok(history.epochs.len())
/// };
/// assert_eq!(begin(2)?, 2);
/// assert_eq!(begin(5)?, 5); // the two epochs of before, and three more
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Checkpoints {
    path: PathBuf,
    every: Every,
}

#[derive(Debug, Clone, Copy)]
enum Every {
    Epochs(usize),
    Steps(u64),
    Best(Monitor),
}

impl Checkpoints {
    /// One after each epoch, and one where a callback ends the training.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), every: Every::Epochs(1) }
    }

    /// One after so many epochs, after the last, and where a callback ends the training.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0.
    pub fn every_epochs(mut self, epochs: usize) -> Result<Self> {
        if epochs == 0 {
            return Err(Error::setting("checkpoints", "every 1 or more epochs", epochs));
        }
        self.every = Every::Epochs(epochs);
        Ok(self)
    }

    /// One after so many steps of the optimizer, after the last epoch, and where a callback ends the training.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0.
    pub fn every_steps(mut self, steps: u64) -> Result<Self> {
        if steps == 0 {
            return Err(Error::setting("checkpoints", "every 1 or more steps", steps));
        }
        self.every = Every::Steps(steps);
        Ok(self)
    }

    /// One after each epoch that is better than all before it in this call of `fit`, and no other: the file has the best
    /// epoch, to be opened as a model. Of both this and the last one, ask for checkpoints twice, with two paths.
    ///
    /// ```
    /// use taper::{io::Checkpoints, train::{Fit, Monitor}};
    ///
    /// let fit = Fit::<f32>::epochs(15)
    ///     .with_checkpoints(Checkpoints::new("last.safetensors"))
    ///     .with_checkpoints(Checkpoints::new("best.safetensors").best_only(Monitor::ValidationAccuracy));
    /// # let _ = fit;
    /// ```
    #[must_use]
    pub fn best_only(mut self, monitor: Monitor) -> Self {
        self.every = Every::Best(monitor);
        self
    }
}

/// Writes checkpoints when they are due.
struct Writer {
    checkpoints: Checkpoints,
    /// Steps, epoch and place of the last one: the last epoch's may be due twice.
    written: Option<(u64, usize, usize)>,
}

impl<T: Scalar> Keeper<T> for Writer {
    fn monitor(&self) -> Option<Monitor> {
        match self.checkpoints.every {
            Every::Best(monitor) => Some(monitor),
            Every::Epochs(_) | Every::Steps(_) => None,
        }
    }

    fn path(&self) -> &Path {
        &self.checkpoints.path
    }

    fn is_due(&self, moment: Moment, trainer: &Trainer<'_, T>, run: &Run<T>) -> bool {
        let is_due = match (moment, self.checkpoints.every) {
            (Moment::Step, Every::Steps(steps)) => trainer.progress.steps.is_multiple_of(steps),
            (Moment::Epoch, Every::Epochs(epochs)) => trainer.progress.epoch_number().is_multiple_of(epochs),
            (Moment::Epoch, Every::Best(monitor)) => {
                monitor.is_last_best(&trainer.progress.history.epochs[run.first..])
            }
            (Moment::Step | Moment::Epoch, _) | (_, Every::Best(_)) => false,
            (Moment::Stop | Moment::End, _) => true,
        };
        is_due && self.written != Some(place(trainer, run))
    }

    fn keep(&mut self, moment: Moment, trainer: &Trainer<'_, T>, plan: Plan, run: &Run<T>) -> Result<()> {
        if !self.is_due(moment, trainer, run) {
            return Ok(());
        }
        let path = &self.checkpoints.path;
        let draft = write::draft(trainer, Some((plan, run)));
        save::write(path, &draft.map_err(in_file(&path.display().to_string()))?)?;
        self.written = Some(place(trainer, run));
        Ok(())
    }
}

/// Steps, epoch and place of a training.
fn place<T: Scalar>(trainer: &Trainer<'_, T>, run: &Run<T>) -> (u64, usize, usize) {
    (trainer.progress.steps, trainer.progress.epoch_number(), run.samples)
}

impl<T: Scalar> Fit<'_, T> {
    /// Writes checkpoints on the way; asked for several times, to several files: two to the same one are an error of
    /// the call.
    #[must_use]
    pub fn with_checkpoints(self, checkpoints: Checkpoints) -> Self {
        self.with_keeper(Writer { checkpoints, written: None })
    }
}

impl<T: Scalar> Trainer<'_, T> {
    /// Writes a checkpoint between steps made by hand, or between two calls of [`Trainer::fit`]: the next call goes on
    /// behind it with the next epoch. Where a call was resumed and has not gone on yet, the file is in the middle of it as
    /// the one that it came from.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be written; [`Error::File`] for a model that cannot be kept in one.
    pub fn save_checkpoint(&self, path: impl AsRef<Path>) -> Result<()> {
        let resumed = self.progress.resumed.as_ref().map(|resumed| (resumed.plan, &resumed.run));
        let (path, draft) = (path.as_ref(), write::draft(self, resumed));
        save::write(path, &draft.map_err(in_file(&path.display().to_string()))?)
    }

    /// Puts everything as it was when a checkpoint was written; [`Trainer::fit`] or steps by hand go on from there. [`Checkpoints`] has an
    /// example. Where
    /// the checkpoint was written in a call of `fit`, the next call is the rest of that one: it is asked for as many
    /// epochs as that one was, and its history has those that were done.
    ///
    /// The trainer must be made as before: the same layers, rule, batches, seed, schedule and data. Only settings
    /// that do not change what the file means may differ, such as a rule's; the learning rate, which parameters are
    /// frozen, and their shares of learning rate and weight decay come from the file. Callbacks begin anew.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, [`Error::File`] where it is no checkpoint, is damaged or is one of
    /// another training, [`Error::Tensors`] for another model. Nothing is changed then.
    pub fn resume(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = read(path)?;
        let path = path.display().to_string();
        let (archive, document) = parse(&bytes).map_err(in_file(&path))?;
        read::resume(self, &archive, document.as_ref(), &path)
    }
}
