//! The convolution with 8-bit weights, of images and of sequences.

use super::conv_size::{output_shape, size};
use super::on_sequences::{OfImages, OnSequences};
use super::onnx::{conv, image_of, turned};
#[cfg(feature = "onnx")]
use super::quantized_weight::EightBits;
use super::quantized_weight::QuantizedWeight;
use super::stored::{Entry, Restored, Stored};
use super::weight_and_bias::with_finish;
use super::{
    Backward, Channels, Conv1d, Conv2d, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue,
    Param, Settings, Window,
};
use crate::getters::getters;
use crate::kernels::{ByteConvolutionForward, weight_matrices};
use crate::prelude::*;
use crate::{Error, Result, Shape, Tensor, TensorView, TensorViewMut};

/// [`Conv2d`] with weights of eight bits, for inference: its sums are those of [`QuantizedDense`](super::QuantizedDense), of what the
/// window sees.
///
/// Scale and zero point are those of each image by itself, or of a range that is known before
/// ([`QuantizedConv2d::with_input_range`]). What lies around an image is 0, exactly. An image with a NaN or an infinity has outputs
/// that are NaN. It is an error to train such a layer. A convolution of each channel by itself (as many groups as inputs and outputs)
/// has none with 8-bit weights: its sums are too short to gain by it.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, height, width, inputs]`; a window sees at most 65,793 numbers of a group |
/// | y | `[batch, rows, columns, outputs]`, as of [`Conv2d`] |
/// | `weight` | `[window height, window width, inputs / groups, outputs]`, whole numbers |
/// | `weight_scale` | `[outputs, 1]` |
/// | `bias` | `[outputs]` |
///
/// ```
/// use taper::layers::{Conv2d, QuantizedConv2d, Window};
/// use taper::{Sequential, Tensor};
///
/// // The difference to the pixel on the left.
/// let weight = Tensor::from_vec([1, 2, 1, 1], vec![-1.0, 1.0])?;
/// let conv = Conv2d::from_parts(Window::new([1, 2]), 1, &weight, None)?;
/// let model = Sequential::builder([1, 4, 1])
///     .layer(QuantizedConv2d::from_float(&conv)?)
///     .build(&mut taper::seeded(0))?;
/// let image = Tensor::from_vec([1, 1, 4, 1], vec![1.0, 4.0, 9.0, 16.0])?;
/// let expected = [3.0, 5.0, 7.0];
/// let y = model.predict(&image)?;
/// assert!(y.as_slice().iter().zip(expected).all(|(y, expected)| (y - expected).abs() < 0.1));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct QuantizedConv2d {
    channels: Channels,
    window: Window,
    weight_shape: Shape,
    parts: QuantizedWeight,
}

/// [`Conv1d`] with weights of eight bits, for inference: [`QuantizedConv2d`] on images of one row, which
/// [`of_images`](QuantizedConv1d::of_images) is.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, length, inputs]`; a window sees at most 65,793 numbers of a group |
/// | y | `[batch, places, outputs]`, as of [`Conv1d`] |
/// | `weight` | `[window, inputs / groups, outputs]`, whole numbers |
/// | `weight_scale` | `[outputs, 1]` |
/// | `bias` | `[outputs]` |
///
/// ```
/// use taper::layers::{Conv1d, QuantizedConv1d};
/// use taper::{Sequential, Tensor};
///
/// // The difference to the number before.
/// let conv = Conv1d::from_parts(2, 1, &Tensor::from_vec([2, 1, 1], vec![-1.0, 1.0])?, None)?;
/// let model = Sequential::builder([4, 1]).layer(QuantizedConv1d::from_float(&conv)?).build(&mut taper::seeded(0))?;
/// let y = model.predict(&Tensor::from_vec([1, 4, 1], vec![1.0, 4.0, 9.0, 16.0])?)?;
/// assert!(y.as_slice().iter().zip([3.0, 5.0, 7.0]).all(|(y, expected)| (y - expected).abs() < 0.1));
/// # Ok::<(), taper::Error>(())
/// ```
pub type QuantizedConv1d = OnSequences<QuantizedConv2d>;

impl QuantizedConv2d {
    /// The layer for a layer of `f32`, with scales as of [`QuantizedDense::from_float`](super::QuantizedDense::from_float).
    ///
    /// # Errors
    /// [`Error::Setting`] where each channel goes by itself, and where a window sees more than 65,793 numbers;
    /// [`Error::NotFinite`] where a weight is NaN or infinite.
    pub fn from_float(conv: &Conv2d<f32>) -> Result<Self> {
        let (channels, window, weight_shape) = (conv.channels(), conv.window(), conv.weight_shape());
        check_groups(channels)?;
        let parts = QuantizedWeight::from_float(conv.parts(), channels.groups)?;
        Ok(Self { channels, window, weight_shape, parts })
    }

