//! A step of a trainer that is one of several.
//!
//! Every rank goes through the same sums, in the same order, whatever becomes of its own part: so none waits for one that has failed.
//! What a rank does by itself is attempted ([`attempt`]), and looked at when all have come to the end of it. A step moves nothing
//! before that.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::ahead::Ahead;
use super::buckets::Buckets;
use super::group::{Failure, Group, Own, attempt, elsewhere, failures};
use super::in_pass::in_pass;
use super::metric::Metrics;
use super::share::Share;
use super::statistics::Statistics;
use super::tally::Tally;
use super::weighted::Answers;
use super::{Communicator, Dataset, Trainer};
use crate::layers::{GradientSink, Others};
use crate::losses::{Divisors, Target};
use crate::{Error, Result, Scalar, TensorView};

/// The samples of a batch that are a rank's.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// How many of the batch come before them.
    before: usize,
    own: usize,
    /// How many the batch has.
    whole: usize,
}

/// Where a pass of a part brings its gradients, and who shares the batch with it, where layers are to see the whole.
type Shared<'a, T> = (&'a mut dyn GradientSink<T>, Option<&'a dyn Others>);

impl<T: Scalar> Trainer<'_, T> {
    /// Trains with others, on several machines or as several processes: each has a trainer like this one, of the same model, data
    /// and settings, makes the same calls, and takes its part of every batch. `with_batch` says what all of them take together.
    ///
    /// k ranks compute what one computes, to rounding, and a single one to the bit; the same bits whenever there are k of them, and the same weights to the bit
    /// on every rank. [`Communicator`] has an example; what is the same and what is not:
    ///
    /// - Samples are shuffled once for all ranks. Each takes its part of each batch, one after another in the order of the ranks, which
    ///   may be empty. Gradients are summed with what the loss of the whole batch is divided by, so class weights, ignored targets and
    ///   weights of samples count as on one rank, and so does dropout: by the place of a sample in the whole batch.
    /// - [`BatchNorm`](crate::layers::BatchNorm) takes mean and variance of the rank's own part, unless the trainer is made
    ///   [`with_synchronized_batch_norm`](Self::with_synchronized_batch_norm): the one thing that a step computes otherwise than on one rank.
    ///   Running statistics are the mean of those of the ranks, by how many samples each had.
    /// - [`Trainer::fit`] measures its validation data on all ranks, each a part. Losses, accuracies, metrics, early stopping, schedules
    ///   and callbacks are those of the whole, on every rank. A callback has to do the same on all of them; where one stops, all do.
    ///   What shows something asks [`Training::rank`](super::Training::rank). Checkpoints are written by rank 0 alone. Metrics of one's own are
    ///   taken on all ranks, and those of rank 0 count.
    /// - [`Trainer::evaluate`] and [`Trainer::step`] are calls of all ranks as well; a step by hand is given the rank's own part of a batch.
    /// - Before the first step, the ranks compare version, model, data, settings and weights, and after each epoch the weights to the
    ///   bit. A training that goes on from a checkpoint reads it on each rank, and may have another number of them.
    /// - An error on one rank, a loss that is not finite, or a panic ends the call on all of them, with that error
    ///   ([`Error::Rank`](crate::Error::Rank)). A step has moved nothing then, unless it is the rule that fails as it moves the weights.
    /// - After an error of the communicator itself, the trainer has let go of it, and every call is an error: sums of before could be
    ///   left in it.
    ///
    /// Where a rank has not all samples in memory, see [`Samples::has`](super::Samples::has).
    ///
    /// The trainer owns the communicator: one that it borrowed would keep a borrowed model from being read until the trainer is dropped.
    /// Where several trainers take turns, an `Arc<Mutex<_>>` of one is one too.
    #[must_use]
    pub fn with_communicator(mut self, communicator: impl Communicator + 'static) -> Self {
        (self.rank, self.ranks) = (communicator.rank(), communicator.size());
        // Who is alone has nobody to ask, and trains as fast as without.
        self.group = (self.ranks != 1).then(|| Group::new(Box::new(communicator)));
        self
    }

    /// Has [`BatchNorm`](crate::layers::BatchNorm) take mean and variance over the whole batch of all ranks, as PyTorch's `SyncBatchNorm` does and
    /// Keras's `BatchNormalization` with `synchronized=True`; so k ranks compute what one does with these layers too. On one rank it
    /// changes nothing. Without it, a layer sees the part of its rank alone.
    ///
    /// Each such layer then waits for all ranks twice on the way forward and once on the way back: a sum of 4 KB for each 253 channels, and
    /// one more at the end of the pass. Gradients are added up behind the pass and not while it goes on. Of the ranks' parts none needs
    /// two values a channel, the whole batch does.
    ///
    /// ```
    /// use taper::train::Threads;
    /// use taper::{Optimizer, Sequential, Trainer, losses::CrossEntropy, optimizers::Adam};
    ///
    /// let rank = Threads::new(2).remove(0);
    /// let mut model = Sequential::<f32>::builder([4]).dense(8).batch_norm().relu().dense(3).build(&mut taper::seeded(7))?;
    /// let trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?))
    ///     .with_synchronized_batch_norm()
    ///     .with_communicator(rank);
    /// assert!(trainer.synchronizes_batch_norm());
    /// # Ok::<(), taper::Error>(())
    /// ```
    #[must_use]
    pub fn with_synchronized_batch_norm(mut self) -> Self {
        self.settings.synchronized_batch_norm = true;
        self
    }

    /// Does something together with the other ranks, which is there. A panic of this rank goes on when all is put back.
    pub(super) fn with_group<R>(&mut self, work: impl FnOnce(&mut Self, &mut Group) -> Own<R>) -> Result<R> {
        if self.rank >= self.ranks {
            let got = format!("rank {} of {}", self.rank, self.ranks);
            return Err(Error::setting("communicator", "a rank below the number of ranks", got));
        }
        let mut group = self.group.take().expect("asked for where there is one");
        if let Err(error) = group.check() {
            self.group = Some(group);
            return Err(error);
        }
        let own = catch_unwind(AssertUnwindSafe(|| work(self, &mut group)));
        group.is_told = matches!(own, Ok(Err(Failure::Panic(_))));
        self.group = Some(group);
        match own {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Failure::Error(error))) => Err(error),
            Ok(Err(Failure::Elsewhere)) => Err(elsewhere()),
            Ok(Err(Failure::Panic(panic))) | Err(panic) => resume_unwind(panic),
        }
    }

    /// A call of all ranks. A panic of which the others are not told takes this rank away from them, so that they do not wait for it.
    pub(super) fn or_leave<R>(&mut self, call: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        if self.group.is_none() {
            return call(self);
        }
        catch_unwind(AssertUnwindSafe(|| call(self))).unwrap_or_else(|panic| {
            if let Some(group) = self.group.as_mut().filter(|group| !group.is_told) {
                group.close(Error::other("a panic that the other ranks were not told of"));
            }
            resume_unwind(panic)
        })
    }

    /// What this rank does, where none of the ranks fails; without others, by itself.
    pub(super) fn agreed<R>(&mut self, work: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        if self.group.is_none() {
            return work(self);
        }
        self.with_group(|trainer, group| {
            let own = attempt(|| work(trainer));
            group.agree(own, Vec::new()).map(|(value, _)| value)
        })
    }

    /// Metrics are somebody's own code, which may come to other numbers on each rank: all go on with those of rank 0, for by them
    /// trainings are stopped.
    pub(super) fn metrics_of_all(&mut self, measure: impl FnOnce() -> Result<Metrics>) -> Result<Metrics> {
        if self.group.is_none() {
            return measure();
        }
        self.with_group(|_, group| {
            let (mut metrics, _) = group.agree(attempt(measure), Vec::new())?;
            let is_first = group.rank() == 0;
            let own = metrics.iter().map(|&(_, number)| if is_first { number } else { 0.0 }).collect();
            let numbers = group.sum(own)?;
            metrics.iter_mut().zip(numbers).for_each(|((_, metric), number)| *metric = number);
            Ok(metrics)
        })
    }

    /// A step on these samples, a batch of them after the other, of which this rank has its share. The loss of all of them.
    pub(super) fn step_on_share(
        &mut self,
        (data, ahead, share): (&Dataset<'_, T>, &Ahead<'_, '_, T>, &Share),
        samples: &[usize],
        number: &mut usize,
        tally: &mut Tally,
        what: impl Fn() -> String + Copy,
    ) -> Result<f64> {
        let (mut divisors, first, size) = (None, *number, self.settings.batch);
        let parts: Vec<Part> = samples
            .chunks(size)
            .zip(first..)
            .map(|(batch, number)| {
                let own = share.get(number);
                Part { before: share.before(number), own: own.len(), whole: batch.len() }
            })
            .collect();
        *number += parts.len();
        let loss = self.with_group(|trainer, group| {
            trainer.step_of_all(group, &parts, |trainer, index, shared| {
                let own = share.get(first + index);
                let divisors = &*divisors
                    .get_or_insert_with(|| data.divisors_of(&*trainer.loss, samples.iter().copied()));
                let gathered = ahead.take(first + index)?;
                let loss = if own.is_empty() {
                    0.0
                } else {
                    let (x, answers) = gathered.view(data)?;
                    let loss = trainer.pass_of_part(x, answers, divisors, parts[index], shared, what);
                    let loss = loss.map_err(|error| error.of_samples(own))?;
                    let outputs = trainer.workspace.as_ref().expect("the pass made it").outputs();
                    tally.add_outputs(outputs, answers, &*trainer.loss);
                    loss
                };
                ahead.give_back(gathered);
                Ok(loss)
            })
        })?;
        tally.add_loss(loss, divisors.expect("every step has passes").whole());
        Ok(loss)
    }

    /// A step by hand on a batch of which this rank has these samples; its loss.
    pub(super) fn step_of_part(
        &mut self,
        x: TensorView<'_, T>,
        target: Target<'_, T>,
        what: impl Fn() -> String + Copy,
    ) -> Result<T> {
        self.with_group(|trainer, group| {
            let own = attempt(|| {
                trainer.check_step(x, target)?;
                Ok(trainer.loss.divisors(target))
            });
            // A part of a batch may be empty, a batch may not.
            let mut numbers = vec![0.0; group.size()];
            numbers[group.rank()] = x.batch() as f64;
            let blank = Divisors::one(None);
            numbers.extend(own.as_ref().unwrap_or(&blank).to_numbers());
            let (divisors, sums) = group.agree(own, numbers)?;
            let (sizes, sums) = sums.split_at(group.size());
            let count = |sizes: &[f64]| sizes.iter().sum::<f64>() as usize;
            let part = Part { before: count(&sizes[..group.rank()]), own: x.batch(), whole: count(sizes) };
            let divisors = divisors.of_numbers(sums);
            let loss = trainer.step_of_all(group, &[part], |trainer, _, shared| {
                if part.own == 0 && part.whole > 0 {
                    return Ok(0.0);
                }
                trainer.pass_of_part(x, target.into(), &divisors, part, shared, what)
            })?;
            Ok(T::of(loss))
        })
    }

    /// A step on these batches, of each of which this rank has a part. `work` goes forward and backward through it, and gives its
    /// part of the loss.
    fn step_of_all(
        &mut self,
        group: &mut Group,
        parts: &[Part],
        work: impl FnMut(&mut Self, usize, Shared<'_, T>) -> Result<f64>,
    ) -> Own<f64> {
        let kept = self.buckets.take().filter(|buckets| buckets.fits(&*self.model));
        let (parallelism, ranks) = (self.settings.parallelism, group.size());
        let mut buckets = kept.unwrap_or_else(|| Buckets::new(&*self.model, parallelism, ranks));
        buckets.clear();
        let loss = self.or_undo(|trainer| {
            let loss = trainer.passes_of_all(group, &mut buckets, parts, work)?;
            // A rule may be somebody's own, and fail on one rank alone: then weights differ, and ranks that go on compare them again.
            let own = attempt(|| trainer.step_by_sums(&buckets));
            group.agree(own, Vec::new()).map(|_| loss).inspect_err(|_| group.meeting = None)
        })?;
        self.buckets = Some(buckets);
        Ok(loss)
    }

    /// The passes of a step, up to the sums of their gradients, and its learning rate; the loss of all ranks.
    fn passes_of_all(
        &mut self,
        group: &mut Group,
        buckets: &mut Buckets<T>,
        parts: &[Part],
        mut work: impl FnMut(&mut Self, usize, Shared<'_, T>) -> Result<f64>,
    ) -> Own<f64> {
        let (mut own, mut statistics) = (Ok(0.0), Statistics::default());
        let (passes, is_synchronized) = (self.progress.passes, self.settings.synchronized_batch_norm);
        for (index, part) in parts.iter().enumerate() {
            let has_statistics = statistics.remember(&self.model);
            let is_last = index + 1 == parts.len();
            own = if is_synchronized {
                let has_samples = part.own > 0 || part.whole == 0;
                in_pass(group, has_samples, own, |sum, others| {
                    Ok(sum + work(self, index, (&mut *buckets, Some(others)))?)
                })?
            } else if is_last {
                let mut sink = buckets.summing(group);
                let own = own.and_then(|sum| attempt(|| Ok(sum + work(self, index, (&mut sink, None))?)));
                sink.begin_rest()?;
                own
            } else {
                own.and_then(|sum| attempt(|| Ok(sum + work(self, index, (&mut *buckets, None))?)))
            };
            self.progress.passes = passes + index as u64 + 1;
            if has_statistics && !is_last {
                let mut moved = Vec::new();
                statistics.moved(&self.model, part.own, &mut moved);
                let (sum, sums) = group.agree(own, moved)?;
                statistics.follow(&mut self.model, &sums, part.whole);
                own = Ok(sum);
            }
        }
        if is_synchronized {
            // Behind the pass, for sums end in the order in which they began.
            buckets.summing(group).begin_rest()?;
        }
        if own.is_ok() && parts.iter().any(|part| part.own > 0) {
            own = buckets.check(&*self.model).map_err(Failure::Error).and(own);
        }
        own = own.and_then(|sum| {
            attempt(|| self.pace.before_step(self.progress.steps, &mut self.optimizer)).map(|()| sum)
        });
        let mut numbers = vec![*own.as_ref().unwrap_or(&0.0), failures(&own)];
        let (samples, whole) = parts.last().map_or((0, 0), |part| (part.own, part.whole));
        statistics.moved(&self.model, samples, &mut numbers);
        let len = numbers.len();
        group.begin(numbers)?;
        buckets.finish(group)?;
        let sums = group.finish::<f64>(len)?;
        group.unless_failed(own, Some(sums[1]))?;
        statistics.follow(&mut self.model, &sums[2..], whole);
        Ok(sums[0])
    }

    /// Forward, loss and backward of a part of a batch.
    fn pass_of_part(
        &mut self,
        x: TensorView<'_, T>,
        answers: Answers<'_, T>,
        divisors: &Divisors,
        part: Part,
        (sink, others): Shared<'_, T>,
        what: impl FnOnce() -> String,
    ) -> Result<f64> {
        let loss = self.forward(x, answers, Some(divisors), (part.before, others), what)?;
        let workspace = self.workspace.as_mut().expect("the forward pass made it");
        self.model.backward_among(x, workspace, sink, others)?;
        Ok(loss.as_f64())
    }

    /// Moves the parameters by the sums of all ranks.
    fn step_by_sums(&mut self, gradients: &Buckets<T>) -> Result<()> {
        self.optimizer.step_by(&mut *self.model, gradients, self.settings.parallelism)?;
        if let Some(average) = &mut self.average {
            average.update(&*self.model)?;
        }
        self.count_step();
        Ok(())
    }
}
