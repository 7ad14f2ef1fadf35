//! A model in training.

use std::fmt;

use super::History;
use super::batch::Batch;
use super::buckets::Buckets;
use super::group::Group;
use super::model::Model;
use super::pace::Pace;
use super::precision::{Copies, Precision};
use super::run::Progress;
use super::settings::Settings;
use super::statistics::Statistics;

use crate::getters::getters;
use crate::kernels::Parallelism;
use crate::layers::GradientStore;
use crate::losses::Loss;
use crate::optimizers::{MovingAverage, Optimizer, ParamState};
use crate::schedules::{OnPlateau, Schedule};
use crate::sequential::Workspace;
use crate::{Error, Result, Scalar, Sequential};

/// A model with all that it takes to train it: loss, optimizer, settings, and how far it has come.
///
/// | | |
/// |---|---|
/// | to train for some epochs | [`Trainer::fit`] |
/// | one step on one batch | [`Trainer::step`] |
/// | to measure | [`Trainer::evaluate`] |
/// | to go on, or begin anew | another call of `fit`; `resume`, of a file; [`Trainer::begin_anew`] |
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
    pub(crate) model: Model<'m, T>,
    pub(super) loss: Box<dyn Loss<T>>,
    pub(crate) optimizer: Optimizer<T>,
    /// What the optimizer began with.
    learning_rate: f64,
    pub(crate) pace: Pace,
    pub(crate) average: Option<MovingAverage<T>>,
    pub(crate) settings: Settings,
    pub(crate) progress: Progress<T>,
    pub(super) workspace: Option<Workspace<T>>,
    /// Made where gradients have to be in memory.
    pub(super) gradients: Option<GradientStore<T>>,
    /// Made where gradients are summed up over ranks.
    pub(super) buckets: Option<Buckets<T>>,
    /// Memory to gather batches in.
    pub(super) gathered: Vec<Batch<T>>,
    /// What statistics of layers were before the step.
    pub(super) statistics: Statistics<T>,
    /// Of weights in bf16, between two steps.
    pub(super) copies: Copies,
    /// The other ranks, where there are some to be asked.
    pub(super) group: Option<Group>,
    /// The number of this rank, and how many there are.
    pub(super) rank: usize,
    pub(super) ranks: usize,
}

impl<'m, T: Scalar> Trainer<'m, T> {
    /// A trainer for this model: batches of 32, a step for each, seed 0, the optimizer's learning rate throughout.
    pub fn new(model: &'m mut Sequential<T>, loss: impl Loss<T> + 'static, optimizer: Optimizer<T>) -> Self {
        Self::of(Model::Borrowed(model), loss, optimizer)
    }