    /// The layer of a weight `[height, width, inputs / groups, outputs]` that somebody else made.
    ///
    /// # Errors
    /// As [`QuantizedConv2d::from_float`], and [`QuantizedWeight::of_eight_bits`].
    #[cfg(feature = "onnx")]
    pub(crate) fn of_eight_bits(
        parts: &EightBits<'_>,
        window: Window,
        groups: usize,
        weight: Shape,
    ) -> Result<Self> {
        let &[.., inputs, outputs] = weight.axes() else {
            return Err(Error::shape("weight", "[height, width, inputs, outputs]", weight));
        };
        let channels = Channels::new(inputs.saturating_mul(groups), outputs).with_groups(groups);
        channels.check()?;
        check_groups(channels)?;
        let window = window.of_convolution()?;
        let parts = QuantizedWeight::of_eight_bits(parts, weight, groups)?;
        Ok(Self { channels, window, weight_shape: weight, parts })
    }

    /// For inputs from `least` to `largest`, and 0 if it lies outside of them. What lies outside of the range becomes its end.
    ///
    /// # Errors
    /// [`Error::Setting`] unless both are finite and the first is not above the second.
    pub fn with_input_range(mut self, least: f32, largest: f32) -> Result<Self> {
        self.parts = self.parts.with_input_range(least, largest)?;
        Ok(self)
    }

    /// The weight: whole numbers.
    #[must_use]
    pub fn weight(&self) -> &Param<f32> {
        &self.parts.weight
    }

    /// The scale of each output, `[outputs, 1]`.
    #[must_use]
    pub fn weight_scale(&self) -> &Param<f32> {
        &self.parts.scale
    }

    /// The bias, `[outputs]`.
    #[must_use]
    pub fn bias(&self) -> Option<&Param<f32>> {
        self.parts.bias.as_ref()
    }

    /// The weight in `f32`: whole numbers times scales.
    #[must_use]
    pub fn dequantized_weight(&self) -> Tensor<f32> {
        self.parts.dequantized()
    }

    getters! {
        /// The channels, with their groups.
        channels: Channels;
        /// The window, with its stride.
        window: Window;
        /// The smallest and the largest input that a byte stands for, where a range was set: its ends, to a step.
        input_range: Option<[f32; 2]> = |this| this.parts.input_range();
    }

    fn restored(entry: &mut dyn Entry, weight: impl FnOnce([usize; 4]) -> Shape) -> Restored<Self> {
        let channels = Channels::of_entry(entry)?;
        channels.check()?;
        check_groups(channels)?;
        let window = entry.window("window")?;
        let is_sequence = entry.kind() == <Self as OfImages<f32>>::KIND;
        let window = (if is_sequence { window.on_sequences()? } else { window }).of_convolution()?;
        let [height, width] = window.kernel.into();
        let weight_shape = weight([height, width, channels.inputs / channels.groups, channels.outputs]);
        let parts = QuantizedWeight::restore(entry, weight_shape, channels.groups)?;
        Ok(Self { channels, window, weight_shape, parts })
    }
}

/// Whether there is a product of matrices.
fn check_groups(Channels { inputs, outputs, groups }: Channels) -> Result<()> {
    if groups > 1 && weight_matrices(groups, inputs / groups, outputs) == 1 {
        let expected = "groups of more than one channel for weights of eight bits";
        return Err(Error::setting(
            "groups",
            expected,
            format!("{groups} for {inputs} -> {outputs} channels"),
        ));
    }
    Ok(())
}

