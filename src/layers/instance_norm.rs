//! Instance normalisation: each channel of each sample for itself.

use super::group_norm::{GroupNorm, restored};
use super::onnx::by_statistics;
use super::running_statistics::RunningStatistics;
use super::stored::{Entry, Restored, Stored};
use super::{
    Backward, Forward, GradientSink, Layer, Memory, Mode, Momentum, OnnxGraph, OnnxValue, Order, Param,
    Settings,
};
use crate::kernels::ColumnMap;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Instance normalisation, y = (x − mean) / √(variance + ε), with mean and (biased) variance of a channel over all places of a sample
/// (Ulyanov, Vedaldi and Lempitsky, 2016); [with a weight and a bias](Self::with_affine), then y·weight + bias.
///
/// It is a [`GroupNorm`] with as many groups as channels, and its gradients are those. Training and inference are the same, but
/// with running statistics.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, length, channels]`, `[batch, height, width, channels]`, …, of more than one place |
/// | y | that of x |
/// | `weight`, `bias` | none, as in PyTorch unless asked for; else `[channels]`, at first 1 and 0 |
/// | `running_mean`, `running_var` | none, as in PyTorch unless asked for; else `[channels]`, at first 0 and 1 |
///
/// # Running statistics
///
/// [With running statistics](Self::with_running_statistics), inference takes them in the place of a sample's own, as a
/// [`BatchNorm`](super::BatchNorm) does: PyTorch's `track_running_stats=True`. Training normalises each sample by its own. Each
/// backward pass takes the means of its samples' means and variances into the running ones, by the rule of [`Momentum`]; one whose sink
/// [only looks](GradientSink::only_looks) does not, and neither does a layer whose weight and bias are both frozen.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([2, 2]).instance_norm().build(&mut taper::seeded(0))?;
/// let y = model.predict(&Tensor::from_vec([1, 2, 2], vec![10.0_f64, -1.0, 30.0, -3.0])?)?;
/// assert!(y.as_slice().iter().zip([-1.0, 1.0, 1.0, -1.0]).all(|(y, expected)| (y - expected).abs() < 1e-5));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct InstanceNorm<T> {
    norm: GroupNorm<T>,
    running: Option<RunningStatistics<T>>,
}

impl<T: Scalar> InstanceNorm<T> {
    /// A layer for this many channels, with ε = 1e-5 as PyTorch's.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 channels; [`Error::TooLarge`] for more than memory has room for.
    pub fn new(channels: usize) -> Result<Self> {
        Ok(Self { norm: GroupNorm::new(channels.max(1), channels)?.without_affine(), running: None })
    }

    /// With a weight and a bias for each channel.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where they do not fit into memory.
    pub fn with_affine(self) -> Result<Self> {
        let channels = self.channels();
        Ok(Self { norm: GroupNorm::new(channels, channels)?.with_epsilon(self.epsilon())?, ..self })
    }

    /// With statistics that follow the training by this rule, and that inference takes. PyTorch's momentum is 0.1 unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ m ≤ 1; [`Error::TooLarge`] where they do not fit into memory.
    pub fn with_running_statistics(self, momentum: Momentum) -> Result<Self> {
        let running = RunningStatistics::new(self.channels())?.with_momentum(momentum)?;
        Ok(Self { running: Some(running), ..self })
    }

    /// What is added to the variance, so that a channel that is the same everywhere is not divided by 0; 1e-5 unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and above 0, in the numbers of the layer too.
    pub fn with_epsilon(self, epsilon: f64) -> Result<Self> {
        Ok(Self { norm: self.norm.with_epsilon(epsilon)?, ..self })
    }

