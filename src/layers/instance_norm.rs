//! Instance normalisation: each channel of each sample for itself.

use super::group_norm::{GroupNorm, restored};
use super::stored::{Entry, Restored, Stored};
use super::{Backward, Forward, GradientSink, Layer, Memory, Mode, Order, Param, Settings};
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// y = (x − mean) / √(variance + ε), with mean and (biased) variance of a channel over all places of a sample (Ulyanov, Vedaldi
/// and Lempitsky, 2016); [with a weight and a bias](Self::with_affine), then y·weight + bias.
///
/// It is a [`GroupNorm`] with as many groups as channels, and its gradients are those. Training and inference are the same.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, length, channels]`, `[batch, height, width, channels]`, …, of more than one place |
/// | y | that of x |
/// | `weight`, `bias` | none, as in PyTorch unless asked for; else `[channels]`, at first 1 and 0 |
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
pub struct InstanceNorm<T>(GroupNorm<T>);

impl<T: Scalar> InstanceNorm<T> {
    /// A layer for this many channels, with ε = 1e-5 as PyTorch's.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 channels.
    pub fn new(channels: usize) -> Result<Self> {
        Ok(Self(GroupNorm::new(channels.max(1), channels)?.without_affine()))
    }

    /// With a weight and a bias for each channel.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where they do not fit into memory.
    pub fn with_affine(self) -> Result<Self> {
        let channels = self.0.channels();
        Ok(Self(GroupNorm::new(channels, channels)?.with_epsilon(self.0.epsilon())?))
    }

    /// What is added to the variance, so that a channel that is the same everywhere is not divided by 0.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and above 0, in the numbers of the layer too.
    pub fn with_epsilon(self, epsilon: f64) -> Result<Self> {
        Ok(Self(self.0.with_epsilon(epsilon)?))
    }

    /// The number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.0.channels()
    }

    /// What is added to a variance.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        self.0.epsilon()
    }

    /// What normalised values are multiplied by, if anything.
    #[must_use]
    pub fn weight(&self) -> Option<&Param<T>> {
        self.0.weight()
    }

    /// The weight, to be set or frozen.
    pub fn weight_mut(&mut self) -> Option<&mut Param<T>> {
        self.0.weight_mut()
    }

    /// What is added to them then, if anything.
    #[must_use]
    pub fn bias(&self) -> Option<&Param<T>> {
        self.0.bias()
    }

    /// The bias, to be set or frozen.
    pub fn bias_mut(&mut self) -> Option<&mut Param<T>> {
        self.0.bias_mut()
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
        if input.axes().last() == Some(&self.channels()) && input.len() > self.channels() {
            return self.0.output_shape(input);
        }
        let expected = format!("[batch, …, {}] with more than one place", self.channels());
        Err(Error::shape("input", expected, input.batch_pattern()))
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        self.0.memory(input, batch, mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        self.0.forward(x, y, context)
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        self.0.backward(pass, sink)
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.0.params(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.0.params_mut(visit);
    }

    fn multiply_adds(&self, input: &Shape) -> usize {
        self.0.multiply_adds(input)
    }

    fn output_order(&self, input: &Shape, order: Order) -> Order {
        self.0.output_order(input, order)
    }

    fn settings(&self) -> Settings {
        let settings = Settings::new().with("channels", self.channels());
        settings.with("epsilon", self.epsilon()).with("affine", self.weight().is_some())
    }
}

impl<T: Scalar> Stored<T> for InstanceNorm<T> {
    const KINDS: &'static [&'static str] = &["instance_norm"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let (channels, epsilon) = (entry.count("channels")?, entry.number("epsilon")?);
        let norm = restored(entry, channels.max(1), channels)?;
        Ok(Self(norm.with_epsilon(epsilon)?))
    }
}
