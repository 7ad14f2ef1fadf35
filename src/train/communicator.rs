//! What a trainer needs of other processes.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Result, Scalar};

/// How the ranks of a training talk to each other; for [`Trainer::with_communicator`](crate::Trainer::with_communicator).
///
/// Ranks are processes on one or many machines that each train the same model on their part of every batch: PyTorch's
/// `DistributedDataParallel`, Keras's `DataParallel`. The words are those of MPI. [`Threads`](super::Threads) has ranks that are threads of
/// one process; the crate `taper-mpi` beside this one has them over MPI.
///
/// ```
/// use std::thread;
/// use taper::train::{Dataset, Fit, Threads};
/// use taper::{Optimizer, Result, Sequential, Tensor, Trainer, losses::CrossEntropy, optimizers::Adam};
///
/// let inputs = Tensor::from_fn([60, 4], |i| ((i * 37) % 101) as f64 / 101.0)?;
/// let labels: Vec<usize> = (0..60).map(|sample| sample % 3).collect();
///
/// let train = |rank: Threads| -> Result<Vec<f64>> {
///     let mut model = Sequential::builder([4]).dense(8).relu().dense(3).build(&mut taper::seeded(7))?;
///     let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?))
///         .with_batch(16)? // of both ranks together
///         .with_communicator(rank);
///     trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(3))?;
///     Ok(trainer.model().param("0.weight")?.to_tensor().as_slice().to_vec())
/// };
/// let weights: Vec<_> = thread::scope(|scope| {
///     let ranks = Threads::new(2).into_iter().map(|rank| scope.spawn(|| train(rank)));
///     ranks.collect::<Vec<_>>().into_iter().map(|rank| rank.join().unwrap()).collect()
/// });
/// assert_eq!(weights[0], weights[1]); // to the bit
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # What an implementation promises
///
/// - A sum has the same bits on every rank, and the order of its summands is the same in every run with as many ranks.
/// - Sums that were begun end in the order in which they were begun. Each gives back its numbers, best in the memory that they came in.
/// - Zeros and a number add up to the number; NaN and what is infinite go through.
/// - [`Bucket::F64`] are added up in double precision. [`Bucket::F32`] are gradients and nothing else, so an implementation may
///   round them on the way if it says so.
/// - What fails is an error, and no call waits for a rank that is gone; [`Error::other`](crate::Error::other) keeps the error whole.
///
/// # What it is promised
///
/// All ranks call the same methods in the same order, with as many numbers of the same kind; all on the thread that called
/// [`Trainer::fit`](crate::Trainer::fit), [`evaluate`](crate::Trainer::evaluate) or [`step`](crate::Trainer::step). After an error of a
/// communicator, or a panic of it, the call that it was in ends with that, and the trainer drops it: sums that were begun may be left in it.
/// Further calls of that trainer are errors.
pub trait Communicator: Send {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are, at least 1. It never changes.
    fn size(&self) -> usize;

    /// Begins to add up numbers of all ranks, the first to the first and so on. May come back before the sum is there, and may go on
    /// with sums that were begun before.
    ///
    /// # Errors
    /// Where the ranks cannot be reached.
    fn begin_all_reduce(&mut self, numbers: Bucket) -> Result<()>;

    /// Waits for the oldest sum that was begun and not yet finished, and gives it back.
    ///
    /// # Errors
    /// Where the ranks cannot be reached.
    fn finish_all_reduce(&mut self) -> Result<Bucket>;

    /// [Begins](Self::begin_all_reduce) a sum and waits for it. No other is under way.
    ///
    /// # Errors
    /// Where the ranks cannot be reached.
    fn all_reduce(&mut self, numbers: Bucket) -> Result<Bucket> {
        self.begin_all_reduce(numbers)?;
        self.finish_all_reduce()
    }

    /// Gives all ranks the bytes that rank 0 has; there are as many on each. No sum is under way. Called before the first step, of
    /// some kilobytes, so that a sum to which the others add zeros is good enough: that is what it is unless written.
    ///
    /// # Errors
    /// Where the ranks cannot be reached.
    fn broadcast(&mut self, bytes: &mut [u8]) -> Result<()> {
        let is_first = self.rank() == 0;
        let number = |byte: &u8| if is_first { f64::from(*byte) } else { 0.0 };
        if let Bucket::F64(sums) = self.all_reduce(Bucket::F64(bytes.iter().map(number).collect()))? {
            bytes.iter_mut().zip(sums).for_each(|(byte, sum)| *byte = sum as u8);
        }
        Ok(())
    }
}

/// One that several trainers of a rank have, which take turns: for one training after another.
impl<C: Communicator + ?Sized> Communicator for Arc<Mutex<C>> {
    fn rank(&self) -> usize {
        lock(self).rank()
    }

    fn size(&self) -> usize {
        lock(self).size()
    }

    fn begin_all_reduce(&mut self, numbers: Bucket) -> Result<()> {
        lock(self).begin_all_reduce(numbers)
    }

    fn finish_all_reduce(&mut self) -> Result<Bucket> {
        lock(self).finish_all_reduce()
    }

    fn all_reduce(&mut self, numbers: Bucket) -> Result<Bucket> {
        lock(self).all_reduce(numbers)
    }

    fn broadcast(&mut self, bytes: &mut [u8]) -> Result<()> {
        lock(self).broadcast(bytes)
    }
}

fn lock<C: ?Sized>(shared: &Mutex<C>) -> MutexGuard<'_, C> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Numbers that a [`Communicator`] adds up. It owns them until the sum is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Bucket {
    /// Gradients of a model of `f32`.
    F32(Vec<f32>),
    /// Gradients of a model of `f64`, and whatever else the ranks add up.
    F64(Vec<f64>),
}

impl Bucket {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of a model's type.
    pub(super) fn of<T: Scalar>(values: Vec<T>) -> Self {
        let mut values = Some(values);
        let any: &mut dyn Any = &mut values;
        if let Some(values) = any.downcast_mut::<Option<Vec<f32>>>().and_then(Option::take) {
            return Self::F32(values);
        }
        let values = any.downcast_mut::<Option<Vec<f64>>>().and_then(Option::take);
        Self::F64(values.expect("a scalar is f32 or f64"))
    }

    /// The numbers as those of a model's type; none where they are not.
    pub(super) fn into_values<T: Scalar>(self) -> Option<Vec<T>> {
        match self {
            Self::F32(values) => (&mut Some(values) as &mut dyn Any).downcast_mut::<Option<Vec<T>>>()?.take(),
            Self::F64(values) => (&mut Some(values) as &mut dyn Any).downcast_mut::<Option<Vec<T>>>()?.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_memory() {
        let values = vec![1.0_f32, 2.0];
        let place = values.as_ptr() as usize;
        let numbers = Bucket::of(values);
        assert_eq!(numbers, Bucket::F32(vec![1.0, 2.0]));
        assert!(numbers.clone().into_values::<f64>().is_none());
        let values = numbers.into_values::<f32>().unwrap();
        assert_eq!(values.as_ptr() as usize, place);
        assert_eq!(Bucket::of(vec![3.0_f64]).into_values::<f64>(), Some(vec![3.0]));
    }
}
