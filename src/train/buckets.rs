//! Gradients in memory that all ranks add up while the backward pass goes on.
//!
//! A bucket is the gradients of some parameters, or a run of a large one's. As soon as it is full, its sum begins; the pass goes on
//! with the next. Buckets are begun in their order on every rank, whatever the pass does, also where there is none.

use std::ops::Range;

use super::group::Group;
use crate::kernels::{Run, split_work};
use crate::layers::{GradientSink, GradientSource, KeptGradients, Layer, Param};
use crate::{Error, Parallelism, Result, Scalar};

/// The elements of a bucket that each of few ranks adds up, and the most of a bucket, 4 MB of `f32`: few enough to begin early, and enough that
/// a sum takes longer than its beginning. What a rank has just written is in its cache when the sum of a smaller bucket begins.
const ELEMENTS_OF_RANK: usize = 1 << 18;
const MOST_ELEMENTS: usize = 1 << 20;

/// A gradient of each parameter that moves.
#[derive(Debug)]
pub(super) struct Buckets<T> {
    slots: Vec<Slot>,
    /// The runs of all gradients, those of a slot one after another.
    runs: Vec<Place>,
    values: Vec<Vec<T>>,
    /// How long each is.
    lens: Vec<usize>,
    /// How many runs each bucket waits for.
    awaited: Vec<usize>,
    parallelism: Parallelism,
}

#[derive(Debug)]
struct Slot {
    len: usize,
    is_frozen: bool,
    /// Its runs among all.
    runs: Range<usize>,
    is_filled: bool,
    /// Whether the last pass of a step has brought it.
    is_ready: bool,
}

/// Where a run of a gradient lies.
#[derive(Debug)]
struct Place {
    bucket: usize,
    at: usize,
    /// Where it begins in the gradient.
    start: usize,
    len: usize,
}

impl<T: Scalar> Buckets<T> {
    /// Room for the gradients of a model, in the order in which a backward pass brings them, over so many ranks.
    pub(super) fn new(model: &dyn Layer<T>, parallelism: Parallelism, ranks: usize) -> Self {
        let most = ELEMENTS_OF_RANK.saturating_mul(ranks).min(MOST_ELEMENTS);
        let mut slots = Vec::new();
        let mut blocks = Vec::new();
        model.params(&mut |param| {
            let (len, is_frozen) = (param.buffer().len(), param.is_frozen());
            slots.push(Slot { len, is_frozen, runs: 0..0, is_filled: false, is_ready: false });
            blocks.push(param.block(most));
        });
        let (mut runs, mut lens) = (Vec::new(), Vec::<usize>::new());
        for (slot, block) in slots.iter_mut().zip(blocks).rev().filter(|(slot, _)| !slot.is_frozen) {
            let first = runs.len();
            for start in (0..slot.len).step_by(block) {
                let len = block.min(slot.len - start);
                if lens.last().is_none_or(|&last| last + len > most) {
                    lens.push(0);
                }
                let (bucket, at) = (lens.len() - 1, lens[lens.len() - 1]);
                runs.push(Place { bucket, at, start, len });
                lens[bucket] += len;
            }
            slot.runs = first..runs.len();
        }
        let awaited = vec![0; lens.len()];
        let values = lens.iter().map(|&len| vec![T::zero(); len]).collect();
        Self { slots, runs, values, lens, awaited, parallelism }
    }

    /// Whether there is room for the gradients of this model, and for no others.
    pub(super) fn fits(&self, model: &dyn Layer<T>) -> bool {
        let (mut fits, mut count) = (true, 0);
        model.params(&mut |param| {
            let slot = self.slots.get(count);
            fits &= slot
                .is_some_and(|slot| slot.len == param.buffer().len() && slot.is_frozen == param.is_frozen());
            count += 1;
        });
        fits && count == self.slots.len()
    }

