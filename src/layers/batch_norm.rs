//! Batch normalisation: each channel over the batch.

use super::affine::Affine;
use super::epsilon::check_epsilon;
use super::moments::measure;
use super::onnx::by_statistics;
use super::others::sums_of_channels;
use super::running_statistics::RunningStatistics;
use super::stored::{Entry, Restored, Stored};
use super::{
    Backward, Forward, GradientSink, Layer, Memory, Mode, Momentum, OnnxGraph, OnnxValue, Order, Param,
    Settings, Units, Whole,
};
use crate::getters::getters;
use crate::kernels::{ColumnMap, ColumnSums};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Batch normalisation, y = (x − mean) / √(variance + ε) · weight + bias, for each channel alone (Ioffe and Szegedy, 2015).
///
/// While training, mean and variance are those of the batch: over all samples and all places, n values a channel (where ranks share it, of
/// a rank's part or of [the whole](crate::Trainer::with_synchronized_batch_norm)). In inference they are running ones, which the training
/// steps have gathered. So an output depends on its batch in training and on nothing but its own input in inference.
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
/// | `weight`, `bias` | `[channels]`, at first 1 and 0; none [without them](Self::without_affine) |
/// | `running_mean`, `running_var` | `[channels]`, at first 0 and 1 |
/// | `num_batches_tracked` | `[]`, at first 0; there with [`Momentum::Cumulative`] |
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
/// are: what is frozen in a model stays the same function to the byte. (Keras's rule. In PyTorch it takes `eval()`.) Without weight
/// and bias there is nothing to freeze, and the layer follows the batches of every training, wherever in a model it stands.
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
    affine: Option<Affine<T>>,
    running: RunningStatistics<T>,
    epsilon: f64,
}

impl<T: Scalar> BatchNorm<T> {
    /// A layer for this many channels with ε = 1e-5 and PyTorch's momentum of 0.1.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 channels; [`Error::TooLarge`] where the parameters do not fit into memory.
    pub fn new(channels: usize) -> Result<Self> {
        if channels == 0 {
            return Err(Error::setting("channels", "at least 1", channels));
        }
        Ok(Self {
            affine: Some(Affine::new([channels].into())?),
            running: RunningStatistics::new(channels)?,
            epsilon: 1e-5,
        })
    }

    /// Without weight and bias: y = x̂.
    #[must_use]
    pub fn without_affine(self) -> Self {
        Self { affine: None, ..self }
    }

    /// How running statistics follow the batches.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ m ≤ 1.
    pub fn with_momentum(self, momentum: Momentum) -> Result<Self> {
        Ok(Self { running: self.running.with_momentum(momentum)?, ..self })
    }

    /// What is added to the variance, so that a channel that is the same everywhere is not divided by 0. Keras's is 1e-3 unless set.
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
        self.running.channels()
    }

    /// What normalised values are multiplied by, `[channels]`, if anything.
    #[must_use]
    pub fn weight(&self) -> Option<&Param<T>> {
        self.affine.as_ref().map(|affine| &affine.weight)
    }

    /// The weight, to be set or frozen.
    pub fn weight_mut(&mut self) -> Option<&mut Param<T>> {
        self.affine.as_mut().map(|affine| &mut affine.weight)
    }

    /// What is added to them then, `[channels]`, if anything.
    #[must_use]
    pub fn bias(&self) -> Option<&Param<T>> {
        self.affine.as_ref().map(|affine| &affine.bias)
    }

    /// The bias, to be set or frozen.
    pub fn bias_mut(&mut self) -> Option<&mut Param<T>> {
        self.affine.as_mut().map(|affine| &mut affine.bias)
    }

    /// The mean that inference takes, `[channels]`.
    #[must_use]
    pub fn running_mean(&self) -> &Param<T> {
        &self.running.mean
    }

    /// The running mean, to be set.
    pub fn running_mean_mut(&mut self) -> &mut Param<T> {
        &mut self.running.mean
    }

    /// The variance that inference takes, `[channels]`.
    #[must_use]
    pub fn running_var(&self) -> &Param<T> {
        &self.running.var
    }

    /// The running variance, to be set: one below 0 is an error of the next pass that takes it.
    pub fn running_var_mut(&mut self) -> &mut Param<T> {
        &mut self.running.var
    }

    /// What inference does to each channel: y = scale·x + shift.
    ///
    /// # Errors
    /// [`Error::Setting`] where a running variance is below 0.
    pub(crate) fn scale_and_shift(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        self.running.check_variance()?;
        let statistics = self.running.mean.buffer().iter().zip(self.running.var.buffer());
        let of_channel = |(channel, (mean, &variance)): (usize, (&T, &T))| {
            let scale = self.weight_of(channel) * self.inverse_deviation(variance);
            let bias = self.affine.as_ref().map_or(0.0, |affine| affine.bias.buffer()[channel].as_f64());
            (scale, bias - mean.as_f64() * scale)
        };
        Ok(statistics.enumerate().map(of_channel).unzip())
    }

    /// Whether a training pass takes the statistics of its batch.
    fn learns(&self) -> bool {
        let is_frozen = |affine: &Affine<T>| affine.weight.is_frozen() && affine.bias.is_frozen();
        !self.affine.as_ref().is_some_and(is_frozen)
    }

    fn weight_of(&self, channel: usize) -> f64 {
        self.affine.as_ref().map_or(1.0, |affine| affine.weight.buffer()[channel].as_f64())
    }

    /// 1/√(variance + ε).
    fn inverse_deviation(&self, variance: T) -> f64 {
        (variance.as_f64() + self.epsilon).sqrt().recip()
    }

    getters! {
        /// How the running statistics follow those of the batches.
        momentum: Momentum = |norm| norm.running.momentum();
        /// What is added to a variance.
        epsilon: f64;
    }
}

