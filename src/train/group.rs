//! The ranks of a training: what they agree on.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use super::communicator::{Bucket, Communicator};
use super::meeting::Meeting;
use super::share::Ranks;
use crate::{Error, Result, Scalar};

/// A text that ranks tell each other has no more bytes.
const MOST_BYTES: usize = 1000;

/// All ranks of a training, seen from one of them.
pub(super) struct Group {
    /// Never locked: so a trainer can be shared between threads, whatever its communicator is. After an error the communicator is gone,
    /// so that others do not wait for this rank, and no sum that was left in it is taken for a later one; the error stays.
    line: std::result::Result<Mutex<Box<dyn Communicator>>, Error>,
    rank: usize,
    size: usize,
    /// Whether the others were told of this rank's last panic.
    pub(super) is_told: bool,
    /// Memory for sums in the middle of a pass.
    pub(super) spare: [Vec<f64>; 2],
    /// What they have told each other, when they have.
    pub(super) meeting: Option<Meeting>,
}

/// Why a rank has to end.
pub(super) enum Failure {
    Error(Error),
    Panic(Box<dyn Any + Send>),
    /// Another rank has failed, and is the one that tells why.
    Elsewhere,
}

/// What a rank did by itself, which may not have been done.
pub(super) type Own<R> = std::result::Result<R, Failure>;

/// Does something of this rank's own. The others wait for it, so it neither returns nor unwinds from here where it fails.
pub(super) fn attempt<R>(work: impl FnOnce() -> Result<R>) -> Own<R> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Failure::Error(error)),
        Err(panic) => Err(Failure::Panic(panic)),
    }
}

impl Group {
    pub(super) fn new(communicator: Box<dyn Communicator>) -> Self {
        let (rank, size) = (communicator.rank(), communicator.size());
        Self {
            line: Ok(Mutex::new(communicator)),
            rank,
            size,
            is_told: false,
            spare: Default::default(),
            meeting: None,
        }
    }

    pub(super) fn rank(&self) -> usize {
        self.rank
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn has_met(&self) -> bool {
        self.meeting.is_some()
    }

    pub(super) fn meeting(&self) -> &Meeting {
        self.meeting.as_ref().expect("a training begins with it")
    }

    /// This rank among the others, for the samples of a training.
    pub(super) fn ranks(&self) -> Ranks<'_> {
        Ranks { rank: self.rank, size: self.size, owners: self.meeting().owners.as_deref() }
    }

    /// Whether the others can be asked.
    ///
    /// # Errors
    /// Where that has failed once.
    pub(super) fn check(&self) -> Result<()> {
        let refused = |error| {
            let expected = "one that has not failed; make a new one, and a trainer with it";
            Error::setting("communicator", expected, format!("one that has failed: {error}"))
        };
        self.line.as_ref().map(|_| ()).map_err(refused)
    }

    /// Asks nothing more.
    pub(super) fn close(&mut self, why: Error) {
        self.line = Err(why);
    }

    /// Asks the communicator, whose first error is its last. Its panic is an error.
    fn ask<R>(&mut self, question: impl FnOnce(&mut dyn Communicator) -> Result<R>) -> Result<R> {
        let communicator = self.line.as_mut().map_err(|error| error.clone())?;
        let communicator = &mut **communicator.get_mut().unwrap_or_else(PoisonError::into_inner);
        let answer = attempt(|| question(communicator)).map_err(|failure| match failure {
            Failure::Error(error) => error,
            _ => Error::other(format!("communicator: {}", failure.text())),
        });
        answer.inspect_err(|error| self.close(error.clone()))
    }

    /// Begins to add up numbers of all ranks.
    pub(super) fn begin<T: Scalar>(&mut self, numbers: Vec<T>) -> Result<()> {
        self.ask(|communicator| communicator.begin_all_reduce(Bucket::of(numbers)))
    }

    /// The sums that were begun first, of so many numbers.
    pub(super) fn finish<T: Scalar>(&mut self, len: usize) -> Result<Vec<T>> {
        self.ask(|communicator| numbers(communicator.finish_all_reduce()?, len))
    }