    /// Forgets all gradients.
    pub(super) fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.is_filled = false);
    }

    /// A sink for the last pass of a step, which begins sums.
    pub(super) fn summing<'a>(&'a mut self, group: &'a mut Group) -> Summing<'a, T> {
        self.slots.iter_mut().for_each(|slot| slot.is_ready = false);
        self.awaited.fill(0);
        self.runs.iter().for_each(|run| self.awaited[run.bucket] += 1);
        Summing { buckets: self, group, next: 0 }
    }

    /// Waits for all sums.
    pub(super) fn finish(&mut self, group: &mut Group) -> Result<()> {
        for (bucket, &expected) in self.values.iter_mut().zip(&self.lens) {
            *bucket = group.finish(expected)?;
        }
        self.slots.iter_mut().for_each(|slot| slot.is_filled = !slot.is_frozen);
        Ok(())
    }

    /// Whether every gradient has come.
    pub(super) fn check(&self, model: &dyn Layer<T>) -> Result<()> {
        let mut missing = None;
        model.params(&mut |param| {
            if !param.is_frozen() && self.slots.get(param.slot()).is_none_or(|slot| !slot.is_filled) {
                missing.get_or_insert_with(|| format!("`{}`", param.name()));
            }
        });
        missing.map_or(Ok(()), |parameter| Err(Error::MissingGradient { parameter }))
    }

    fn begin(&mut self, bucket: usize, group: &mut Group) -> Result<()> {
        group.begin(std::mem::take(&mut self.values[bucket]))
    }

    /// The number of a parameter's slot, and what its gradient that is there is multiplied by.
    fn slot_of(&self, param: &Param<T>) -> Result<(usize, T)> {
        let slot = self.slots.get(param.slot()).filter(|slot| slot.len == param.buffer().len());
        let unknown =
            || Error::UnknownParameter { parameter: format!("`{}`", param.name()), by: "gradient store" };
        let slot = slot.ok_or_else(unknown)?;
        Ok((param.slot(), if slot.is_filled { T::one() } else { T::zero() }))
    }

    /// Adds a run of a parameter's gradient.
    fn write(&mut self, run: usize, beta: T, param: &Param<T>, gradient: &dyn GradientSource<T>) {
        let (whole, granule) = (param.buffer().len(), param.granule());
        let &Place { bucket, at, start, len } = &self.runs[run];
        let values = &mut self.values[bucket][at..at + len];
        let share = gradient.multiply_adds() as f64 * len as f64 / whole.max(1) as f64;
        let pieces = self.parallelism.small_pieces(share as u64);
        split_work(Run { start, values }, granule, pieces, &|run: Run<'_, T>| {
            gradient.write(run.start..run.start + run.values.len(), T::one(), beta, run.values);
        });
    }
}

impl<T: Scalar> GradientSink<T> for Buckets<T> {
    fn take(&mut self, param: &mut Param<T>, gradient: &dyn GradientSource<T>) -> Result<()> {
        if param.is_frozen() {
            return Ok(());
        }
        let (slot, beta) = self.slot_of(param)?;
        self.slots[slot].is_filled = true;
        for run in self.slots[slot].runs.clone() {
            self.write(run, beta, param, gradient);
        }
        Ok(())
    }
}

impl<T: Scalar> KeptGradients<T> for Buckets<T> {
    fn runs(&self, slot: usize, len: usize, visit: &mut dyn FnMut(usize, &[T])) -> bool {
        let Some(slot) = self.slots.get(slot).filter(|slot| slot.is_filled && slot.len == len) else {
            return false;
        };
        for run in &self.runs[slot.runs.clone()] {
            visit(run.start, &self.values[run.bucket][run.at..run.at + run.len]);
        }
        true
    }
}

/// Begins the sum of each bucket that is full.
pub(super) struct Summing<'a, T> {
    buckets: &'a mut Buckets<T>,
    group: &'a mut Group,
    /// The first bucket whose sum has not begun.
    next: usize,
}

impl<T: Scalar> Summing<'_, T> {
    /// Begins all sums that have not begun, with zeros for what has not come.
    ///
    /// # Errors
    /// That of the communicator, also where it came in the pass.
    pub(super) fn begin_rest(self) -> Result<()> {
        let Buckets { slots, runs, values, .. } = &mut *self.buckets;
        for slot in slots.iter().filter(|slot| !slot.is_filled) {
            for run in runs[slot.runs.clone()].iter().filter(|run| run.bucket >= self.next) {
                values[run.bucket][run.at..run.at + run.len].fill(T::zero());
            }
        }
        (self.next..self.buckets.values.len()).try_for_each(|bucket| self.buckets.begin(bucket, self.group))
    }
}

impl<T: Scalar> GradientSink<T> for Summing<'_, T> {
    fn take(&mut self, param: &mut Param<T>, gradient: &dyn GradientSource<T>) -> Result<()> {
        if param.is_frozen() {
            return Ok(());
        }
        let (slot, beta) = self.buckets.slot_of(param)?;
        let Slot { is_filled, is_ready, runs, .. } = &mut self.buckets.slots[slot];
        if *is_ready {
            return Err(Error::RepeatedGradient { parameter: format!("`{}`", param.name()) });
        }
        (*is_filled, *is_ready) = (true, true);
        for run in runs.clone() {
            let bucket = self.buckets.runs[run].bucket;
            self.buckets.write(run, beta, param, gradient);
            self.buckets.awaited[bucket] -= 1;
            while self.buckets.awaited.get(self.next) == Some(&0) {
                self.buckets.begin(self.next, self.group)?;
                self.next += 1;
            }
        }
        Ok(())
    }
}
