//! The settings of a call of `fit`.

use std::fmt;

use super::keeper::Keeper;
use super::metric::{self, Metric};
use super::{Callback, Control, Dataset, EarlyStopping, Epoch, StepReport, Training};
use crate::losses::Target;
use crate::{Error, Result, Scalar, Sequential, TensorView};

/// How long to train and what to do on the way; for [`Trainer::fit`](crate::Trainer::fit).
///
/// ```
/// use taper::{Tensor, train::{Dataset, EarlyStopping, Fit}};
///
/// let (inputs, labels) = (Tensor::<f32>::zeros([3, 4])?, vec![0, 1, 2]);
/// let fit = Fit::epochs(15)
///     .with_validation(Dataset::new(&inputs, &labels)?)
///     .with_early_stopping(EarlyStopping::new(3))
///     .after_epoch(|epoch, _| println!("{}: {:.4}", epoch.epoch, epoch.train.loss));
/// # let _ = fit;
/// # Ok::<(), taper::Error>(())
/// ```
pub struct Fit<'a, T: Scalar> {
    pub(super) epochs: usize,
    pub(super) validation: Option<Dataset<'a, T>>,
    pub(super) early_stopping: Option<EarlyStopping>,
    pub(super) callbacks: Vec<Box<dyn Callback<T> + 'a>>,
    pub(super) shuffle: bool,
    pub(super) metrics: Vec<Metric<'a, T>>,
    pub(super) keepers: Vec<Box<dyn Keeper<T> + 'a>>,
}

impl<'a, T: Scalar> Fit<'a, T> {
    /// So many passes over the data, each in another order, after those that the trainer has made before; without validation, early
    /// stopping and callbacks.
    #[must_use]
    pub fn epochs(epochs: usize) -> Self {
        Self {
            epochs,
            validation: None,
            early_stopping: None,
            callbacks: Vec::new(),
            shuffle: true,
            metrics: Vec::new(),
            keepers: Vec::new(),
        }
    }

    /// Measures the model on this data after each epoch.
    #[must_use]
    pub fn with_validation(mut self, data: Dataset<'a, T>) -> Self {
        self.validation = Some(data);
        self
    }

    /// Stops early, and restores the best weights at the end in any case, after an error too. Each call of
    /// [`Trainer::fit`](crate::Trainer::fit) looks for a best epoch of its own, with all of its patience.
    #[must_use]
    pub fn with_early_stopping(mut self, stopping: EarlyStopping) -> Self {
        self.early_stopping = Some(stopping);
        self
    }

    /// Takes a metric of one's own on the validation data after each epoch, of all outputs and targets at once, in the order of
    /// the data. It is in [`Epoch::metrics`], and early stopping and checkpoints can follow it
    /// ([`Monitor::Highest`](super::Monitor::Highest)).
    ///
    /// All outputs of the validation data are kept for it. Weights of samples are not applied. Without validation data, or under a name that
    /// another metric has, the call of `fit` is an error.
    ///
    /// ```
    /// use taper::train::{Dataset, EarlyStopping, Fit, Monitor, metrics::ConfusionMatrix};
    /// use taper::{Target, Tensor};
    ///
    /// let (inputs, labels) = (Tensor::<f32>::zeros([3, 4])?, vec![0, 1, 2]);
    /// let fit = Fit::epochs(15)
    ///     .with_validation(Dataset::new(&inputs, &labels)?)
    ///     .with_metric("macro_f1", |outputs, target| {
    ///         let Target::Classes(labels) = target else { return Ok(f64::NAN) };
    ///         let mut confusion = ConfusionMatrix::new(3);
    ///         confusion.record(outputs, labels)?;
    ///         Ok(confusion.macro_f1())
    ///     })
    ///     .with_early_stopping(EarlyStopping::new(3).monitoring(Monitor::Highest("macro_f1")));
    /// # let _ = fit;
    /// # Ok::<(), taper::Error>(())
    /// ```
    #[must_use]
    pub fn with_metric(
        mut self,
        name: &'static str,
        function: impl FnMut(TensorView<'_, T>, Target<'_, T>) -> Result<f64> + Send + 'a,
    ) -> Self {
        self.metrics.push(Metric::new(name, function));
        self
    }

