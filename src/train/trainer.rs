//! Steps, epochs and what goes with them.

use std::fmt;

use super::dataset::Batch;
use super::run::Resumed;
use super::tally::Tally;
use super::{Dataset, Evaluation, History, Inputs};
use crate::kernels::{self, Parallelism};
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
    pub(crate) model: &'m mut Sequential<T>,
    pub(super) loss: Box<dyn Loss<T>>,
    pub(crate) optimizer: Optimizer<T>,
    pub(super) batch: usize,
    pub(super) accumulation: usize,
    pub(super) drop_last: bool,
    pub(crate) seed: u64,
    pub(crate) pace: Pace,
    pub(crate) average: Option<MovingAverage<T>>,
    pub(super) allow_not_finite: bool,
    pub(super) parallelism: Parallelism,
    pub(super) workspace: Option<Workspace<T>>,
    /// Made where gradients have to be in memory.
    pub(super) gradients: Option<GradientStore<T>>,
    /// Memory to gather batches in.
    pub(super) gathered: Batch<T>,
    /// Steps of the optimizer so far; a schedule by steps goes by it.
    pub(crate) steps: u64,
    /// Forward passes of training so far; dropout goes by it.
    pub(crate) passes: u64,
    /// All epochs so far; a schedule by epochs and shuffling go by how many there are.
    pub(crate) history: History,
    /// What the optimizer began with.
    learning_rate: f64,
    /// A training that was read from a file, for `fit` to go on with.
    pub(crate) resumed: Option<Resumed<T>>,
}

/// Who sets the learning rate.
#[derive(Debug)]
pub(crate) enum Pace {
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
            learning_rate: optimizer.learning_rate(),
            model,
            loss: Box::new(loss),
            optimizer,
            batch: 32,
            accumulation: 1,
            drop_last: false,
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
            history: History::default(),
            resumed: None,
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

    /// Leaves out the samples at the end of each epoch that fill no whole batch. They are others in each epoch, unless
    /// the samples are taken [in order](crate::train::Fit::in_order). [`Trainer::evaluate`] and validation leave nothing
    /// out.
    ///
    /// For layers that cannot learn from every batch: [`BatchNorm`](crate::layers::BatchNorm) has no variance of a
    /// single value. [`Trainer::fit`] refuses data with fewer samples than a batch then.
    #[must_use]
    pub fn with_drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }

    /// Where the order of the samples and dropout come from. The same seed gives the same bits.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
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
        self.accumulation = batches;
        Ok(self)
    }

    /// A learning rate for each step, counted over all epochs.
    #[must_use]
    pub fn with_schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.pace = Pace::ByStep(Box::new(schedule));
        self
    }

    /// A learning rate for each epoch, counted over all calls of [`Trainer::fit`].
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

    /// Goes on when a loss or an input is not finite, instead of ending with an error. Targets have to be finite all the
    /// same, for the losses of this crate.
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

    /// All epochs so far, those of earlier calls of [`Trainer::fit`] and of those that ended with an error too.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
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
        self.optimizer.forget(self.model);
        self.optimizer.set_learning_rate(self.learning_rate).expect("the optimizer had it before");
        if let Pace::OnPlateau(plateau) = &mut self.pace {
            plateau.forget();
        }
        if let Some(average) = &mut self.average {
            average.restart(self.model);
        }
        (self.steps, self.passes) = (0, 0);
        (self.history, self.resumed) = (History::default(), None);
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
    /// Where the batch does not fit the model or the loss, which says what its targets may be; [`Error::NotFinite`] for a loss that is not finite. The
    /// model is unchanged then. Those of a layer of one's own, whose `backward` may fail after the layers above it have
    /// moved.
    pub fn step<'a>(
        &mut self,
        x: impl Into<TensorView<'a, T>>,
        target: impl Into<Target<'a, T>>,
    ) -> Result<T> {
        let (step, x, target) = (self.steps, x.into(), target.into());
        self.check_step(x, target)?;
        self.step_on(x, target, || format!("loss of step {step}"))
    }

    /// Measures the model on data, without training it: as one large batch would, in batches of any size.
    ///
    /// # Errors
    /// Where data, model and loss do not fit together: all targets are looked at first. [`Error::NotFinite`] where
    /// the loss is not finite because an input is not, unless that is [allowed](Trainer::allow_not_finite). Errors name
    /// the sample of the data set.
    pub fn evaluate(&mut self, data: Dataset<'_, T>) -> Result<Evaluation> {
        self.check_shape(&data)?;
        self.check_targets(&data)?;
        self.measure(data)
    }

    /// The same for data that has been looked at.
    pub(super) fn measure(&mut self, data: Dataset<'_, T>) -> Result<Evaluation> {
        let batch = self.batch.min(data.len());
        let threads = self.model.threads(data.len() / batch, batch, self.parallelism);
        kernels::together(threads, || self.measure_all(data))
    }

    fn measure_all(&mut self, data: Dataset<'_, T>) -> Result<Evaluation> {
        let mut tally = Tally::new(&data, self.model);
        let (divisor, mut loss) = (self.loss.divisor(data.target()), 0.0);
        let size = self.batch.min(data.len());
        let mut batch = Vec::with_capacity(size);
        for start in (0..data.len()).step_by(size) {
            batch.clear();
            batch.extend(start..(start + size).min(data.len()));
            let part = self.measure_batch(&data, &batch, divisor, &mut tally);
            loss += part.map_err(|error| error.of_samples(&batch))?;
        }
        tally.add_loss(loss, divisor);
        Ok(tally.finish())
    }

    /// The part of the loss that these samples have.
    fn measure_batch(
        &mut self,
        data: &Dataset<'_, T>,
        batch: &[usize],
        divisor: Option<f64>,
        tally: &mut Tally,
    ) -> Result<f64> {
        self.gathered.fill(data, batch, self.parallelism);
        let (x, target) = self.gathered.view(data)?;
        let workspace = workspace(&mut self.workspace, self.model, x.batch(), self.parallelism)?;
        let outputs = self.model.infer(x, workspace)?;
        let loss = self.loss.part(outputs, target, divisor.unwrap_or(1.0), None)?;
        // Of the data set, and so by its sample, only where it is in this batch.
        if !loss.is_finite() && !self.allow_not_finite && Inputs::Values(x).check_finite().is_err() {
            data.inputs().check_finite()?;
        }
        tally.add_outputs(outputs, target, &*self.loss);
        Ok(loss.as_f64())
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
