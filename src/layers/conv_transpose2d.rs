//! The transposed convolution of images.

use rand::Rng;

use super::conv_size::MOST_MULTIPLY_ADDS;
use super::onnx::{conv_transpose, image_of};
use super::output_size::OutputSize;
use super::samples::by_samples;
use super::stored::{Entry, Restored, Stored};
use super::weight_and_bias::{WeightAndBias, check_bias};
use super::{
    Backward, Channels, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Param, Settings,
    Sides, Whole, Window,
};
use crate::getters::getters;
use crate::init::{Init, Initializer};
use crate::kernels::{
    ConvolutionForward, ConvolutionSize, ConvolutionTransposed, ConvolutionWeightGradient, Finish, Geometry,
};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Transposed convolution of images: each number of the input is added to all that a window sees, by the weights of the window.
///
/// ```text
/// y[r·s + i·d − p, c·s + j·d − p, o] += x[r, c, k] · W[i, j, o, k]     for all r, c (the input), i, j (the window) and k (channels)
/// y[…, o] += b[o]
/// ```
///
/// with stride s, dilation d and p rows and columns cut off before the output. It is the gradient of a
/// [`Conv2d`](super::Conv2d) with respect to its input: of one with this window that makes images like x of images like y. So a
/// stride makes images larger, and padding makes them smaller.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, height, width, inputs]` |
/// | y | `[batch, rows, columns, outputs]` |
/// | `weight` | `[window height, window width, outputs / groups, inputs]`, as Keras's (PyTorch's is inputs, outputs, height, width) |
/// | `bias` | `[outputs]` |
///
/// | padding | rows |
/// |---|---|
/// | `Valid`, `Border`, `Each` | (height − 1)·s − padding + d·(window − 1) + 1 + output padding, of the padding on both sides |
/// | `Same`, `SameLower` | height·s, as Keras's `"same"` and ONNX's `auto_pad` |
///
/// Keras's `"valid"` is PyTorch's padding of 0 where the window is at least as large as the stride; where it is smaller, Keras has
/// stride − window more rows, which [output padding](ConvTranspose2d::with_output_padding) adds.
///
/// Source: Zeiler et al., 2010; the settings are those of PyTorch's `ConvTranspose2d`.
///
/// ```
/// use taper::layers::{ConvTranspose2d, Window};
/// use taper::{Sequential, Tensor};
///
/// // Each number becomes a pair, side by side.
/// let weight = Tensor::from_vec([1, 2, 1, 1], vec![1.0, 0.5])?;
/// let conv = ConvTranspose2d::from_parts(Window::new([1, 2]).with_stride([1, 2]), 1, &weight, None)?;
/// let model = Sequential::builder([1, 2, 1]).layer(conv).build(&mut taper::seeded(0))?;
/// let image = Tensor::from_vec([1, 1, 2, 1], vec![4.0, 6.0])?;
/// assert_eq!(model.predict(&image)?.as_slice(), [4.0, 2.0, 6.0, 3.0]);
///
/// // From 7×7 to 14×14, as a generator of images does.
/// let model = Sequential::<f32>::builder([7, 7, 64])
///     .conv_transpose2d(32, Window::new(4).with_stride(2).with_padding(1)).relu()
///     .build(&mut taper::seeded(0))?;
/// assert_eq!(model.output().axes(), [14, 14, 32]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ConvTranspose2d<T> {
    channels: Channels,
    window: Window,
    output_size: OutputSize,
    /// What the weight has to be.
    weight_shape: Shape,
    parts: WeightAndBias<T>,
}

impl<T: Scalar> ConvTranspose2d<T> {
    /// A layer with a bias, initialised as PyTorch's `nn.ConvTranspose2d` is: [`Init::Linear`], with the number of outputs of a
    /// group times the size of the window for n. The window moves by 1 unless it has a stride.
    ///
    /// # Errors
    /// [`Error::Setting`] where a number of channels, a side, a stride or a dilation is 0, the groups do not divide the
    /// channels, or the window is one of ceil mode; [`Error::TooLarge`] where the weight does not fit into memory.
    pub fn new(channels: Channels, window: impl Into<Window>, rng: &mut impl Rng) -> Result<Self> {
        Self::with_init(channels, window, &Init::Linear, Some(&Init::Linear), rng)
    }

    /// A layer with initialisers of one's own: for the weight `[height, width, outputs / groups, inputs]`, and for the bias, if
    /// there is to be one.
    ///
    /// # Errors
    /// As [`ConvTranspose2d::new`], and those of the initialisers.
    pub fn with_init(
        channels: Channels,
        window: impl Into<Window>,
        weight: &dyn Initializer<T>,
        bias: Option<&dyn Initializer<T>>,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        Self::zeros(channels, window, bias.is_some())?.initialized(weight, bias, rng)
    }

