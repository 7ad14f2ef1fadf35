//! The ranks of a training: what they agree on.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use super::communicator::{Bucket, Communicator};
use super::meeting::Meeting;
use super::share::Ranks;
use crate::{Error, Result};

/// A text that ranks tell each other has no more bytes.
const MOST_BYTES: usize = 1000;

/// All ranks of a training, seen from one of them.
pub(super) struct Group {
    /// Never locked: so a trainer can be shared between threads, whatever its communicator is.
    communicator: Mutex<Box<dyn Communicator>>,
    rank: usize,
    size: usize,
    /// What they have told each other, when they have.
    pub(super) meeting: Option<Meeting>,
}

/// Why a rank has to end.
pub(super) enum Failure {
    Error(Error),
    Panic(Box<dyn Any + Send>),
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
        Self { communicator: Mutex::new(communicator), rank, size, meeting: None }
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

    pub(super) fn communicator(&mut self) -> &mut dyn Communicator {
        &mut **self.communicator.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds up numbers of all ranks.
    pub(super) fn sum(&mut self, numbers: Vec<f64>) -> Result<Vec<f64>> {
        let len = numbers.len();
        double(self.communicator().all_reduce(Bucket::F64(numbers))?, len)
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
            Ok(_) => Err(self.share(None)?.into()),
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
        self.communicator().broadcast(&mut len)?;
        let mut bytes = own.as_bytes().to_vec();
        bytes.resize(u64::from_le_bytes(len) as usize, 0);
        self.communicator().broadcast(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// 1 for a rank that has failed.
pub(super) fn failures<R>(own: &Own<R>) -> f64 {
    if own.is_ok() { 0.0 } else { 1.0 }
}

/// The numbers of a sum of so many in double precision.
pub(super) fn double(sums: Bucket, len: usize) -> Result<Vec<f64>> {
    let sums = sums.into_values().filter(|sums: &Vec<f64>| sums.len() == len);
    sums.ok_or_else(|| {
        Error::setting("communicator", "as many sums as there were numbers, of their kind", "others")
    })
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
