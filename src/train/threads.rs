//! Ranks that are threads of one process.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::communicator::{Bucket, Communicator};
use crate::{Error, Result};

/// Ranks that are threads of one process: to try a training on several machines without them, and for tests. Sums are taken in
/// the order of the ranks. For more speed on one machine there is [`Parallelism`](crate::Parallelism).
///
/// A rank that is dropped is gone: what the others wait for then is an error. See [`Communicator`] for an example.
pub struct Threads {
    rank: usize,
    size: usize,
    shared: Arc<Shared>,
    /// How many sums it has begun and finished.
    begun: u64,
    finished: u64,
}

struct Shared {
    state: Mutex<State>,
    /// There is a sum, or a rank is gone.
    changed: Condvar,
}

struct State {
    /// Those that not all ranks have finished, in order.
    sums: VecDeque<Sum>,
    /// The number of the first of them.
    first: u64,
    gone: Option<usize>,
}

/// What each rank has brought, and takes home when it is done.
struct Sum {
    parts: Vec<Option<Bucket>>,
    left_to_begin: usize,
    left_to_finish: usize,
    /// An error is one of all ranks.
    done: Option<Result<()>>,
}

impl Threads {
    /// So many ranks, one for each thread, in their order; none for 0.
    #[must_use]
    pub fn new(size: usize) -> Vec<Self> {
        let state = Mutex::new(State { sums: VecDeque::new(), first: 0, gone: None });
        let shared = Arc::new(Shared { state, changed: Condvar::new() });
        let rank = |rank| Self { rank, size, shared: Arc::clone(&shared), begun: 0, finished: 0 };
        (0..size).map(rank).collect()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sum(&mut self, number: u64) -> &mut Sum {
        &mut self.sums[(number - self.first) as usize]
    }
}

impl Communicator for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn begin_all_reduce(&mut self, numbers: Bucket) -> Result<()> {
        let mut state = self.shared.lock();
        let number = self.begun;
        self.begun += 1;
        if state.first + state.sums.len() as u64 == number {
            let (parts, size) = ((0..self.size).map(|_| None).collect(), self.size);
            state.sums.push_back(Sum { parts, left_to_begin: size, left_to_finish: size, done: None });
        }
        let sum = state.sum(number);
        sum.parts[self.rank] = Some(numbers);
        sum.left_to_begin -= 1;
        if sum.left_to_begin > 0 {
            return Ok(());
        }
        let mut parts = std::mem::take(&mut sum.parts);
        drop(state);
        let done = add_up(&mut parts);
        let mut state = self.shared.lock();
        let sum = state.sum(number);
        (sum.parts, sum.done) = (parts, Some(done));
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn finish_all_reduce(&mut self) -> Result<Bucket> {
        if self.finished == self.begun {
            return Err(Error::setting("all-reduce", "a sum that was begun", "none"));
        }
        let number = self.finished;
        self.finished += 1;
        let mut state = self.shared.lock();
        while state.sum(number).done.is_none() {
            if let Some(rank) = state.gone {
                return Err(Error::setting(
                    "all-reduce",
                    "numbers of all ranks",
                    format!("none of rank {rank}, which is gone"),
                ));
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let sum = state.sum(number);
        let numbers = sum.parts[self.rank].take().expect("this rank has begun it and takes it once");
        sum.left_to_finish -= 1;
        let done = sum.done.clone().expect("waited for above");
        while state.sums.front().is_some_and(|sum| sum.left_to_finish == 0) {
            state.sums.pop_front();
            state.first += 1;
        }
        done.map(|()| numbers)
    }
}

/// Leaves the sum of all parts in each of them.
fn add_up(parts: &mut [Option<Bucket>]) -> Result<()> {
    let (first, others) = parts.split_first_mut().expect("there is at least one rank");
    let first = first.as_mut().expect("all have begun");
    for (rank, other) in (1..).zip(&*others) {
        match (&mut *first, other.as_ref().expect("all have begun")) {
            (Bucket::F32(sums), Bucket::F32(values)) if sums.len() == values.len() => add(sums, values),
            (Bucket::F64(sums), Bucket::F64(values)) if sums.len() == values.len() => add(sums, values),
            (_, other) => {
                let expected = "as many numbers of the same kind on every rank";
                let got = format!("{} on rank 0 and {} on rank {rank}", kind(first), kind(other));
                return Err(Error::setting("all-reduce", expected, got));
            }
        }
    }
    for other in others.iter_mut().flatten() {
        match (&mut *other, &*first) {
            (Bucket::F32(values), Bucket::F32(sums)) => values.copy_from_slice(sums),
            (Bucket::F64(values), Bucket::F64(sums)) => values.copy_from_slice(sums),
            _ => unreachable!("compared above"),
        }
    }
    Ok(())
}

fn add<T: std::ops::AddAssign + Copy>(sums: &mut [T], values: &[T]) {
    sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += value);
}

fn kind(numbers: &Bucket) -> String {
    format!("{} of {}", numbers.len(), if matches!(numbers, Bucket::F32(_)) { "f32" } else { "f64" })
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.lock().gone.get_or_insert(self.rank);
        self.shared.changed.notify_all();
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} of {} threads", self.rank, self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// What each rank has of its own work.
    fn on_ranks<R: Send>(size: usize, work: impl Fn(Threads) -> R + Sync) -> Vec<R> {
        thread::scope(|scope| {
            let ranks = Threads::new(size).into_iter().map(|rank| scope.spawn(|| work(rank)));
            ranks.collect::<Vec<_>>().into_iter().map(|rank| rank.join().unwrap()).collect()
        })
    }

    #[test]
    fn sums_end_in_the_order_in_which_they_began() {
        let sums = on_ranks(3, |mut rank| {
            let own = rank.rank() as f32 + 1.0;
            for number in 0..10 {
                rank.begin_all_reduce(Bucket::F32(vec![own, number as f32])).unwrap();
            }
            let sums: Vec<_> = (0..10).map(|_| rank.finish_all_reduce().unwrap()).collect();
            let mut bytes = if rank.rank() == 0 { *b"taper" } else { [0; 5] };
            rank.broadcast(&mut bytes).unwrap();
            assert_eq!(&bytes, b"taper");
            sums
        });
        for rank in sums {
            for (number, sum) in rank.into_iter().enumerate() {
                assert_eq!(sum, Bucket::F32(vec![6.0, 3.0 * number as f32]));
            }
        }
    }

    #[test]
    fn a_rank_that_is_gone_or_adds_something_else_is_an_error() {
        let errors = on_ranks(2, |mut rank| {
            if rank.rank() == 1 {
                return String::new();
            }
            rank.all_reduce(Bucket::F64(vec![1.0])).unwrap_err().to_string()
        });
        assert_eq!(errors[0], "all-reduce: expected numbers of all ranks, got none of rank 1, which is gone");
        let errors = on_ranks(2, |mut rank| {
            let numbers =
                if rank.rank() == 1 { Bucket::F32(vec![1.0; 3]) } else { Bucket::F64(vec![1.0; 2]) };
            rank.all_reduce(numbers).unwrap_err().to_string()
        });
        let expected = "all-reduce: expected as many numbers of the same kind on every rank, got 2 of f64 on rank 0 and 3 of f32 on rank 1";
        assert_eq!(errors, [expected; 2]);
    }

    #[test]
    fn a_rank_that_has_done_its_work_may_go() {
        let sums = on_ranks(3, |mut rank| rank.all_reduce(Bucket::F64(vec![1.0])).unwrap());
        assert_eq!(sums, vec![Bucket::F64(vec![3.0]); 3]);
    }
}