    /// A layer of given parameters: a weight `[height, width, outputs / groups, inputs]`, height and width those of the window,
    /// and, if there is one, a bias `[outputs]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the shapes do not fit together, and as [`ConvTranspose2d::new`].
    pub fn from_parts(
        window: impl Into<Window>,
        groups: usize,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
    ) -> Result<Self> {
        let window = window.into();
        let [height, width] = window.kernel.into();
        let channels = match *weight.shape().axes() {
            [rows, columns, outputs, inputs] if [rows, columns] == [height, width] => {
                Channels::new(inputs, outputs.saturating_mul(groups)).with_groups(groups)
            }
            _ => {
                let expected = format!("[{height}, {width}, outputs, inputs]");
                return Err(Error::shape("weight", expected, weight.shape()));
            }
        };
        check_bias(bias, channels.outputs)?;
        let mut conv = Self::zeros(channels, window, bias.is_some())?;
        conv.parts.weight.set(weight)?;
        conv.parts.set_bias(bias)?;
        Ok(conv)
    }

    /// Adds so many rows below and columns on the right of the output: of the sizes that a convolution with this stride makes one
    /// of, it says which. PyTorch's `output_padding`, less than the stride or the dilation.
    ///
    /// # Errors
    /// [`Error::Setting`] where it is as much as both, or where the padding says the size.
    pub fn with_output_padding(self, output_padding: impl Into<Sides>) -> Result<Self> {
        self.with_size(OutputSize::Padding(output_padding.into()))
    }

    /// Says how many rows and columns the output has, in the place of an output padding: PyTorch's `output_size`. They are at least those
    /// without output padding, and less than a stride more; whether they are is known when the shape of the input is.
    ///
    /// # Errors
    /// [`Error::Setting`] where the padding says the size.
    pub fn with_output_size(self, output_size: impl Into<Sides>) -> Result<Self> {
        self.with_size(OutputSize::Sides(output_size.into()))
    }

    pub(crate) fn with_size(mut self, output_size: OutputSize) -> Result<Self> {
        self.output_size = output_size.checked(&self.window)?;
        Ok(self)
    }

    /// The layer whose outputs are scale·y + shift, with numbers for each output channel.
    pub(crate) fn scaled(&self, scales: &[f64], shifts: &[f64]) -> Result<Self> {
        let mut scaled = self.clone();
        let Channels { inputs, outputs, groups } = self.channels;
        // The weight has the outputs of a group, and then the inputs of all.
        scaled.parts.weight.scale_each(|place| {
            let (output, input) = (place / inputs % (outputs / groups), place % inputs);
            scales[input / (inputs / groups) * (outputs / groups) + output]
        });
        scaled.parts.scale_bias(scales, shifts)?;
        Ok(scaled)
    }

    /// A layer of zeros, to be filled: made of sizes alone.
    ///
    /// # Errors
    /// As [`ConvTranspose2d::new`].
    pub(crate) fn zeros(channels: Channels, window: impl Into<Window>, has_bias: bool) -> Result<Self> {
        Self::zeros_of(channels, window, has_bias, Into::into)
    }

    /// As [`ConvTranspose2d::zeros`], with a weight of other axes.
    pub(super) fn zeros_of(
        channels: Channels,
        window: impl Into<Window>,
        has_bias: bool,
        weight: impl FnOnce([usize; 4]) -> Shape,
    ) -> Result<Self> {
        channels.check()?;
        let window = window.into().of_convolution()?;
        let [height, width] = window.kernel.into();
        let weight_shape = weight([height, width, channels.outputs / channels.groups, channels.inputs]);
        let weight = Param::zero_kernels("weight", weight_shape, channels.groups)?;
        let parts = WeightAndBias::new(weight, channels.outputs, has_bias)?;
        Ok(Self { channels, window, output_size: OutputSize::default(), weight_shape, parts })
    }

    /// The same with other parameters.
    pub(super) fn initialized(
        mut self,
        weight: &dyn Initializer<T>,
        bias: Option<&dyn Initializer<T>>,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        let patch = self.patch();
        self.parts.initialize(weight, bias, patch, rng)?;
        Ok(self)
    }

    /// The weight, `[height, width, outputs / groups, inputs]`.
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

    getters! {
        /// The channels, with their groups.
        channels: Channels;
        /// The window, with its stride.
        window: Window;
        /// What is added to the output below and on the right.
        output_padding: Sides = |this| this.output_size.padding();
        /// How many rows and columns the output has, where that is told.
        output_size: Option<Sides> = |this| this.output_size.sides();
    }

    /// The same as text.
    pub(super) fn size_text(&self, number: impl Fn(Sides) -> String) -> String {
        self.output_size.described(number)
    }

    /// How many outputs a number of a group's inputs is added to.
    fn patch(&self) -> usize {
        let taps = self.window.kernel.height.saturating_mul(self.window.kernel.width);
        taps.saturating_mul(self.channels.outputs / self.channels.groups)
    }

