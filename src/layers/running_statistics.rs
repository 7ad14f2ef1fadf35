//! The mean and the variance of each channel that inference takes, and how they follow the batches.

use super::param_form::check_shapes;
use super::stored::{Entry, Restored};
use super::{Along, Momentum, Param};
use crate::{Error, Result, Scalar, Shape, Tensor};

/// Running statistics of a normalisation.
#[derive(Debug, Clone)]
pub(super) struct RunningStatistics<T> {
    pub(super) mean: Param<T>,
    pub(super) var: Param<T>,
    /// How many batches there were, where that is what the next one is weighed by.
    batches: Option<Param<T>>,
    momentum: Momentum,
    channels: usize,
}

impl<T: Scalar> RunningStatistics<T> {
    /// 0 and 1 for each channel, with PyTorch's momentum.
    pub(super) fn new(channels: usize) -> Result<Self> {
        let (zeros, ones) = (Tensor::zeros([channels])?, Tensor::full([channels], T::one())?);
        Ok(Self {
            mean: Param::statistic("running_mean", &zeros).with_along(Along::LastAxes),
            var: Param::statistic("running_var", &ones).with_along(Along::LastAxes),
            batches: None,
            momentum: Momentum::PyTorch(0.1),
            channels,
        })
    }

    pub(super) fn with_momentum(self, momentum: Momentum) -> Result<Self> {
        let batches = match momentum {
            Momentum::PyTorch(share) | Momentum::Keras(share) => {
                if !(0.0..=1.0).contains(&share) {
                    return Err(Error::setting("momentum", "a number from 0 to 1", share));
                }
                None
            }
            Momentum::Cumulative => {
                let none = Tensor::zeros([])?;
                Some(Param::statistic("num_batches_tracked", &none).with_along(Along::Nothing))
            }
        };
        Ok(Self { batches, momentum, ..self })
    }

    /// Those of these channels alone.
    pub(super) fn with_channels(&self, kept: &[usize]) -> Self {
        let (mean, var) = (self.mean.with_columns(kept), self.var.with_columns(kept));
        Self { mean, var, batches: self.batches.clone(), momentum: self.momentum, channels: kept.len() }
    }

    /// Whether a file has them for a layer of so many channels.
    pub(super) fn expect(entry: &mut dyn Entry, channels: usize, momentum: Momentum) -> Restored<()> {
        for parameter in ["running_mean", "running_var"] {
            entry.expect(parameter, [channels].into())?;
        }
        if momentum == Momentum::Cumulative {
            entry.expect("num_batches_tracked", [].into())?;
        }
        Ok(())
    }

    /// Whether they have the shapes that they were made with.
    pub(super) fn check(&self) -> Result<()> {
        let channels = Shape::from([self.channels]);
        let batches = self.batches.as_ref().map(|batches| (batches, [].into()));
        check_shapes([&self.mean, &self.var].map(|param| (param, channels)).into_iter().chain(batches))
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    pub(super) fn momentum(&self) -> Momentum {
        self.momentum
    }

    /// A single value has no unbiased variance.
    pub(super) fn check_count(&self, count: usize) -> Result<()> {
        if count == 1 && !matches!(self.momentum, Momentum::Keras(_)) {
            let expected = "at least 2 values a channel in training, where the running variance is unbiased";
            return Err(Error::setting("batch", expected, count));
        }
        Ok(())
    }

    /// A running variance can be set to anything.
    pub(super) fn check_variance(&self) -> Result<()> {
        match self.var.buffer().iter().find(|variance| **variance < T::zero()) {
            Some(variance) => Err(Error::setting("running_var", "variances of at least 0", variance)),
            None => Ok(()),
        }
    }

    /// Takes a batch of so many values a channel into account.
    pub(super) fn follow(&mut self, mean: &[T], variance: &[T], count: f64) {
        if let Some(batches) = &mut self.batches {
            batches.buffer_mut()[0] += T::one();
        }
        let unbiased = count / (count - 1.0);
        let (keep, take, correction) = match (self.momentum, &self.batches) {
            (Momentum::Keras(share), _) => (share, 1.0 - share, 1.0),
            (Momentum::PyTorch(share), _) => (1.0 - share, share, unbiased),
            (Momentum::Cumulative, batches) => {
                let share = batches.as_ref().map_or(1.0, |batches| batches.buffer()[0].as_f64().recip());
                (1.0 - share, share, unbiased)
            }
        };
        for (running, batch, take) in
            [(&mut self.mean, mean, take), (&mut self.var, variance, take * correction)]
        {
            for (running, batch) in running.buffer_mut().iter_mut().zip(batch) {
                *running = T::of(keep * running.as_f64() + take * batch.as_f64());
            }
        }
    }

    pub(super) fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        [&self.mean, &self.var].into_iter().chain(&self.batches).for_each(visit);
    }

    pub(super) fn visit_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        [&mut self.mean, &mut self.var].into_iter().chain(&mut self.batches).for_each(visit);
    }
}
