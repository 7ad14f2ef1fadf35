//! Steps, epochs and what goes with them.

use std::fmt;
use std::time::Instant;

use super::batches::Batches;
use super::dataset::{Batch, shuffle};
use super::early_stopping::Best;
use super::tally::Tally;
use super::{Control, Dataset, Epoch, Evaluation, Fit, History, StepReport};
use crate::kernels::Parallelism;
use crate::layers::{GradientStore, Mode};
use crate::losses::{Loss, Target};
use crate::optimizers::{MovingAverage, Optimizer};
use crate::schedules::{OnPlateau, Schedule};
use crate::sequential::Workspace;
use crate::{Error, Result, Scalar, Sequential, TensorView};

/// A model with all that it takes to train it.
///
/// ```
/// use taper::{Optimizer, Sequential, Tensor, Trainer};
/// use taper::{losses::CrossEntropy, optimizers::Adam, train::{Dataset, Fit}};
///
/// // Which of two numbers is larger?
/// let inputs = Tensor::from_fn([64, 2], |i| ((i * 37) % 64) as f32 / 64.0)?;
/// let labels: Vec<usize> = inputs.view().samples().map(|pair| usize::from(pair[1] > pair[0])).collect();
/// let data = Dataset::new(&inputs, &labels)?;
///
/// let mut model = Sequential::builder([2]).dense(8).relu().dense(2).build(&mut taper::seeded(7))?;
/// let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.05)?))
///     .with_batch(16)?
///     .with_seed(7);
/// trainer.fit(data, Fit::epochs(30))?;
/// assert!(trainer.evaluate(data)?.accuracy.unwrap() > 0.9);
/// # Ok::<(), taper::Error>(())
/// ```
pub struct Trainer<'m, T: Scalar> {
    pub(super) model: &'m mut Sequential<T>,
    pub(super) loss: Box<dyn Loss<T>>,
    pub(super) optimizer: Optimizer<T>,
    batch: usize,
    accumulation: usize,
    pub(super) seed: u64,
    pace: Pace,
    pub(super) average: Option<MovingAverage<T>>,
    allow_not_finite: bool,
    pub(super) parallelism: Parallelism,
    pub(super) workspace: Option<Workspace<T>>,
    /// Made where gradients have to be in memory.
    pub(super) gradients: Option<GradientStore<T>>,
    gathered: Batch<T>,
    pub(super) steps: u64,
    pub(super) passes: u64,
}

/// Who sets the learning rate.
#[derive(Debug)]
enum Pace {
    Constant,
    ByStep(Box<dyn Schedule>),
    ByEpoch(Box<dyn Schedule>),
    OnPlateau(OnPlateau),
}

impl<'m, T: Scalar> Trainer<'m, T> {
    /// A trainer for this model: batches of 32, seed 0, the optimizer's learning rate throughout.
    pub fn new(
        model: &'m mut Sequential<T>,
        loss: impl Loss<T> + 'static,
        mut optimizer: Optimizer<T>,
    ) -> Self {
        optimizer.prepare(model);
        Self {
            model,
            loss: Box::new(loss),
            optimizer,
            batch: 32,
            accumulation: 1,
            seed: 0,
            pace: Pace::Constant,
            average: None,
            allow_not_finite: false,
            parallelism: Parallelism::default(),
            workspace: None,
            gradients: None,
            gathered: Batch::default(),
            steps: 0,
            passes: 0,
        }
    }

    /// The samples of a batch in [`Trainer::fit`] and [`Trainer::evaluate`]. The last batch of an epoch may be
    /// smaller; a batch larger than the data is all of it.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0.
    pub fn with_batch(mut self, batch: usize) -> Result<Self> {
        if batch == 0 {
            return Err(Error::setting("batch", "at least 1 sample", batch));
        }
        self.batch = batch;
        Ok(self)
    }

    /// Where the order of the samples and dropout come from. The same seed gives the same bits.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Adds up the gradients of so many batches for each step, each by its share of the samples: with a loss that is
    /// a mean over samples or elements, as if they were one large batch.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0.
    pub fn with_accumulation(mut self, batches: usize) -> Result<Self> {
        if batches == 0 {
            return Err(Error::setting("accumulation", "at least 1 batch", batches));
        }
        self.accumulation = batches;
        Ok(self)
    }