    /// Calls this after each step and epoch.
    #[must_use]
    pub fn with_callback(mut self, callback: impl Callback<T> + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Calls this function after each epoch and its validation, to look and not to change.
    #[must_use]
    pub fn after_epoch(self, function: impl FnMut(&Epoch, &Sequential<T>) + Send + 'a) -> Self {
        self.with_callback(AfterEpoch(function))
    }

    /// Calls this function after each step; it may change parameters and the learning rate. Here no neuron's weights get longer
    /// than 3:
    ///
    /// ```
    /// use taper::{Tensor, train::Fit};
    ///
    /// let fit = Fit::<f32>::epochs(15).after_step(|_, training| {
    ///     let weight = training.param_mut("fc1.weight")?; // [inputs, outputs]
    ///     let (old, outputs) = (weight.to_tensor(), weight.shape().axes()[1]);
    ///     let mut squares = vec![0.0; outputs];
    ///     old.as_slice().iter().enumerate().for_each(|(i, w)| squares[i % outputs] += w * w);
    ///     let shrink = |i: usize| (3.0 / squares[i % outputs].sqrt().max(3.0)) * old.as_slice()[i];
    ///     weight.set(&Tensor::from_fn(old.shape(), shrink)?)
    /// });
    /// # let _ = fit;
    /// # Ok::<(), taper::Error>(())
    /// ```
    #[must_use]
    pub fn after_step(
        self,
        function: impl FnMut(&StepReport, &mut Training<'_, T>) -> Result<()> + Send + 'a,
    ) -> Self {
        self.with_callback(AfterStep(function))
    }

    /// Takes the samples in the order in which they lie, in each epoch: Keras's `shuffle=False`.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.shuffle = false;
        self
    }

    /// How many epochs it is.
    #[must_use]
    pub fn epoch_count(&self) -> usize {
        self.epochs
    }

    /// The data that the model is measured on after each epoch, if any.
    #[must_use]
    pub fn validation(&self) -> Option<&Dataset<'a, T>> {
        self.validation.as_ref()
    }

    /// When it stops early, if at all.
    #[must_use]
    pub fn early_stopping(&self) -> Option<&EarlyStopping> {
        self.early_stopping.as_ref()
    }

    /// Whether each epoch takes the samples in another order.
    #[must_use]
    pub fn shuffles(&self) -> bool {
        self.shuffle
    }

    /// The names of the metrics of one's own.
    #[must_use]
    pub fn metric_names(&self) -> Vec<&str> {
        self.metrics.iter().map(|metric| metric.name).collect()
    }

    /// Asks this after each step and epoch whether to write down where the training is.
    pub(crate) fn with_keeper(mut self, keeper: impl Keeper<T> + 'a) -> Self {
        self.keepers.push(Box::new(keeper));
        self
    }

    /// Whether all this fits the model: an epoch may take hours, and its end is too late to be told.
    pub(super) fn check(&self, model: &Sequential<T>) -> Result<()> {
        if let Some(data) = self.validation.as_ref().filter(|&data| data.sample() != model.input()) {
            let expected = model.input().batch_pattern();
            return Err(Error::shape("validation input", expected, data.shape()));
        }
        for (index, keeper) in self.keepers.iter().enumerate() {
            let path = keeper.path();
            if self.keepers[..index].iter().any(|other| other.path() == path) {
                let got = format!("two to `{}`", path.display());
                return Err(Error::setting("checkpoints", "each to a file of its own", got));
            }
        }
        metric::check(&self.metrics, self.validation.is_some())?;
        let metrics = self.metric_names();
        let stopping = self.early_stopping.iter().map(|stopping| ("early stopping", stopping.monitor()));
        let keepers = self.keepers.iter().filter_map(|keeper| keeper.monitor());
        stopping
            .chain(keepers.map(|monitor| ("checkpoints", monitor)))
            .try_for_each(|(who, monitor)| monitor.check(who, model, self.validation.as_ref(), &metrics))
    }

    /// Whether the outputs of a validation are to be kept.
    pub(super) fn needs_outputs(&self) -> bool {
        !self.metrics.is_empty() || self.callbacks.iter().any(|callback| callback.needs_outputs())
    }
}

struct AfterEpoch<F>(F);

impl<T: Scalar, F: FnMut(&Epoch, &Sequential<T>) + Send> Callback<T> for AfterEpoch<F> {
    fn after_epoch(&mut self, epoch: &Epoch, training: &mut Training<'_, T>) -> Result<Control> {
        (self.0)(epoch, training.model());
        Ok(Control::Continue)
    }
}

struct AfterStep<F>(F);

impl<T: Scalar, F: FnMut(&StepReport, &mut Training<'_, T>) -> Result<()> + Send> Callback<T>
    for AfterStep<F>
{
    fn after_step(&mut self, step: &StepReport, training: &mut Training<'_, T>) -> Result<Control> {
        (self.0)(step, training).map(|()| Control::Continue)
    }
}

impl<T: Scalar> fmt::Debug for Fit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fit")
            .field("epochs", &self.epochs)
            .field("validation", &self.validation.map(|data| data.len()))
            .field("early_stopping", &self.early_stopping)
            .field("metrics", &self.metrics)
            .field("callbacks", &self.callbacks.len())
            .field("shuffle", &self.shuffle)
            .finish()
    }
}
