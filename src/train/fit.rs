//! The settings of a call of `fit`.

use std::fmt;

use super::keeper::Keeper;
use super::{Callback, Dataset, EarlyStopping};
use crate::{Error, Result, Scalar, Sequential};

/// How long to train and what to do on the way; for [`crate::Trainer::fit`].
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
    pub(super) keeper: Option<Box<dyn Keeper<T> + 'a>>,
}

impl<'a, T: Scalar> Fit<'a, T> {
    /// So many passes over the data, each in another order, after those that the trainer has made before.
    #[must_use]
    pub fn epochs(epochs: usize) -> Self {
        Self {
            epochs,
            validation: None,
            early_stopping: None,
            callbacks: Vec::new(),
            shuffle: true,
            keeper: None,
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

    /// Calls this after each step and epoch.
    #[must_use]
    pub fn with_callback(mut self, callback: impl Callback<T> + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Calls this function after each epoch.
    #[must_use]
    pub fn after_epoch(self, function: impl FnMut(&super::Epoch, &Sequential<T>) + Send + 'a) -> Self {
        self.with_callback(AfterEpoch(function))
    }

    /// Takes the samples in the order in which they lie.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.shuffle = false;
        self
    }

    /// Asks this after each step and epoch whether to write down where the training is.
    pub(crate) fn with_keeper(mut self, keeper: impl Keeper<T> + 'a) -> Self {
        self.keeper = Some(Box::new(keeper));
        self
    }

    /// Whether all this fits the model: an epoch may take hours, and its end is too late to be told.
    pub(super) fn check(&self, model: &Sequential<T>) -> Result<()> {
        if let Some(data) = self.validation.as_ref().filter(|&data| data.sample() != model.input()) {
            let expected = model.input().batch_pattern();
            return Err(Error::shape("validation input", expected, data.shape()));
        }
        self.early_stopping
            .as_ref()
            .map_or(Ok(()), |stopping| stopping.check(model, self.validation.as_ref()))
    }
}

struct AfterEpoch<F>(F);

impl<T: Scalar, F: FnMut(&super::Epoch, &Sequential<T>) + Send> Callback<T> for AfterEpoch<F> {
    fn after_epoch(&mut self, epoch: &super::Epoch, model: &Sequential<T>) -> Result<super::Control> {
        (self.0)(epoch, model);
        Ok(super::Control::Continue)
    }
}

impl<T: Scalar> fmt::Debug for Fit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fit")
            .field("epochs", &self.epochs)
            .field("validation", &self.validation.map(|data| data.len()))
            .field("early_stopping", &self.early_stopping)
            .field("callbacks", &self.callbacks.len())
            .field("shuffle", &self.shuffle)
            .finish()
    }
}