    /// The same for a model that the trainer owns. It borrows nothing, so it can be part of a struct and go to another
    /// thread. [`Trainer::model`] looks at the model, [`Trainer::into_model`] gives it back.
    ///
    /// ```
    /// use taper::{Optimizer, Result, Sequential, Tensor, Trainer, losses::CrossEntropy, optimizers::Sgd};
    ///
    /// /// Learns from whatever comes in.
    /// struct Learner {
    ///     trainer: Trainer<'static, f32>,
    /// }
    ///
    /// impl Learner {
    ///     fn new() -> Result<Self> {
    ///         let model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(7))?;
    ///         let optimizer = Optimizer::new(Sgd::new(0.1)?);
    ///         Ok(Self { trainer: Trainer::owning(model, CrossEntropy::new(), optimizer) })
    ///     }
    /// }
    ///
    /// let mut learner = Learner::new()?;
    /// learner.trainer.step(&Tensor::from([[0.1, 0.2, 0.3, 0.4]]), &[2])?;
    /// let outputs = learner.trainer.model().predict(&Tensor::zeros([1, 4])?)?;
    /// let model: Sequential<f32> = learner.trainer.into_model();
    /// assert_eq!(model.predict(&Tensor::zeros([1, 4])?)?, outputs);
    /// # Ok::<(), taper::Error>(())
    /// ```
    pub fn owning(
        model: Sequential<T>,
        loss: impl Loss<T> + 'static,
        optimizer: Optimizer<T>,
    ) -> Trainer<'static, T> {
        Trainer::of(Model::Owned(Box::new(model)), loss, optimizer)
    }

    fn of(model: Model<'m, T>, loss: impl Loss<T> + 'static, mut optimizer: Optimizer<T>) -> Self {
        optimizer.prepare(&*model);
        Self {
            learning_rate: optimizer.learning_rate(),
            model,
            loss: Box::new(loss),
            optimizer,
            pace: Pace::Constant,
            average: None,
            settings: Settings::default(),
            progress: Progress::default(),
            workspace: None,
            gradients: None,
            buckets: None,
            gathered: Vec::new(),
            statistics: Statistics::default(),
            copies: Copies::default(),
            group: None,
            rank: 0,
            ranks: 1,
        }
    }

    /// The samples of a batch in [`Trainer::fit`] and [`Trainer::evaluate`], 32 unless set. The last batch of an epoch may be
    /// smaller; a batch larger than the data is all of it.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0.
    pub fn with_batch(mut self, batch: usize) -> Result<Self> {
        if batch == 0 {
            return Err(Error::setting("batch", "at least 1 sample", batch));
        }
        self.settings.batch = batch;
        Ok(self)
    }

    /// Leaves out the samples at the end of each epoch that fill no whole batch. They are others in each epoch, unless
    /// the samples are taken [in order](crate::train::Fit::in_order). [`Trainer::evaluate`] and validation leave nothing
    /// out.
    ///
    /// For layers that cannot learn from every batch: [`BatchNorm`](crate::layers::BatchNorm) has no variance of a
    /// single value. [`Trainer::fit`] refuses data with fewer samples than a batch then.
    #[must_use]
    pub fn with_drop_last(mut self) -> Self {
        self.settings.drop_last = true;
        self
    }

    /// Where the order of the samples, augmentations and dropout come from, 0 unless set. The same seed gives the same bits. How weights
    /// start is not its affair, but that of the generator with which the model was built.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Adds up the gradients of so many batches for each step, as if they were one large batch: what the loss is divided by
    /// ([`Loss::divisor`]) is known from their targets before the first pass. To rounding, with every loss of this crate.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0.
    pub fn with_accumulation(mut self, batches: usize) -> Result<Self> {
        if batches == 0 {
            return Err(Error::setting("accumulation", "at least 1 batch", batches));
        }
        self.settings.accumulation = batches;
        Ok(self)
    }

    /// A learning rate for each step, counted from 0 over all epochs. Of schedules and a plateau, the last one that is set counts.
    #[must_use]
    pub fn with_schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.pace = Pace::ByStep(Box::new(schedule));
        self
    }

    /// A learning rate for each epoch, counted from 0 over all calls of [`Trainer::fit`].
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

    /// Keeps an exponential [`MovingAverage`] of the weights, which begins with them as they are. The model stays what it is, in
    /// [`Trainer::evaluate`] and validation too: [`Trainer::swap_average`] gives it the average.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ decay < 1.
    pub fn with_moving_average(mut self, decay: f64) -> Result<Self> {
        self.average = Some(MovingAverage::new(&*self.model, decay)?);
        Ok(self)
    }

    /// Goes on when a loss or an input is not finite, instead of ending with an error. Targets have to be finite all the
    /// same, for the losses of this crate.
    #[must_use]
    pub fn allow_not_finite(mut self) -> Self {
        self.settings.allow_not_finite = true;
        self
    }

    /// How many threads may be used, those of the current pool unless set. The bits are the same at any number.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: Parallelism) -> Self {
        self.settings.parallelism = parallelism;
        self
    }

    /// In which numbers products are. With [`Precision::Bf16`] each dense layer has a copy of its weight in bf16 beside it while it
    /// trains, half as large, which a step writes as it moves the weight; so forward passes and gradients read half of the
    /// bytes. What a callback or [`Trainer::model_mut`] changes is in the copy before the next step. The copies are the trainer's, and
    /// gone with it.
    ///
    /// The bits are the same at any number of threads, but not with every instruction set. [`Trainer::evaluate`] and validation
    /// measure the weights as they are, in `f32`, and so do passes that are made by hand between two steps. A training goes on from a
    /// checkpoint in the precision that it had.
    ///
    /// ```
    /// use taper::train::{Dataset, Fit, Precision};
    /// use taper::{Optimizer, Sequential, Tensor, Trainer, losses::CrossEntropy, optimizers::Adam};
    ///
    /// let mut model = Sequential::<f32>::builder([4]).dense(32).relu().dense(3).build(&mut taper::seeded(7))?;
    /// let (inputs, labels) = (Tensor::from_fn([60, 4], |i| ((i * 37) % 101) as f32 / 101.0)?, vec![1; 60]);
    /// let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?))
    ///     .with_precision(Precision::Bf16)?;
    /// trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(5))?;
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for [`Precision::Bf16`] with a model of `f64`.
    pub fn with_precision(mut self, precision: Precision) -> Result<Self> {
        precision.check::<T>()?;
        self.settings.precision = precision;
        self.workspace = None;
        self.copies = Copies::default();
        Ok(self)
    }

    /// The model as it is.
    #[must_use]
    pub fn model(&self) -> &Sequential<T> {
        &self.model
    }

    /// The model, to set, freeze or scale its parameters between two steps. A moving average takes in what is set with the
    /// next step; [`Trainer::begin_anew`] starts it from there. Another model in its place is an error of the next step, unless
    /// training begins anew.
    pub fn model_mut(&mut self) -> &mut Sequential<T> {
        self.progress.history.restored = None;
        &mut self.model
    }

    /// The model as it is, where the trainer owns it; of one that it borrows a copy.
    #[must_use]
    pub fn into_model(self) -> Sequential<T> {
        self.model.into_owned()
    }

    /// The optimizer as it is.
    #[must_use]
    pub fn optimizer(&self) -> &Optimizer<T> {
        &self.optimizer
    }

    /// What the optimizer remembers of each parameter.
    ///
    /// # Errors
    /// As [`Optimizer::state`].
    pub fn optimizer_state(&self) -> Result<Vec<ParamState<T>>> {
        self.optimizer.state(&*self.model)
    }

    /// Sets what the optimizer remembers of these parameters.
    ///
    /// # Errors
    /// As [`Optimizer::set_state`]; nothing is changed then.
    pub fn set_optimizer_state(&mut self, states: &[ParamState<T>]) -> Result<()> {
        self.optimizer.set_state(&*self.model, states)
    }

    /// All epochs so far, those of earlier calls of [`Trainer::fit`] and of those that ended with an error too.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.progress.history
    }

    /// Begins a new training of the model as it is, as a new trainer with a new optimizer would: epochs and steps are
    /// counted from 0, so that schedules, the order of the samples and dropout begin anew; the learning rate is that of
    /// the beginning; what the optimizer, a plateau and the history remember is gone, and a moving average starts from
    /// the present weights.
    ///
    /// ```
    /// # use taper::{Optimizer, Sequential, Tensor, Trainer};
    /// # use taper::{losses::CrossEntropy, optimizers::Adam, schedules::Cosine, train::{Dataset, Fit}};
    /// # let (inputs, labels) = (Tensor::<f32>::zeros([3, 4])?, vec![0, 1, 2]);
    /// # let data = Dataset::new(&inputs, &labels)?;
    /// # let mut model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(7))?;
    /// # let optimizer = Optimizer::new(Adam::new(0.01)?);
    /// let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer)
    ///     .with_epoch_schedule(Cosine::new(0.01, 4)?);
    /// trainer.fit(data, Fit::epochs(2))?;
    /// trainer.fit(data, Fit::epochs(2))?; // goes on: the same as `Fit::epochs(4)` at once
    /// assert_eq!(trainer.history().epochs.len(), 4);
    /// trainer.begin_anew();
    /// trainer.fit(data, Fit::epochs(4))?; // the whole schedule again, from the weights that there are
    /// # Ok::<(), taper::Error>(())
    /// ```
    pub fn begin_anew(&mut self) {
        self.optimizer.forget(&*self.model);
        self.optimizer.set_learning_rate(self.learning_rate).expect("the optimizer had it before");
        self.pace.forget();
        if let Some(average) = &mut self.average {
            average.restart(&*self.model);
        }
        self.progress = Progress::default();
        (self.workspace, self.gradients) = (None, None);
    }

    getters! {
        /// The samples of a batch.
        batch: usize = |this| this.settings.batch;
        /// How many batches are added up for a step.
        accumulation: usize = |this| this.settings.accumulation;
        /// Whether samples that fill no whole batch are left out.
        drops_last: bool = |this| this.settings.drop_last;
        /// Where the order of the samples and dropout come from.
        seed: u64 = |this| this.settings.seed;
        /// How many threads may be used.
        parallelism: Parallelism = |this| this.settings.parallelism;
        /// In which numbers products are.
        precision: Precision = |this| this.settings.precision;
        /// Whether a loss or an input that is not finite is no error.
        allows_not_finite: bool = |this| this.settings.allow_not_finite;
        /// Whether batches are normalised as a whole where several ranks share them.
        synchronizes_batch_norm: bool = |this| this.settings.synchronized_batch_norm;
        /// The loss.
        loss: &dyn Loss<T> = |this| &*this.loss;
        /// The moving average, where one is kept.
        moving_average: Option<&MovingAverage<T>> = |this| this.average.as_ref();
    }

    /// Exchanges the model's weights and their moving average; doing it again undoes it. Steps made in between start from the average.
    ///
    /// # Errors
    /// [`Error::Setting`] where the trainer keeps no average.
    pub fn swap_average(&mut self) -> Result<()> {
        match &mut self.average {
            Some(average) => average.swap(&mut *self.model),
            None => {
                Err(Error::setting("moving average", "a trainer made `with_moving_average`", "one without"))
            }
        }
    }
}

impl<T: Scalar> fmt::Debug for Trainer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("model", &self.model)
            .field("loss", &self.loss)
            .field("optimizer", &self.optimizer)
            .field("batch", &self.settings.batch)
            .field("pace", &self.pace)
            .field("seed", &self.settings.seed)
            .finish_non_exhaustive()
    }
}