impl Layer<f32> for QuantizedConv2d {
    fn kind(&self) -> &'static str {
        "quantized_conv2d"
    }

    fn describe(&self) -> String {
        format!("quantized_conv2d {}, {}{}", self.channels.arrow(), self.window, self.channels.in_groups())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.parts.check(self.weight_shape, self.channels.outputs)?;
        let patch = self.weight_shape.len() / self.channels.outputs;
        output_shape(input, self.channels, self.window, patch)
    }

    fn memory(&self, input: &Shape, batch: usize, _: Mode) -> Memory {
        let size = size(input, batch, self.channels, self.window);
        Memory { cache: 0, scratch: ByteConvolutionForward::scratch(size) }
    }

    fn check_mode(&self, mode: Mode) -> Result<()> {
        QuantizedWeight::check_mode(mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, f32>,
        mut y: TensorViewMut<'_, f32>,
        context: &mut Forward<'_, f32>,
    ) -> Result<()> {
        self.parts.check_pass(context.mode)?;
        let (batch, sample) = x.shape().split_batch().expect("a batch has an axis for it");
        with_finish(context.activation, |finish| {
            let product = ByteConvolutionForward {
                size: size(&sample, batch, self.channels, self.window),
                x: x.as_slice(),
                weight: self.parts.byte_weight(),
                bias: self.parts.bias.as_ref().map(Param::buffer),
                finish,
                input: self.parts.byte_input(),
                parallelism: context.parallelism,
            };
            product.run(y.as_mut_slice(), context.scratch);
        });
        Ok(())
    }

    fn backward(&mut self, _: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
        self.parts.check_pass(Mode::Train)
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f32>)) {
        self.parts.visit(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f32>)) {
        self.parts.visit_mut(visit);
    }

    fn applies_activation(&self) -> bool {
        true
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        size(input, 1, self.channels, self.window).multiply_adds()
    }

    fn settings(&self) -> Settings {
        self.parts.settings(self.channels.settings().with("window", self.window))
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, f32>) -> Result<OnnxValue> {
        let geometry = self.window.over(&image_of(&x.shape()))?;
        let axes = (0..x.shape().rank()).map(|axis| x.axis(axis)).collect();
        let x = graph.rounded_to_bytes(x, self.parts.byte_input(), axes);
        let params = [&self.parts.weight, &self.parts.scale];
        let weight = graph.dequantized(params, turned(&self.weight_shape), 0);
        let bias = self.parts.bias.as_ref().map(|bias| graph.param(bias));
        let kernels: Vec<_> = [weight].into_iter().chain(bias).collect();
        let Channels { outputs, groups, .. } = self.channels;
        Ok(conv(graph, x, &geometry, [groups, outputs], &kernels))
    }
}

impl Stored<f32> for QuantizedConv2d {
    const KINDS: &'static [&'static str] = &["quantized_conv2d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        Self::restored(entry, Into::into)
    }
}

impl QuantizedConv1d {
    /// The layer for a layer of `f32`.
    ///
    /// # Errors
    /// As [`QuantizedConv2d::from_float`].
    pub fn from_float(conv: &Conv1d<f32>) -> Result<Self> {
        Ok(Self { of_images: QuantizedConv2d::from_float(&conv.of_images)? })
    }

    /// The layer of a weight `[window, inputs / groups, outputs]` that somebody else made.
    ///
    /// # Errors
    /// As [`QuantizedConv2d::of_eight_bits`].
    #[cfg(feature = "onnx")]
    pub(crate) fn of_eight_bits(
        parts: &EightBits<'_>,
        window: Window,
        groups: usize,
        weight: Shape,
    ) -> Result<Self> {
        let of_images = QuantizedConv2d::of_eight_bits(parts, window.on_sequences()?, groups, weight)?;
        Ok(Self { of_images })
    }

    /// As [`QuantizedConv2d::with_input_range`].
    ///
    /// # Errors
    /// As there.
    pub fn with_input_range(self, least: f32, largest: f32) -> Result<Self> {
        Ok(Self { of_images: self.of_images.with_input_range(least, largest)? })
    }

    /// The layer on images of one row, which has the parameters: its weight is `[window, inputs / groups, outputs]`.
    #[must_use]
    pub fn of_images(&self) -> &QuantizedConv2d {
        &self.of_images
    }
}

impl OfImages<f32> for QuantizedConv2d {
    const KIND: &'static str = "quantized_conv1d";

    fn describe_on_sequences(&self) -> String {
        let (channels, window) = (self.channels, self.window.describe_on_sequences());
        format!("quantized_conv1d {}, {window}{}", channels.arrow(), channels.in_groups())
    }

    fn settings_on_sequences(&self) -> Settings {
        self.parts.settings(self.channels.settings().with("window", self.window.of_sequences()))
    }

    fn row(&self) -> Option<Window> {
        Some(self.window)
    }
}

impl Stored<f32> for QuantizedConv1d {
    const KINDS: &'static [&'static str] = &["quantized_conv1d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let weight = |[_, length, inputs, outputs]: [usize; 4]| [length, inputs, outputs].into();
        Ok(Self { of_images: QuantizedConv2d::restored(entry, weight)? })
    }
}
