//! Sums over all ranks in the middle of a pass, for layers that see the whole batch.
//!
//! A rank may have no samples, or fail anywhere in its pass, and does not know then what the others go on to ask for. So they ask in
//! rounds, all of one form: some numbers, and where each rank is. Whoever has come to the end of its pass takes part in one more
//! round and says so; whoever has failed says that instead, and it is the last round of all; whoever has no samples takes part with zeros
//! until it is told of an end.

use std::fmt;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::group::{Failure, Group, Own, attempt, elsewhere};
use crate::layers::Others;
use crate::{Error, Result};

/// How many numbers go in a round, behind those that say where ranks are: 4 KB in all.
const NUMBERS: usize = 512 - HEAD;

/// How many ranks are under way, through and have failed; how many numbers they ask for, and the squares of these.
const HEAD: usize = 5;

/// Where a rank is in its pass.
#[derive(Clone, Copy)]
enum Place {
    Underway,
    Through,
    Failed,
    /// It has no samples.
    Without,
}

/// Why there are no more rounds.
#[derive(Clone)]
enum End {
    /// All ranks are through.
    Through,
    /// One has failed.
    Failed,
    /// Some are through, or ask for more or fewer numbers than others.
    Uneven,
    /// The others cannot be reached.
    Broken(Error),
}

/// The pass of a part of a batch, with sums over all ranks. Only the thread of the pass takes the lock: it makes what a layer gets one that
/// threads can share.
pub(super) struct InPass<'a>(Mutex<Talk<'a>>);

struct Talk<'a> {
    group: &'a mut Group,
    end: Option<End>,
}

/// Does a pass of this rank's own, where it has not failed before, and comes to its end together with the others. Where one of them fails, the pass
/// ends without an error of this rank.
///
/// # Errors
/// Those of the communicator, behind which nothing is to be asked; what this rank has done is within.
pub(super) fn in_pass(
    group: &mut Group,
    has_samples: bool,
    own: Own<f64>,
    pass: impl FnOnce(f64, &dyn Others) -> Result<f64>,
) -> Result<Own<f64>> {
    let pass_of_all = InPass(Mutex::new(Talk { group, end: None }));
    let own = own.and_then(|before| attempt(|| pass(before, &pass_of_all)));
    let mut talk = pass_of_all.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    let is_cut_short = talk.end.is_some();
    let place = match own {
        Err(_) => Place::Failed,
        Ok(_) if has_samples => Place::Through,
        Ok(_) => Place::Without,
    };
    while talk.end.is_none() {
        talk.round(place, &mut []);
    }
    match talk.end {
        Some(End::Broken(error)) => Err(error),
        Some(End::Uneven) => Ok(own.and_then(|_| Err(Failure::Error(uneven())))),
        Some(End::Failed) if is_cut_short => Ok(Err(Failure::Elsewhere)),
        _ => Ok(own),
    }
}

impl<'a> InPass<'a> {
    fn talk(&self) -> MutexGuard<'_, Talk<'a>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Others for InPass<'_> {
    fn add_up(
        &self,
        len: usize,
        fill: &mut dyn FnMut(&mut [f64]),
        take: &mut dyn FnMut(&[f64]),
    ) -> Result<()> {
        let mut numbers = mem::take(&mut self.talk().group.spare[1]);
        numbers.clear();
        numbers.resize(len, 0.0);
        fill(&mut numbers);
        let mut talk = self.talk();
        for numbers in numbers.chunks_mut(NUMBERS) {
            if talk.end.is_none() {
                talk.round(Place::Underway, numbers);
            }
        }
        match &talk.end {
            None => {}
            Some(End::Broken(error)) => return Err(error.clone()),
            Some(End::Uneven) => return Err(uneven()),
            Some(End::Through | End::Failed) => return Err(elsewhere()),
        }
        take(&numbers);
        talk.group.spare[1] = numbers;
        Ok(())
    }
}

impl fmt::Debug for InPass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sums over all ranks")
    }
}

impl Talk<'_> {
    /// Adds up numbers of all ranks, and finds out where they are.
    fn round(&mut self, place: Place, numbers: &mut [f64]) {
        let mut own = mem::take(&mut self.group.spare[0]);
        own.clear();
        own.extend(match place {
            Place::Underway => [1.0, 0.0, 0.0],
            Place::Through => [0.0, 1.0, 0.0],
            Place::Failed => [0.0, 0.0, 1.0],
            Place::Without => [0.0; 3],
        });
        let asked = numbers.len() as f64;
        own.extend([asked, asked * asked]);
        own.extend_from_slice(numbers);
        own.resize(HEAD + NUMBERS, 0.0);
        let sums = match self.group.sum(own) {
            Ok(sums) => sums,
            Err(error) => {
                self.end = Some(End::Broken(error));
                return;
            }
        };
        numbers.copy_from_slice(&sums[HEAD..][..numbers.len()]);
        let [underway, through, failed, asked, squares] = *sums.first_chunk().expect("as many as there were");
        self.end = if failed > 0.0 {
            Some(End::Failed)
        } else if underway == 0.0 {
            Some(End::Through)
        } else if through > 0.0 || underway * squares != asked * asked {
            Some(End::Uneven)
        } else {
            None
        };
        self.group.spare[0] = sums;
    }
}

fn uneven() -> Error {
    Error::setting("pass", "one that asks for the same sums on every rank", "others on some of them")
}
