//! The convolution of images.

use core::fmt;

use rand::Rng;

use super::conv_size::{output_shape, size};
use super::onnx::{conv, image_of, kernels};
use super::stored::{Entry, Restored, Stored};
use super::weight_and_bias::{WeightAndBias, check_bias, with_finish};
use super::{
    Backward, Channels, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Param, PoolAlong,
    Settings, Whole, Window,
};
use crate::init::{Init, Initializer};
use crate::kernels::{
    Bf16ConvolutionForward, ConvolutionForward, ConvolutionInputGradient, ConvolutionSize,
    ConvolutionWeightGradient, Pool, weight_matrices,
};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Convolution of images: a window slides over an image; at each place, every output channel is a weighted sum of all that it sees:
///
/// ```text
/// y[r, c, o] = Σ x[r·s + i·d − p, c·s + j·d − p, k] · W[i, j, k, o] + b[o]     over i, j (the window) and k (channels)
/// ```
///
/// with stride s, dilation d and p rows and columns of zeros before the image, and as many behind it unless each side has its own; k goes
/// over the inputs of o's group. As in every library, the window is not turned: it is a cross-correlation (LeCun et al., 1998).
///
/// Images have their channels last. What the window sees at its places are the rows of a matrix, a block at a time, which goes through
/// products as those of [`Dense`](crate::Dense) are; forward, most are read where they lie in the image. In inference a model does the
/// activation and the [`MaxPool2d`](crate::layers::MaxPool2d) after it in the same pass, to the same bits.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, height, width, inputs]` |
/// | y | `[batch, rows, columns, outputs]`: rows = ⌊(height + padding − d·(window − 1) − 1)/s⌋ + 1, of the padding on both sides |
/// | `weight` | `[window height, window width, inputs / groups, outputs]` (PyTorch's is outputs, inputs, height, width) |
/// | `bias` | `[outputs]` |
///
/// ```
/// use taper::layers::{Conv2d, Padding, Window};
/// use taper::{Sequential, Tensor};
///
/// // The difference to the pixel on the left.
/// let weight = Tensor::from_vec([1, 2, 1, 1], vec![-1.0, 1.0])?;
/// let conv = Conv2d::from_parts(Window::new([1, 2]), 1, &weight, None)?;
/// let model = Sequential::builder([1, 4, 1]).layer(conv).build(&mut taper::seeded(0))?;
/// let image = Tensor::from_vec([1, 1, 4, 1], vec![1.0, 4.0, 9.0, 16.0])?;
/// assert_eq!(model.predict(&image)?.as_slice(), [3.0, 5.0, 7.0]);
///
/// // 32 feature maps of a picture of 28×28 with 3 colours.
/// let model = Sequential::<f32>::builder([28, 28, 3])
///     .conv2d(32, Window::new(3).with_padding(Padding::Same)).relu()
///     .build(&mut taper::seeded(0))?;
/// assert_eq!(model.output().axes(), [28, 28, 32]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone)]
pub struct Conv2d<T> {
    channels: Channels,
    window: Window,
    /// What the weight has to be.
    weight_shape: Shape,
    parts: WeightAndBias<T>,
}

impl<T: Scalar> Conv2d<T> {
    /// A layer with a bias, initialised as PyTorch's `nn.Conv2d` is: [`Init::Linear`]. The window moves by 1 unless it
    /// has a stride.
    ///
    /// # Errors
    /// [`Error::Setting`] where a number of channels, a side, a stride or a dilation is 0, the groups do not divide the
    /// channels, or the window is one of ceil mode; [`Error::TooLarge`] where the weight does not fit into memory.
    pub fn new(channels: Channels, window: impl Into<Window>, rng: &mut impl Rng) -> Result<Self> {
        Self::with_init(channels, window, &Init::Linear, Some(&Init::Linear), rng)
    }

    /// A layer with initialisers of one's own: for the weight `[height, width, inputs / groups, outputs]`, and for the
    /// bias, if there is to be one.
    ///
    /// # Errors
    /// As [`Conv2d::new`], and those of the initialisers.
    pub fn with_init(
        channels: Channels,
        window: impl Into<Window>,
        weight: &dyn Initializer<T>,
        bias: Option<&dyn Initializer<T>>,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        Self::zeros(channels, window, bias.is_some())?.initialized(weight, bias, rng)
    }

    /// A layer of given parameters: a weight `[height, width, inputs / groups, outputs]`, height and width those of the
    /// window, and, if there is one, a bias `[outputs]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the shapes do not fit together, and as [`Conv2d::new`].
    pub fn from_parts(
        window: impl Into<Window>,
        groups: usize,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
    ) -> Result<Self> {
        let window = window.into();
        let [height, width] = window.kernel.into();
        let &[rows, columns, inputs, outputs] = weight.shape().axes() else {
            return Err(Error::shape("weight", "[height, width, inputs, outputs]", weight.shape()));
        };
        if [rows, columns] != [height, width] {
            let expected = format!("[{height}, {width}, inputs, outputs]");
            return Err(Error::shape("weight", expected, weight.shape()));
        }
        check_bias(bias, outputs)?;
        let channels = Channels::new(inputs.saturating_mul(groups), outputs).with_groups(groups);
        let mut conv = Self::zeros(channels, window, bias.is_some())?;
        conv.parts.weight.set(weight)?;
        conv.parts.set_bias(bias)?;
        Ok(conv)
    }