    /// How the window slides over the outputs: at each place there is an input.
    fn geometry(&self, input: &Shape) -> Result<Geometry> {
        self.output_size.geometry(&self.window, input, self.channels.outputs)
    }

    /// The convolution that this is the way back through.
    fn size(&self, input: &Shape, batch: usize) -> ConvolutionSize {
        let geometry = self.geometry(input).expect("the shape was checked when the model was built");
        ConvolutionSize { batch, geometry, outputs: self.channels.inputs, groups: self.channels.groups }
    }
}

impl<T: Scalar> Layer<T> for ConvTranspose2d<T> {
    fn kind(&self) -> &'static str {
        "conv_transpose2d"
    }

    fn describe(&self) -> String {
        let (arrow, groups, size) =
            (self.channels.arrow(), self.channels.in_groups(), self.output_size.describe());
        format!("conv_transpose2d {arrow}, {}{size}{groups}", self.window)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.parts.check(self.weight_shape, self.channels.outputs)?;
        let geometry = self.geometry(input)?;
        let &[.., inputs] = input.axes() else { unreachable!("it is an image") };
        if inputs != self.channels.inputs {
            return Err(self.channels.other(input));
        }
        let Geometry { rows, columns, channels } = geometry;
        let output = Shape::from([rows.inputs, columns.inputs, channels]);
        // A stride makes an output of any size.
        if input.elements().saturating_mul(self.patch() as u64).max(output.elements()) > MOST_MULTIPLY_ADDS {
            let limit = "at most 2^48 multiply-adds and outputs for a sample";
            return Err(Error::TooLarge { shape: output.to_string(), limit });
        }
        Ok(output)
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let size = self.size(input, batch);
        let forward = ConvolutionTransposed::<T>::scratch(size);
        let backward =
            ConvolutionForward::<T>::scratch(size, None).max(ConvolutionWeightGradient::<T>::scratch(size));
        Memory { cache: 0, scratch: if mode == Mode::Train { forward.max(backward) } else { forward } }
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let (batch, sample) = x.shape().split_batch().expect("a batch has an axis for it");
        let (size, parallelism) = (self.size(&sample, batch), context.parallelism);
        let weight = self.parts.weight.buffer();
        let product = ConvolutionTransposed { size, x: x.as_slice(), weight, parallelism };
        let y = y.as_mut_slice();
        product.run(y, context.scratch);
        let (bias, activation, outputs) =
            (self.parts.bias.as_ref(), context.activation, self.channels.outputs);
        if bias.is_none() && activation.is_none() {
            return Ok(());
        }
        let row = size.geometry.columns.inputs * outputs;
        by_samples(parallelism, y.len(), y, size.geometry.image_len(), |_, y| {
            for y in y.chunks_exact_mut(row) {
                if let Some(bias) = bias.map(Param::buffer) {
                    let pixels = y.chunks_exact_mut(outputs);
                    pixels.for_each(|y| y.iter_mut().zip(bias).for_each(|(y, &bias)| *y += bias));
                }
                if let Some(activation) = activation {
                    activation.apply(y);
                }
            }
        });
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (batch, sample) = pass.x.shape().split_batch().expect("a batch has an axis for it");
        let (size, parallelism) = (self.size(&sample, batch), pass.parallelism);
        let (x, dy) = (pass.x.as_slice(), pass.dy.as_slice());
        // dx first: the sink may change the weight.
        if let Some(mut dx) = pass.dx {
            let weight = self.parts.weight.buffer();
            let finish = Finish::Nothing;
            let product =
                ConvolutionForward { size, x: dy, weight, bias: None, finish, pool: None, parallelism };
            product.run(dx.as_mut_slice(), pass.scratch);
        }
        self.parts.take_bias(dy, sink)?;
        if !self.parts.weight.is_frozen() {
            let product = ConvolutionWeightGradient { size, x: dy, dy: x, parallelism };
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
        let settings = self.channels.settings().with("window", self.window);
        self.output_size.into_settings(settings).with("bias", self.bias().is_some())
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let geometry = self.geometry(&image_of(&x.shape()))?;
        let WeightAndBias { weight, bias } = &self.parts;
        conv_transpose(graph, x, &geometry, self.channels.groups, weight, bias.as_ref())
    }
}

impl<T: Scalar> Stored<T> for ConvTranspose2d<T> {
    const KINDS: &'static [&'static str] = &["conv_transpose2d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let (channels, has_bias) = (Channels::of_entry(entry)?, entry.flag("bias")?);
        let (window, size) = (entry.window("window")?, OutputSize::of_entry(entry)?);
        let [height, width] = window.kernel.into();
        let group_outputs = channels.outputs.checked_div(channels.groups).unwrap_or(0);
        entry.expect_sums([height, width, group_outputs, channels.inputs].into(), false)?;
        if has_bias {
            entry.expect("bias", [channels.outputs].into())?;
        }
        Ok(Self::zeros(channels, window, has_bias)?.with_size(size)?)
    }
}