    /// Adds up numbers of all ranks.
    pub(super) fn sum(&mut self, own: Vec<f64>) -> Result<Vec<f64>> {
        let len = own.len();
        self.ask(|communicator| numbers(communicator.all_reduce(Bucket::F64(own))?, len))
    }

    /// What a rank has done and the sums of these numbers, unless one of them has failed: then all get the error of the first.
    pub(super) fn agree<R>(&mut self, own: Own<R>, mut numbers: Vec<f64>) -> Own<(R, Vec<f64>)> {
        numbers.push(failures(&own));
        let mut sums = self.sum(numbers)?;
        let failed = sums.pop();
        Ok((self.unless_failed(own, failed)?, sums))
    }

    /// What this rank has done, where none has failed of which so many are told.
    pub(super) fn unless_failed<R>(&mut self, own: Own<R>, failed: Option<f64>) -> Own<R> {
        match own {
            Ok(value) if failed == Some(0.0) => Ok(value),
            Ok(_) | Err(Failure::Elsewhere) => Err(self.share(None)?.into()),
            Err(failure) => {
                let error = self.share(Some(&failure))?;
                Err(if let Failure::Error(_) = failure { error.into() } else { failure })
            }
        }
    }

    /// The error of the first rank that has failed.
    fn share(&mut self, own: Option<&Failure>) -> Result<Error> {
        let (rank, size) = (self.rank(), self.size());
        let has_failed = |other| if other == rank && own.is_some() { 1.0 } else { 0.0 };
        let failed = self.sum((0..size).map(has_failed).collect())?;
        let first = failed.iter().position(|&failed| failed > 0.0).unwrap_or(rank);
        let text = own.filter(|_| first == rank).map(Failure::text).unwrap_or_default();
        let text = self.text_of(&text)?;
        let source = match own {
            Some(Failure::Error(error)) if first == rank => error.clone(),
            _ => Error::other(text),
        };
        Ok(Error::Rank { rank: first, source: Box::new(source) })
    }

    /// The text that one rank has, where the others have none.
    fn text_of(&mut self, own: &str) -> Result<String> {
        let mut numbers = vec![0.0; MOST_BYTES];
        numbers.iter_mut().zip(own.bytes()).for_each(|(number, byte)| *number = f64::from(byte));
        let bytes: Vec<u8> = self.sum(numbers)?.into_iter().map(|number| number as u8).collect();
        let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..len]).into_owned())
    }

    /// Gives all ranks the text of the first.
    pub(super) fn text_of_first(&mut self, own: &str) -> Result<String> {
        let mut len = (own.len() as u64).to_le_bytes();
        self.ask(|communicator| communicator.broadcast(&mut len))?;
        let mut bytes = own.as_bytes().to_vec();
        bytes.resize(u64::from_le_bytes(len) as usize, 0);
        self.ask(|communicator| communicator.broadcast(&mut bytes))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// 1 for a rank that has failed.
pub(super) fn failures<R>(own: &Own<R>) -> f64 {
    if matches!(own, Ok(_) | Err(Failure::Elsewhere)) { 0.0 } else { 1.0 }
}

/// The numbers of a sum of so many.
fn numbers<T: Scalar>(sums: Bucket, len: usize) -> Result<Vec<T>> {
    let sums = sums.into_values().filter(|sums: &Vec<T>| sums.len() == len);
    sums.ok_or_else(|| {
        Error::setting("communicator", "as many sums as there were numbers, of their kind", "others")
    })
}

/// What there is to say where another rank has failed.
pub(super) fn elsewhere() -> Error {
    Error::other("another rank has failed")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Failure {
    fn text(&self) -> String {
        match self {
            Self::Error(error) => error.to_string(),
            Self::Elsewhere => elsewhere().to_string(),
            Self::Panic(panic) => {
                let text = panic.downcast_ref::<&str>().copied();
                let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                format!("panic: {}", text.unwrap_or("without a text"))
            }
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} of {}", self.rank(), self.size())
    }
}