    /// A layer of zeros, to be filled: made of sizes alone.
    ///
    /// # Errors
    /// As [`Conv2d::new`].
    pub(crate) fn zeros(channels: Channels, window: impl Into<Window>, has_bias: bool) -> Result<Self> {
        Self::zeros_of(channels, window, has_bias, Into::into)
    }

    /// As [`Conv2d::zeros`], with a weight of other axes.
    pub(super) fn zeros_of(
        channels: Channels,
        window: impl Into<Window>,
        has_bias: bool,
        weight: impl FnOnce([usize; 4]) -> Shape,
    ) -> Result<Self> {
        channels.check()?;
        let window = window.into().of_convolution()?;
        let [height, width] = window.kernel.into();
        let weight_shape = weight([height, width, channels.inputs / channels.groups, channels.outputs]);
        let weight = Param::zero_kernels("weight", weight_shape, channels.groups)?;
        let parts = WeightAndBias::new(weight, channels.outputs, has_bias)?;
        Ok(Self { channels, window, weight_shape, parts })
    }

    /// The same with other parameters.
    pub(super) fn initialized(
        mut self,
        weight: &dyn Initializer<T>,
        bias: Option<&dyn Initializer<T>>,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        let inputs = self.patch();
        self.parts.initialize(weight, bias, inputs, rng)?;
        Ok(self)
    }

    /// The channels, with their groups.
    #[must_use]
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// The window, with its stride.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// The weight, `[height, width, inputs / groups, outputs]`.
    #[must_use]
    pub fn weight(&self) -> &Param<T> {
        &self.parts.weight
    }

    /// The weight, to be set or frozen.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        &mut self.parts.weight
    }

    /// The bias, `[outputs]`.
    #[must_use]
    pub fn bias(&self) -> Option<&Param<T>> {
        self.parts.bias.as_ref()
    }

    /// The bias, to be set or frozen.
    pub fn bias_mut(&mut self) -> Option<&mut Param<T>> {
        self.parts.bias.as_mut()
    }

    /// A layer whose outputs are scale·y + shift, with numbers for each output channel.
    pub(crate) fn scaled(&self, scales: &[f64], shifts: &[f64]) -> Result<Self> {
        let mut scaled = self.clone();
        scaled.scale_outputs(scales, shifts)?;
        Ok(scaled)
    }

    /// Makes the outputs scale·y + shift.
    pub(crate) fn scale_outputs(&mut self, scales: &[f64], shifts: &[f64]) -> Result<()> {
        self.parts.scale_outputs(scales, shifts)
    }

    /// The layer with its weight in bf16, for inference: not for convolutions of each channel by itself.
    ///
    /// # Errors
    /// As [`Dense::in_bf16`](super::Dense::in_bf16).
    pub(crate) fn in_bf16(&self) -> Result<Self> {
        Ok(Self { parts: self.parts.in_bf16()?, ..*self })
    }

    /// These zeros with a weight as the file's.
    pub(super) fn restored(self, entry: &mut dyn Entry) -> Restored<Self> {
        if !self.has_matrices() {
            return Ok(self);
        }
        Ok(Self { parts: self.parts.restored(entry)?, ..self })
    }

    /// Whether the weight is a matrix, or several, and not a number of each channel by itself for each place of the window.
    pub(crate) fn has_matrices(&self) -> bool {
        let Channels { inputs, outputs, groups } = self.channels;
        groups == 1 || weight_matrices(groups, inputs / groups, outputs) == groups
    }

    /// Weight and bias.
    pub(super) fn parts(&self) -> &WeightAndBias<T> {
        &self.parts
    }

    /// What the weight has to be.
    pub(super) fn weight_shape(&self) -> Shape {
        self.weight_shape
    }

    /// The layer of these output channels alone. Every output sees every input.
    pub(crate) fn with_outputs(&self, kept: &[usize]) -> Self {
        Self::of_one_group(self.window, self.parts.with_outputs(kept))
    }

    /// A layer of another weight, `[height, width, inputs, outputs]`, and a bias that fits it, under the names of this one.
    pub(crate) fn with_sums(&self, weight: &Tensor<T>, bias: &Tensor<T>) -> Self {
        Self::of_one_group(self.window, self.parts.with_sums(weight, bias))
    }

    fn of_one_group(window: Window, parts: WeightAndBias<T>) -> Self {
        let weight_shape = parts.weight.shape();
        let &[.., inputs, outputs] = weight_shape.axes() else { panic!("a window of channels") };
        Self { channels: Channels::new(inputs, outputs), window, weight_shape, parts }
    }

    /// Whether it can take the pool after it along in inference.
    pub(crate) fn takes_pool(&self) -> bool {
        self.has_matrices() && self.parts.weight.bf16().is_none()
    }

    /// What a forward pass needs that takes a pool along.
    pub(crate) fn pooled_memory(&self, input: &Shape, batch: usize, pool: PoolAlong) -> Memory {
        let size = self.size(input, batch);
        Memory { cache: 0, scratch: ConvolutionForward::<T>::scratch(size, Some(pool.size())) }
    }

    /// How many inputs an output is a sum of.
    fn patch(&self) -> usize {
        self.parts.weight.matrix()[0]
    }

    fn size(&self, input: &Shape, batch: usize) -> ConvolutionSize {
        size(input, batch, self.channels, self.window)
    }
}

