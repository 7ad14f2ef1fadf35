//! Batch normalisation: each channel over the batch.

use super::moments::measure;
use super::param_form::check_shapes;
use super::stored::{Entry, Restored, Stored};
use super::{
    Along, Backward, Forward, GradientSink, Layer, Memory, Mode, Momentum, Order, Param, Settings, Whole,
};
use crate::getters::getters;
use crate::kernels::{ColumnMap, ColumnSums};
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// y = (x − mean) / √(variance + ε) · weight + bias, for each channel alone (Ioffe and Szegedy, 2015).
///
/// While training, mean and variance are those of the batch: over all samples and all places, n values a channel. In
/// inference they are running ones, which the training steps have gathered. So an output depends on its batch in
/// training and on nothing but its own input in inference.
///
/// With x̂ = (x − mean) / √(variance + ε), and sums over the n values of a channel,
///
/// ```text
/// d weight = Σ dy·x̂      d bias = Σ dy
/// dx = weight / √(variance + ε) · (dy − d bias/n − x̂·d weight/n)
/// ```
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, channels]`, `[batch, length, channels]`, `[batch, height, width, channels]`, … |
/// | y | that of x |
/// | `weight`, `bias` | `[channels]`, at first 1 and 0 |
/// | `running_mean`, `running_var` | `[channels]`, at first 0 and 1 |
///
/// # Running statistics
///
/// They are [statistics](Param::statistic): they have no gradient, no optimizer moves them, and they are not among a
/// model's trainable numbers. Each backward pass takes the batch of its forward pass into them, by the rule of
/// [`Momentum`]. A pass whose sink [only looks](GradientSink::only_looks) does not; of a step that accumulates
/// several batches, every batch counts, as in PyTorch.
///
/// # Freezing
///
/// Where weight and bias are both frozen, the layer takes the running statistics in training too, and leaves them as they
/// are: what is frozen in a model stays the same function to the byte. (Keras's rule. In PyTorch it takes `eval()`.)
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([2]).batch_norm().build(&mut taper::seeded(0))?;
/// // Running mean 0 and variance 1: only ε = 1e-5 is seen.
/// let y = model.predict(&Tensor::from([[1.0_f64, -2.0]]))?;
/// assert!((y.as_slice()[0] - 1.0 / 1.00001_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BatchNorm<T> {
    weight: Param<T>,
    bias: Param<T>,
    running_mean: Param<T>,
    running_var: Param<T>,
    momentum: Momentum,
    epsilon: f64,
}

impl<T: Scalar> BatchNorm<T> {
    /// A layer for this many channels with ε = 1e-5 and PyTorch's momentum of 0.1.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 channels.
    pub fn new(channels: usize) -> Result<Self> {
        if channels == 0 {
            return Err(Error::setting("channels", "at least 1", channels));
        }
        let (zeros, ones) = (Tensor::zeros([channels])?, Tensor::full([channels], T::one())?);
        Ok(Self {
            weight: Param::new("weight", &ones).with_along(Along::LastAxes),
            bias: Param::new("bias", &zeros).with_along(Along::LastAxes),
            running_mean: Param::statistic("running_mean", &zeros).with_along(Along::LastAxes),
            running_var: Param::statistic("running_var", &ones).with_along(Along::LastAxes),
            momentum: Momentum::PyTorch(0.1),
            epsilon: 1e-5,
        })
    }

    /// How running statistics follow the batches.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ m ≤ 1.
    pub fn with_momentum(mut self, momentum: Momentum) -> Result<Self> {
        let (Momentum::PyTorch(share) | Momentum::Keras(share)) = momentum;
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::setting("momentum", "a number from 0 to 1", share));
        }
        self.momentum = momentum;
        Ok(self)
    }

    /// What is added to the variance, so that a channel that is the same everywhere is not divided by 0.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and above 0, in the numbers of the layer too.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        self.epsilon = check_epsilon::<T>(epsilon)?;
        Ok(self)
    }

    /// The number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.weight.count()
    }

    /// What normalised values are multiplied by, `[channels]`.
    #[must_use]
    pub fn weight(&self) -> &Param<T> {
        &self.weight
    }

    /// To be set or frozen.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        &mut self.weight
    }

    /// What is added to them then, `[channels]`.
    #[must_use]
    pub fn bias(&self) -> &Param<T> {
        &self.bias
    }

    /// The bias, to be set or frozen.
    pub fn bias_mut(&mut self) -> &mut Param<T> {
        &mut self.bias
    }

    /// The mean that inference takes, `[channels]`.
    #[must_use]
    pub fn running_mean(&self) -> &Param<T> {
        &self.running_mean
    }

    /// The running mean, to be set.
    pub fn running_mean_mut(&mut self) -> &mut Param<T> {
        &mut self.running_mean
    }

    /// The variance that inference takes, `[channels]`.
    #[must_use]
    pub fn running_var(&self) -> &Param<T> {
        &self.running_var
    }

    /// The running variance, to be set.
    pub fn running_var_mut(&mut self) -> &mut Param<T> {
        &mut self.running_var
    }

    /// What inference does to each channel: y = scale·x + shift.
    ///
    /// # Errors
    /// [`Error::Setting`] where a running variance is below 0.
    pub(crate) fn scale_and_shift(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        self.check_variance()?;
        let deviations = self.running_var.buffer().iter().map(|&variance| self.inverse_deviation(variance));
        let weights = self.weight.buffer().iter();
        let scales: Vec<f64> =
            weights.zip(deviations).map(|(weight, inverse)| weight.as_f64() * inverse).collect();
        let means = self.running_mean.buffer().iter().zip(self.bias.buffer());
        let shift = |(scale, (mean, bias)): (&f64, (&T, &T))| bias.as_f64() - mean.as_f64() * scale;
        let shifts = scales.iter().zip(means).map(shift).collect();
        Ok((scales, shifts))
    }

    /// Whether a training pass takes the statistics of its batch.
    fn learns(&self) -> bool {
        !(self.weight.is_frozen() && self.bias.is_frozen())
    }

    /// A single value has no unbiased variance.
    fn check_count(&self, count: usize) -> Result<()> {
        if count == 1 && matches!(self.momentum, Momentum::PyTorch(_)) {
            let expected = "at least 2 values a channel in training, where the running variance is unbiased";
            return Err(Error::setting("batch", expected, count));
        }
        Ok(())
    }

    /// A running variance can be set to anything.
    fn check_variance(&self) -> Result<()> {
        match self.running_var.buffer().iter().find(|variance| **variance < T::zero()) {
            Some(variance) => Err(Error::setting("running_var", "variances of at least 0", variance)),
            None => Ok(()),
        }
    }

    /// 1/√(variance + ε).
    fn inverse_deviation(&self, variance: T) -> f64 {
        (variance.as_f64() + self.epsilon).sqrt().recip()
    }

    /// Takes a batch of so many values a channel into the running statistics.
    fn follow(&mut self, mean: &[T], variance: &[T], count: f64) {
        let (keep, take, correction) = match self.momentum {
            Momentum::PyTorch(share) => (1.0 - share, share, count / (count - 1.0)),
            Momentum::Keras(share) => (share, 1.0 - share, 1.0),
        };
        for (running, batch, take) in
            [(&mut self.running_mean, mean, take), (&mut self.running_var, variance, take * correction)]
        {
            for (running, batch) in running.buffer_mut().iter_mut().zip(batch) {
                *running = T::of(keep * running.as_f64() + take * batch.as_f64());
            }
        }
    }

    getters! {
        /// How the running statistics follow those of the batches.
        momentum: Momentum;
        /// What is added to a variance.
        epsilon: f64;
    }
}

/// An ε that is above 0 in the numbers of the layer.
pub(super) fn check_epsilon<T: Scalar>(epsilon: f64) -> Result<f64> {
    if epsilon.is_finite() && T::of(epsilon) > T::zero() {
        return Ok(epsilon);
    }
    Err(Error::setting("epsilon", "a finite number above 0", epsilon))
}

impl<T: Scalar> Layer<T> for BatchNorm<T> {
    fn kind(&self) -> &'static str {
        "batch_norm"
    }

    fn describe(&self) -> String {
        format!("batch_norm {}", self.channels())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let params = [&self.weight, &self.bias, &self.running_mean, &self.running_var];
        check_shapes(params.map(|param| (param, [self.channels()].into())))?;
        if input.axes().last() == Some(&self.channels()) {
            return Ok(*input);
        }
        let expected = format!("[batch, …, {}]", self.channels());
        Err(Error::shape("input", expected, input.batch_pattern()))
    }

    fn check_batch(&self, input: &Shape, batch: usize, mode: Mode) -> Result<()> {
        let takes_batch = mode == Mode::Train && self.learns();
        if takes_batch { self.check_count(batch * input.len() / self.channels()) } else { Ok(()) }
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let channels = self.channels();
        match mode {
            Mode::Infer => Memory { cache: 0, scratch: channels },
            Mode::Train => {
                let sums = ColumnSums::<T, ()>::scratch::<2>(batch * input.len() / channels, channels);
                Memory { cache: 2 * channels + 1, scratch: 5 * channels + sums }
            }
        }
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let (x, channels) = (x.as_slice(), self.channels());
        let takes_batch = context.mode == Mode::Train && self.learns();
        if context.mode == Mode::Train {
            let [kept @ .., is_of_batch] = &mut *context.cache else { unreachable!("as `memory` said") };
            *is_of_batch = if takes_batch { T::one() } else { T::zero() };
            if takes_batch {
                self.check_count(x.len() / channels)?;
                let (mean, variance) = kept.split_at_mut(channels);
                measure(x, mean, variance, context.scratch, context.parallelism);
            }
        }
        let (mean, variance) = if takes_batch {
            context.cache[..2 * channels].split_at(channels)
        } else {
            self.check_variance()?;
            (self.running_mean.buffer(), self.running_var.buffer())
        };
        let scale = &mut context.scratch[..channels];
        for (scale, (&variance, weight)) in scale.iter_mut().zip(variance.iter().zip(self.weight.buffer())) {
            *scale = T::of(weight.as_f64() * self.inverse_deviation(variance));
        }
        // x·scale + (bias − mean·scale) would lose digits where the mean is large beside the deviation.
        let map = ColumnMap {
            first: x,
            second: x,
            columns: [mean, scale, self.bias.buffer()],
            map: |x, _, [mean, scale, bias]: [T; 3]| (x - mean) * scale + bias,
            parallelism: context.parallelism,
        };
        map.run(y.as_mut_slice());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (x, dy, channels) = (pass.x.as_slice(), pass.dy.as_slice(), self.channels());
        let count = (x.len() / channels) as f64;
        let (parallelism, is_of_batch) = (pass.parallelism, pass.cache[2 * channels] != T::zero());
        let of_batch = pass.cache[..2 * channels].split_at(channels);
        let running = (self.running_mean.buffer(), self.running_var.buffer());
        let (mean, variance) = if is_of_batch { of_batch } else { running };
        let (weight_gradient, scratch) = pass.scratch.split_at_mut(channels);
        let (bias_gradient, scratch) = scratch.split_at_mut(channels);
        if is_of_batch || self.learns() {
            let term = |dy: T, x: T, mean: T| [dy, dy * (x - mean)];
            let sums = ColumnSums { first: dy, second: x, column: mean, term, parallelism };
            sums.run(&mut scratch[3 * channels..], |channel, [dy, product]| {
                bias_gradient[channel] = T::of(dy);
                weight_gradient[channel] = T::of(product * self.inverse_deviation(variance[channel]));
            });
        }
        if let Some(mut dx) = pass.dx {
            let (scale, scratch) = scratch.split_at_mut(channels);
            let (slope, rest) = scratch.split_at_mut(channels);
            let shift = &mut rest[..channels];
            for channel in 0..channels {
                let inverse = self.inverse_deviation(variance[channel]);
                let whole = self.weight.buffer()[channel].as_f64() * inverse;
                scale[channel] = T::of(whole);
                slope[channel] = T::of(-whole * inverse * weight_gradient[channel].as_f64() / count);
                shift[channel] = T::of(-whole * bias_gradient[channel].as_f64() / count);
            }
            if is_of_batch {
                let map = ColumnMap {
                    first: dy,
                    second: x,
                    columns: [mean, scale, slope, shift],
                    map: |dy, x, [mean, scale, slope, shift]: [T; 4]| {
                        dy * scale + ((x - mean) * slope + shift)
                    },
                    parallelism,
                };
                map.run(dx.as_mut_slice());
            } else {
                let map = |dy, _, [scale]: [T; 1]| dy * scale;
                let map = ColumnMap { first: dy, second: dy, columns: [&*scale], map, parallelism };
                map.run(dx.as_mut_slice());
            }
        }
        if is_of_batch && !sink.only_looks() {
            self.follow(of_batch.0, of_batch.1, count);
        }
        if !self.bias.is_frozen() {
            sink.take(&mut self.bias, &Whole(bias_gradient))?;
        }
        if !self.weight.is_frozen() {
            sink.take(&mut self.weight, &Whole(weight_gradient))?;
        }
        Ok(())
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        [&self.weight, &self.bias, &self.running_mean, &self.running_var].into_iter().for_each(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        let Self { weight, bias, running_mean, running_var, .. } = self;
        [weight, bias, running_mean, running_var].into_iter().for_each(visit);
    }

    fn multiply_adds(&self, input: &Shape) -> usize {
        input.len()
    }

    /// Samples of two axes are `[length, channels]` here, and `[channels, length]` in PyTorch.
    fn output_order(&self, input: &Shape, order: Order) -> Order {
        if order == Order::Same && input.rank() == 2 { Order::ChannelsLast(*input) } else { order }
    }

    fn settings(&self) -> Settings {
        self.momentum.add_to(Settings::new().with("channels", self.channels()).with("epsilon", self.epsilon))
    }
}

impl<T: Scalar> Stored<T> for BatchNorm<T> {
    const KINDS: &'static [&'static str] = &["batch_norm"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let channels = entry.count("channels")?;
        for parameter in ["weight", "bias", "running_mean", "running_var"] {
            entry.expect(parameter, [channels].into())?;
        }
        let norm = Self::new(channels)?.with_momentum(Momentum::restore(entry)?)?;
        Ok(norm.with_epsilon(entry.number("epsilon")?)?)
    }
}
