//! Which samples of each batch are a rank's.

use super::Dataset;
use crate::Scalar;

/// The samples of one batch after the other, of which several ranks have a part each.
#[derive(Debug, Clone, Copy)]
pub(super) enum Batches<'a> {
    /// All of them, so many at a time.
    Whole { samples: &'a [usize], size: usize },
    /// A rank's.
    Part(&'a Share),
}

impl<'a> Batches<'a> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Whole { samples, size } => samples.len().div_ceil(size),
            Self::Part(share) => share.ends.len(),
        }
    }

    /// The samples of the batch of this number.
    pub(super) fn get(self, number: usize) -> &'a [usize] {
        match self {
            Self::Whole { samples, size } => {
                let samples = &samples[number * size..];
                &samples[..samples.len().min(size)]
            }
            Self::Part(share) => share.get(number),
        }
    }
}

/// A rank's part of each batch of an epoch.
#[derive(Debug, Default)]
pub(super) struct Share {
    samples: Vec<usize>,
    /// Where the part of each batch ends.
    ends: Vec<usize>,
    /// How many samples of the batch are those of the ranks before.
    before: Vec<usize>,
}

impl Share {
    /// The part of a rank of these samples, in batches of this size.
    pub(super) fn new(samples: &[usize], size: usize, ranks: Ranks<'_>) -> Self {
        let mut share = Self::default();
        for batch in samples.chunks(size) {
            match ranks.owners {
                None => {
                    let (start, end) = ranks.bounds(batch.len());
                    share.samples.extend_from_slice(&batch[start..end]);
                    share.before.push(start);
                }
                Some(owners) => {
                    share.samples.extend(batch.iter().filter(|&&sample| owners[sample] == ranks.rank));
                    let is_before = |sample: &&usize| owners[**sample] < ranks.rank;
                    share.before.push(batch.iter().filter(is_before).count());
                }
            }
            share.ends.push(share.samples.len());
        }
        share
    }

    pub(super) fn get(&self, number: usize) -> &[usize] {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.samples[start..self.ends[number]]
    }

    /// How many samples of a batch come before this rank's.
    pub(super) fn before(&self, number: usize) -> usize {
        self.before[number]
    }
}

/// A rank among others, and whose each sample is where not all ranks have all of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranks<'a> {
    pub(super) rank: usize,
    pub(super) size: usize,
    pub(super) owners: Option<&'a [usize]>,
}

impl Ranks<'_> {
    /// From where to where a batch of so many samples is this rank's.
    pub(super) fn bounds(self, samples: usize) -> (usize, usize) {
        let start = |rank: usize| (samples as u128 * rank as u128 / self.size as u128) as usize;
        (start(self.rank), start(self.rank + 1))
    }

    /// The places of this rank's samples in a data set.
    pub(super) fn places<T: Scalar>(self, data: &Dataset<'_, T>) -> Vec<usize> {
        let (start, end) = self.bounds(data.len());
        match self.owners {
            None => (start..end).collect(),
            Some(owners) => {
                let is_own = |&place: &usize| owners[data.number(place)] == self.rank;
                (0..data.len()).filter(is_own).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(samples: &[usize], size: usize, ranks: usize, owners: Option<&[usize]>) -> Vec<Share> {
        (0..ranks).map(|rank| Share::new(samples, size, Ranks { rank, size: ranks, owners })).collect()
    }

    #[test]
    fn ranks_have_each_batch_between_them() {
        let samples: Vec<usize> = (0..38).map(|place| place * 7 % 38).collect();
        for ranks in 1..6 {
            for size in 1..9 {
                let owners: Vec<usize> = (0..38).map(|sample| sample * sample % ranks).collect();
                for owners in [None, Some(&owners[..])] {
                    let shares = shares(&samples, size, ranks, owners);
                    for (number, batch) in samples.chunks(size).enumerate() {
                        let parts: Vec<&[usize]> = shares.iter().map(|share| share.get(number)).collect();
                        let mut before = 0;
                        for (share, part) in shares.iter().zip(&parts) {
                            assert_eq!(share.before(number), before);
                            before += part.len();
                        }
                        let mut all = parts.concat();
                        let mut batch = batch.to_vec();
                        if owners.is_some() {
                            all.sort_unstable();
                            batch.sort_unstable();
                        }
                        assert_eq!(all, batch);
                    }
                }
            }
        }
    }

    #[test]
    fn parts_differ_by_one_sample_at_most() {
        let parts = |samples| (0..3).map(move |rank| Ranks { rank, size: 3, owners: None }.bounds(samples));
        assert_eq!(parts(7).collect::<Vec<_>>(), [(0, 2), (2, 4), (4, 7)]);
        assert_eq!(parts(1).collect::<Vec<_>>(), [(0, 0), (0, 0), (0, 1)]);
    }
}