    /// A learning rate for each step, counted over all epochs.
    #[must_use]
    pub fn with_schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.pace = Pace::ByStep(Box::new(schedule));
        self
    }

    /// A learning rate for each epoch of [`Trainer::fit`].
    #[must_use]
    pub fn with_epoch_schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.pace = Pace::ByEpoch(Box::new(schedule));
        self
    }

    /// Lowers the learning rate when the validation loss (without validation data, the training loss) stops
    /// falling.
    #[must_use]
    pub fn with_plateau(mut self, plateau: OnPlateau) -> Self {
        self.pace = Pace::OnPlateau(plateau);
        self
    }

    /// Keeps an average of the weights; [`Trainer::evaluate`] measures the model as it is, so swap it in first.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ decay < 1.
    pub fn with_moving_average(mut self, decay: f64) -> Result<Self> {
        self.average = Some(MovingAverage::new(self.model, decay)?);
        Ok(self)
    }

    /// Goes on when a loss is not finite, instead of ending with an error.
    #[must_use]
    pub fn allow_not_finite(mut self) -> Self {
        self.allow_not_finite = true;
        self
    }

    /// How many threads may be used.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: Parallelism) -> Self {
        self.parallelism = parallelism;
        self
    }

    /// The model as it is.
    #[must_use]
    pub fn model(&self) -> &Sequential<T> {
        self.model
    }

    /// The optimizer as it is.
    #[must_use]
    pub fn optimizer(&self) -> &Optimizer<T> {
        &self.optimizer
    }

    /// Exchanges the model's weights and their moving average; doing it again undoes it.
    ///
    /// # Errors
    /// [`Error::Setting`] where the trainer keeps no average.
    pub fn swap_average(&mut self) -> Result<()> {
        match &mut self.average {
            Some(average) => average.swap(self.model),
            None => {
                Err(Error::setting("moving average", "a trainer made `with_moving_average`", "one without"))
            }
        }
    }

    /// One step on one batch: forward, loss, backward, update. The loss before the update.
    ///
    /// # Errors
    /// Where the batch does not fit the model or the loss; [`Error::NotFinite`] for a loss that is not finite. The
    /// model is unchanged then. Those of a layer of one's own, whose `backward` may fail after the layers above it have
    /// moved.
    pub fn step<'a>(
        &mut self,
        x: impl Into<TensorView<'a, T>>,
        target: impl Into<Target<'a, T>>,
    ) -> Result<T> {
        let step = self.steps;
        self.step_on(x.into(), target.into(), || format!("loss of step {step}"))
    }

    /// Trains for some epochs.
    ///
    /// Where the inputs take 32 MiB or more and several threads may be used, a thread of its own gathers each batch while
    /// the one before it is at work.
    ///
    /// # Errors
    /// Where data, model, loss and settings do not fit together; [`Error::NotFinite`] at the first loss that is
    /// not finite, with the model as it was before that step; those of the callbacks.
    pub fn fit(&mut self, data: Dataset<'_, T>, mut options: Fit<'_, T>) -> Result<History> {
        options.check(self.model)?;
        let mut history = History::default();
        let mut best = options.early_stopping.take().map(Best::new);
        let mut order: Vec<usize> = (0..data.len()).collect();
        for epoch in 0..options.epochs {
            let start = Instant::now();
            if let Pace::ByEpoch(schedule) = &self.pace {
                self.optimizer.set_learning_rate(schedule.learning_rate(epoch as u64))?;
            }
            if options.shuffle {
                shuffle(&mut order, data.len(), self.seed, epoch as u64);
            }
            let (train, control) = self.epoch(&data, &order, epoch, &mut options)?;
            let mut stop = control == Control::Stop;
            let learning_rate = self.optimizer.learning_rate();
            let validation = options.validation.map(|data| self.evaluate(data)).transpose()?;
            let seconds = start.elapsed().as_secs_f64();
            let epoch = Epoch { epoch, learning_rate, train, validation, seconds };
            if let Pace::OnPlateau(plateau) = &mut self.pace {
                let loss = epoch.validation.as_ref().unwrap_or(&epoch.train).loss;
                self.optimizer.set_learning_rate(plateau.observe(loss, learning_rate))?;
            }
            for callback in &mut options.callbacks {
                stop |= callback.after_epoch(&epoch, self.model)? == Control::Stop;
            }
            if let Some(best) = &mut best {
                stop |= best.observe(&epoch, self.model);
            }
            history.epochs.push(epoch);
            if stop {
                break;
            }
        }
        history.restored = best.and_then(|best| best.restore(self.model));
        Ok(history)
    }

    /// Measures the model on data, without training it.
    ///
    /// # Errors
    /// Where data, model and loss do not fit together.
    pub fn evaluate(&mut self, data: Dataset<'_, T>) -> Result<Evaluation> {
        let mut tally = Tally::new(&data, self.model);
        let size = self.batch.min(data.len());
        let mut batch = Vec::with_capacity(size);
        for start in (0..data.len()).step_by(size) {
            batch.clear();
            batch.extend(start..(start + size).min(data.len()));
            // What comes next in order, the processor fetches by itself.
            self.gathered.fill(&data, &batch, &[]);
            let (x, target) = self.gathered.view(&data)?;
            let workspace = workspace(&mut self.workspace, self.model, x.batch(), self.parallelism)?;
            let outputs = self.model.infer(x, workspace)?;
            tally.add(self.loss.forward(outputs, target)?.as_f64(), outputs, target);
        }
        Ok(tally.finish())
    }

    /// One pass over the data in this order.
    fn epoch(
        &mut self,
        data: &Dataset<'_, T>,
        order: &[usize],
        epoch: usize,
        options: &mut Fit<'_, T>,
    ) -> Result<(Evaluation, Control)> {
        if !Batches::pay_a_thread(data, self.parallelism) {
            let mut batches = Batches::Here(std::mem::take(&mut self.gathered));
            let result = self.steps_of(data, order, epoch, options, &mut batches);
            if let Batches::Here(batch) = batches {
                self.gathered = batch;
            }
            return result;
        }
        let (batch, group) = (self.batch, self.group());
        std::thread::scope(|scope| {
            let plan = order.chunks(group).flat_map(move |samples| samples.chunks(batch));
            let mut batches = Batches::ahead(scope, data, plan);
            self.steps_of(data, order, epoch, options, &mut batches)
        })
    }

    fn steps_of(
        &mut self,
        data: &Dataset<'_, T>,
        order: &[usize],
        epoch: usize,
        options: &mut Fit<'_, T>,
        batches: &mut Batches<T>,
    ) -> Result<(Evaluation, Control)> {
        let mut tally = Tally::new(data, self.model);
        let group = self.group();
        let steps = order.len().div_ceil(group);
        let mut left = order;
        for (step, samples) in order.chunks(group).enumerate() {
            let what = || format!("loss in epoch {epoch}, step {step}");
            let is_single = samples.len() <= self.batch;
            self.clear_gradients();
            let mut group_loss = 0.0;
            for batch in samples.chunks(self.batch) {
                left = &left[batch.len()..];
                let gathered = batches.take(data, batch, &left[..left.len().min(batch.len())]);
                let (x, target) = gathered.view(data)?;
                let share = batch.len() as f64 / samples.len() as f64;
                let loss = if is_single {
                    self.step_on(x, target, what)?
                } else {
                    self.accumulate(x, target, share, what)?
                };
                group_loss += share * loss.as_f64();
                let outputs = self.workspace.as_ref().expect("the pass made it").outputs();
                tally.add(loss.as_f64(), outputs, target);
                batches.put_back(gathered);
            }
            if !is_single {
                self.step_by_gradients()?;
            }
            let report = StepReport { epoch, epochs: options.epochs, step, steps, loss: group_loss };
            for callback in &mut options.callbacks {
                if callback.after_step(&report)? == Control::Stop {
                    return Ok((tally.finish(), Control::Stop));
                }
            }
        }
        Ok((tally.finish(), Control::Continue))
    }

    /// The samples of a step.
    fn group(&self) -> usize {
        self.batch.saturating_mul(self.accumulation)
    }

    /// The learning rate of a schedule by steps.
    pub(super) fn pace_step(&mut self) -> Result<()> {
        match &self.pace {
            Pace::ByStep(schedule) => self.optimizer.set_learning_rate(schedule.learning_rate(self.steps)),
            _ => Ok(()),
        }
    }

    pub(super) fn check_loss(&self, loss: T, what: impl FnOnce() -> String) -> Result<()> {
        if loss.is_finite() || self.allow_not_finite {
            return Ok(());
        }
        Err(Error::NotFinite { what: what(), got: loss.as_f64() })
    }
}

/// The workspace, made or made larger where the batch needs it.
pub(super) fn workspace<'w, T: Scalar>(
    workspace: &'w mut Option<Workspace<T>>,
    model: &Sequential<T>,
    batch: usize,
    parallelism: Parallelism,
) -> Result<&'w mut Workspace<T>> {
    if workspace.as_ref().is_none_or(|workspace| workspace.capacity() < batch) {
        *workspace = Some(model.workspace(Mode::Train, batch.max(1))?.with_parallelism(parallelism));
    }
    Ok(workspace.as_mut().expect("made above"))
}

impl<T: Scalar> fmt::Debug for Trainer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("model", &self.model)
            .field("loss", &self.loss)
            .field("optimizer", &self.optimizer)
            .field("batch", &self.batch)
            .field("pace", &self.pace)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