    /// The number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.norm.channels()
    }

    /// What is added to a variance.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        self.norm.epsilon()
    }

    /// What normalised values are multiplied by, if anything.
    #[must_use]
    pub fn weight(&self) -> Option<&Param<T>> {
        self.norm.weight()
    }

    /// The weight, to be set or frozen.
    pub fn weight_mut(&mut self) -> Option<&mut Param<T>> {
        self.norm.weight_mut()
    }

    /// What is added to them then, if anything.
    #[must_use]
    pub fn bias(&self) -> Option<&Param<T>> {
        self.norm.bias()
    }

    /// The bias, to be set or frozen.
    pub fn bias_mut(&mut self) -> Option<&mut Param<T>> {
        self.norm.bias_mut()
    }

    /// How the running statistics follow the training, where there are any.
    #[must_use]
    pub fn momentum(&self) -> Option<Momentum> {
        self.running.as_ref().map(RunningStatistics::momentum)
    }

    /// The mean that inference takes, where there is one.
    #[must_use]
    pub fn running_mean(&self) -> Option<&Param<T>> {
        self.running.as_ref().map(|running| &running.mean)
    }

    /// The running mean, to be set.
    pub fn running_mean_mut(&mut self) -> Option<&mut Param<T>> {
        self.running.as_mut().map(|running| &mut running.mean)
    }

    /// The variance that inference takes, where there is one.
    #[must_use]
    pub fn running_var(&self) -> Option<&Param<T>> {
        self.running.as_ref().map(|running| &running.var)
    }

    /// The running variance, to be set.
    pub fn running_var_mut(&mut self) -> Option<&mut Param<T>> {
        self.running.as_mut().map(|running| &mut running.var)
    }

    /// Whether weight and bias are there and both frozen.
    fn is_frozen(&self) -> bool {
        [self.weight(), self.bias()].iter().all(|param| param.is_some_and(Param::is_frozen))
    }

    /// What inference does with running statistics.
    fn by_statistics(
        &self,
        running: &RunningStatistics<T>,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        running.check_variance()?;
        let channels = self.channels();
        let (scale, added) = context.scratch[..2 * channels].split_at_mut(channels);
        for (channel, (scale, added)) in scale.iter_mut().zip(&mut *added).enumerate() {
            let of = |param: Option<&Param<T>>| param.map(|param| param.buffer()[channel]);
            let inverse = (running.var.buffer()[channel].as_f64() + self.epsilon()).sqrt().recip();
            *scale = T::of(inverse * of(self.weight()).map_or(1.0, T::as_f64));
            *added = of(self.bias()).unwrap_or(T::zero());
        }
        let map = ColumnMap {
            first: x.as_slice(),
            second: x.as_slice(),
            columns: [running.mean.buffer(), &*scale, &*added],
            map: |x, _, [mean, scale, added]: [T; 3]| (x - mean) * scale + added,
            parallelism: context.parallelism,
        };
        map.run(y.as_mut_slice());
        Ok(())
    }

    /// Takes the samples of a training pass into the running statistics, by what the pass measured of each.
    fn follow(&mut self, pass: &mut Backward<'_, T>) {
        let Some(running) = &mut self.running else { return };
        let (batch, channels) = (pass.x.batch(), self.norm.channels());
        let (epsilon, places) = (self.norm.epsilon(), (pass.x.sample_len() / channels) as f64);
        let (mean, variance) = pass.scratch[..2 * channels].split_at_mut(channels);
        let measures = self.norm.measures(pass.x, pass.cache).as_chunks::<2>().0;
        for (channel, (mean, variance)) in mean.iter_mut().zip(&mut *variance).enumerate() {
            let samples = || measures.iter().skip(channel).step_by(channels);
            let sum: f64 = samples().map(|[mean, _]| mean.as_f64()).sum();
            *mean = T::of(sum / batch as f64);
            let of_inverse = |inverse: T| (inverse.as_f64().powi(-2) - epsilon).max(0.0);
            let sum: f64 = samples().map(|[_, inverse]| of_inverse(*inverse)).sum();
            *variance = T::of(sum / batch as f64);
        }
        running.follow(mean, variance, places);
    }
}

impl<T: Scalar> Layer<T> for InstanceNorm<T> {
    fn kind(&self) -> &'static str {
        "instance_norm"
    }

    fn describe(&self) -> String {
        format!("instance_norm {}", self.channels())
    }

    /// A single place is its own mean: nothing would be left of it.
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.running.as_ref().map_or(Ok(()), RunningStatistics::check)?;
        if input.axes().last() == Some(&self.channels()) && input.len() > self.channels() {
            return self.norm.output_shape(input);
        }
        let expected = format!("[batch, …, {}] with more than one place", self.channels());
        Err(Error::shape("input", expected, input.batch_pattern()))
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let memory = self.norm.memory(input, batch, mode);
        match (mode, &self.running) {
            (Mode::Train, Some(_)) => Memory { scratch: memory.scratch.max(2 * self.channels()), ..memory },
            _ => memory,
        }
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        match &self.running {
            Some(running) if context.mode == Mode::Infer => self.by_statistics(running, x, y, context),
            _ => self.norm.forward(x, y, context),
        }
    }

    fn backward(&mut self, mut pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        if !sink.only_looks() && !self.is_frozen() {
            self.follow(&mut pass);
        }
        self.norm.backward(pass, sink)
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.norm.params(visit);
        self.running.iter().for_each(|running| running.visit(visit));
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.norm.params_mut(visit);
        self.running.iter_mut().for_each(|running| running.visit_mut(visit));
    }

    /// With weight and bias, it is they that say whether it does.
    fn follows_batches(&self) -> bool {
        self.running.is_some() && self.weight().is_none()
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        self.norm.multiply_adds(input)
    }

    fn output_order(&self, input: &Shape, order: Order) -> Order {
        self.norm.output_order(input, order)
    }

    fn settings(&self) -> Settings {
        let settings = Settings::new().with("channels", self.channels());
        let settings = settings.with("epsilon", self.epsilon()).with("affine", self.weight().is_some());
        self.momentum().map_or(settings.clone(), |momentum| momentum.add_to(settings))
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let Some(running) = &self.running else { return self.norm.onnx(x, graph) };
        running.check_variance()?;
        let affine = self.weight().zip(self.bias()).map(<[_; 2]>::from);
        Ok(by_statistics(graph, x, affine, [&running.mean, &running.var], self.epsilon()))
    }
}

impl<T: Scalar> Stored<T> for InstanceNorm<T> {
    const KINDS: &'static [&'static str] = &["instance_norm"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let (channels, epsilon) = (entry.count("channels")?, entry.number("epsilon")?);
        let norm = restored(entry, channels.max(1), channels)?;
        let norm = Self { norm: norm.with_epsilon(epsilon)?, running: None };
        if !entry.has("rule") {
            return Ok(norm);
        }
        let momentum = Momentum::restore(entry)?;
        RunningStatistics::<T>::expect(entry, channels, momentum)?;
        Ok(norm.with_running_statistics(momentum)?)
    }
}