impl<T: Scalar> Layer<T> for BatchNorm<T> {
    fn kind(&self) -> &'static str {
        "batch_norm"
    }

    fn describe(&self) -> String {
        format!("batch_norm {}", self.channels())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.affine.as_ref().map_or(Ok(()), |affine| affine.check([self.channels()].into()))?;
        self.running.check()?;
        if input.axes().last() == Some(&self.channels()) {
            return Ok(*input);
        }
        let expected = format!("[batch, …, {}]", self.channels());
        Err(Error::shape("input", expected, input.batch_pattern()))
    }

    fn check_batch(&self, input: &Shape, batch: usize, mode: Mode) -> Result<()> {
        let takes_batch = mode == Mode::Train && self.learns();
        if takes_batch { self.running.check_count(batch * input.len() / self.channels()) } else { Ok(()) }
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let channels = self.channels();
        match mode {
            Mode::Infer => Memory { cache: 0, scratch: 2 * channels },
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
                let (mean, variance) = kept.split_at_mut(channels);
                let parallelism = context.parallelism;
                let count = measure(x, mean, variance, context.scratch, parallelism, context.others)?;
                self.running.check_count(count as usize)?;
            }
        }
        let (mean, variance) = if takes_batch {
            context.cache[..2 * channels].split_at(channels)
        } else {
            self.running.check_variance()?;
            (self.running.mean.buffer(), self.running.var.buffer())
        };
        let (scale, zeros) = context.scratch[..2 * channels].split_at_mut(channels);
        for (channel, (scale, &variance)) in scale.iter_mut().zip(variance).enumerate() {
            *scale = T::of(self.weight_of(channel) * self.inverse_deviation(variance));
        }
        zeros.fill(T::zero());
        let bias = self.affine.as_ref().map_or(&*zeros, |affine| affine.bias.buffer());
        // x·scale + (bias − mean·scale) would lose digits where the mean is large beside the deviation.
        let map = ColumnMap {
            first: x,
            second: x,
            columns: [mean, scale, bias],
            map: |x, _, [mean, scale, bias]: [T; 3]| (x - mean) * scale + bias,
            parallelism: context.parallelism,
        };
        map.run(y.as_mut_slice());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (x, dy, channels) = (pass.x.as_slice(), pass.dy.as_slice(), self.channels());
        let (parallelism, is_of_batch) = (pass.parallelism, pass.cache[2 * channels] != T::zero());
        let of_batch = pass.cache[..2 * channels].split_at(channels);
        let running = (self.running.mean.buffer(), self.running.var.buffer());
        let (mean, variance) = if is_of_batch { of_batch } else { running };
        let (weight_gradient, scratch) = pass.scratch.split_at_mut(channels);
        let (bias_gradient, scratch) = scratch.split_at_mut(channels);
        let (scale, scratch) = scratch.split_at_mut(channels);
        let (slope, scratch) = scratch.split_at_mut(channels);
        let (shift, scratch) = scratch.split_at_mut(channels);
        let mut count = 0.0;
        if is_of_batch || self.learns() {
            let term = |dy: T, x: T, mean: T| [dy, dy * (x - mean)];
            let sums = ColumnSums { first: dy, second: x, column: mean, term, parallelism };
            let weight = |channel: usize, sum: f64| T::of(sum * self.inverse_deviation(variance[channel]));
            let own = |channel, [dy, product]: [f64; 2]| {
                (bias_gradient[channel], weight_gradient[channel]) = (T::of(dy), weight(channel, product));
            };
            // dx goes by the whole batch, and the sink gets this part: sinks add up.
            let each = |channel, [dy, product]: [f64; 2], _| {
                (shift[channel], slope[channel]) = (T::of(dy), weight(channel, product));
            };
            let others = pass.others.filter(|_| is_of_batch);
            count = sums_of_channels(&sums, others, scratch, own, each)?;
        }
        if let Some(mut dx) = pass.dx {
            for channel in 0..channels {
                let inverse = self.inverse_deviation(variance[channel]);
                let whole = self.weight_of(channel) * inverse;
                scale[channel] = T::of(whole);
                slope[channel] = T::of(-whole * inverse * slope[channel].as_f64() / count);
                shift[channel] = T::of(-whole * shift[channel].as_f64() / count);
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
            self.running.follow(of_batch.0, of_batch.1, count);
        }
        let Some(Affine { weight, bias }) = &mut self.affine else { return Ok(()) };
        for (param, gradient) in [(bias, bias_gradient), (weight, weight_gradient)] {
            if !param.is_frozen() {
                sink.take(param, &Whole(gradient))?;
            }
        }
        Ok(())
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.affine.iter().for_each(|affine| affine.visit(visit));
        self.running.visit(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.affine.iter_mut().for_each(|affine| affine.visit_mut(visit));
        self.running.visit_mut(visit);
    }

    /// With weight and bias, it is they that say whether it does.
    fn follows_batches(&self) -> bool {
        self.affine.is_none()
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        input.len() as u64
    }

    fn units_through(&self, _: &Shape, units: Units) -> Option<Units> {
        units.repeat_in(self.channels()).then_some(units)
    }

    fn with_units(&self, _: &Shape, units: Units, kept: &[usize]) -> Result<Box<dyn Layer<T>>> {
        let kept = units.places(self.channels(), kept);
        let affine = self.affine.as_ref().map(|affine| affine.with_columns(&kept));
        let running = self.running.with_channels(&kept);
        Ok(Box::new(Self { affine, running, epsilon: self.epsilon }))
    }

    /// Samples of two axes are `[length, channels]` here, and `[channels, length]` in PyTorch.
    fn output_order(&self, input: &Shape, order: Order) -> Order {
        if order == Order::Same && input.rank() == 2 { Order::ChannelsLast(*input) } else { order }
    }

    fn settings(&self) -> Settings {
        let settings = Settings::new().with("channels", self.channels()).with("epsilon", self.epsilon);
        let settings = self.momentum().add_to(settings);
        if self.affine.is_some() { settings } else { settings.with("affine", false) }
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        self.running.check_variance()?;
        let affine = self.affine.as_ref().map(Affine::params);
        Ok(by_statistics(graph, x, affine, [&self.running.mean, &self.running.var], self.epsilon))
    }
}

impl<T: Scalar> Stored<T> for BatchNorm<T> {
    const KINDS: &'static [&'static str] = &["batch_norm"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let channels = entry.count("channels")?;
        let is_affine = !entry.has("affine") || entry.flag("affine")?;
        let momentum = Momentum::restore(entry)?;
        if is_affine {
            Affine::<T>::expect(entry, [channels].into())?;
        }
        RunningStatistics::<T>::expect(entry, channels, momentum)?;
        let norm = Self::new(channels)?.with_momentum(momentum)?.with_epsilon(entry.number("epsilon")?)?;
        Ok(if is_affine { norm } else { norm.without_affine() })
    }
}