impl<T: Scalar> Layer<T> for Conv2d<T> {
    fn kind(&self) -> &'static str {
        "conv2d"
    }

    fn describe(&self) -> String {
        format!("conv2d {}, {}{}", self.channels.arrow(), self.window, self.channels.in_groups())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.parts.check(self.weight_shape, self.channels.outputs)?;
        output_shape(input, self.channels, self.window, self.patch())
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let size = self.size(input, batch);
        let forward = match self.parts.weight.bf16() {
            None => ConvolutionForward::<T>::scratch(size, None),
            Some(_) => Bf16ConvolutionForward::<T>::scratch(size),
        };
        let backward =
            ConvolutionInputGradient::<T>::scratch(size).max(ConvolutionWeightGradient::<T>::scratch(size));
        Memory { cache: 0, scratch: if mode == Mode::Train { forward.max(backward) } else { forward } }
    }

    fn check_mode(&self, mode: Mode) -> Result<()> {
        self.parts.check_mode(mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        self.parts.check_pass(context.mode)?;
        let (batch, sample) = x.shape().split_batch().expect("a batch has an axis for it");
        let (size, x, y) = (self.size(&sample, batch), x.as_slice(), y.as_mut_slice());
        let (bias, parallelism) = (self.parts.bias.as_ref().map(Param::buffer), context.parallelism);
        let pool = context.pool;
        let largest = |x: &[T], y: &mut [T]| pool.iter().for_each(|pool| pool.run(x, y));
        with_finish(context.activation, |finish| match self.parts.weight.bf16() {
            None => {
                let weight = self.parts.weight.buffer();
                let pool = pool.map(|pool| Pool { size: pool.size(), function: &largest });
                let product = ConvolutionForward { size, x, weight, bias, finish, pool, parallelism };
                product.run(y, context.scratch);
            }
            Some(weight) => {
                let product = Bf16ConvolutionForward { size, x, weight, bias, finish, parallelism };
                product.run(y, context.scratch);
            }
        });
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        self.parts.check_pass(Mode::Train)?;
        let (batch, sample) = pass.x.shape().split_batch().expect("a batch has an axis for it");
        let (size, parallelism) = (self.size(&sample, batch), pass.parallelism);
        let (x, dy) = (pass.x.as_slice(), pass.dy.as_slice());
        // dx first: the sink may change the weight.
        if let Some(mut dx) = pass.dx {
            let product =
                ConvolutionInputGradient { size, dy, weight: self.parts.weight.buffer(), parallelism };
            product.run(dx.as_mut_slice(), pass.scratch);
        }
        self.parts.take_bias(dy, sink)?;
        if !self.parts.weight.is_frozen() {
            // A position has far more multiply-adds than the weight has elements: the gradient comes whole.
            let product = ConvolutionWeightGradient { size, x, dy, parallelism };
            sink.take(&mut self.parts.weight, &Whole(product.run(pass.scratch)))?;
        }
        Ok(())
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.parts.visit(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.parts.visit_mut(visit);
    }

    fn applies_activation(&self) -> bool {
        true
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        self.size(input, 1).multiply_adds()
    }

    fn settings(&self) -> Settings {
        self.parts.settings(self.channels.settings().with("window", self.window))
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let geometry = self.window.over(&image_of(&x.shape()))?;
        let x = self.parts.weight.bf16().map_or(x, |_| graph.rounded_to_bf16(x));
        let kernels = kernels(graph, &self.parts.weight, self.parts.bias.as_ref());
        Ok(conv(graph, x, &geometry, [self.channels.groups, self.channels.outputs], &kernels))
    }
}

impl<T> fmt::Debug for Conv2d<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Conv2d");
        text.field("channels", &self.channels).field("window", &self.window);
        text.field("weight", &self.parts.weight).field("bias", &self.parts.bias).finish_non_exhaustive()
    }
}

impl<T: Scalar> Stored<T> for Conv2d<T> {
    const KINDS: &'static [&'static str] = &["conv2d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let (channels, has_bias) = (Channels::of_entry(entry)?, entry.flag("bias")?);
        let window = entry.window("window")?;
        let [height, width] = window.kernel.into();
        let group_inputs = channels.inputs.checked_div(channels.groups).unwrap_or(0);
        entry.expect_sums([height, width, group_inputs, channels.outputs].into(), has_bias)?;
        Self::zeros(channels, window, has_bias)?.restored(entry)
    }
}
