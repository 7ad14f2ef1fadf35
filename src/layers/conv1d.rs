//! The convolution of sequences.

use rand::Rng;

use super::on_sequences::{OfImages, OnSequences};
use super::stored::{Entry, Restored, Stored};
use super::weight_and_bias::check_bias;
use super::{Channels, Conv2d, Param, Settings, Window};
use crate::init::{Init, Initializer};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Tensor};

/// Convolution of sequences: a window slides over a sequence; at each place, every output channel is a weighted sum of all that it sees:
///
/// ```text
/// y[t, o] = Σ x[t·s + i·d − p, k] · W[i, k, o] + b[o]     over i (the window) and k (channels)
/// ```
///
/// with stride s, dilation d and p zeros before the sequence. It is [`Conv2d`] on images of one row. A window is one of one
/// number: `Window::new(3).with_stride(2)`.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, length, inputs]` (PyTorch's sequences are inputs, length: [`ChannelsLast`](super::ChannelsLast)) |
/// | y | `[batch, places, outputs]`: places = ⌊(length + padding − d·(window − 1) − 1)/s⌋ + 1, of the padding on both sides |
/// | `weight` | `[window, inputs / groups, outputs]`, as Keras's (PyTorch's is outputs, inputs, window) |
/// | `bias` | `[outputs]` |
///
/// Keras's `"causal"` padding is `Padding::Each` with d·(window − 1) before and nothing after.
///
/// Source: Waibel et al., 1989; the settings are those of PyTorch's `Conv1d`.
///
/// ```
/// use taper::layers::Conv1d;
/// use taper::{Sequential, Tensor};
///
/// // The difference to the number before.
/// let weight = Tensor::from_vec([2, 1, 1], vec![-1.0, 1.0])?;
/// let conv = Conv1d::from_parts(2, 1, &weight, None)?;
/// let model = Sequential::builder([4, 1]).layer(conv).build(&mut taper::seeded(0))?;
/// let sequence = Tensor::from_vec([1, 4, 1], vec![1.0, 4.0, 9.0, 16.0])?;
/// assert_eq!(model.predict(&sequence)?.as_slice(), [3.0, 5.0, 7.0]);
///
/// let model = Sequential::<f32>::builder([100, 6])
///     .conv1d(16, 5).relu().max_pool1d(2)
///     .build(&mut taper::seeded(0))?;
/// assert_eq!(model.output().axes(), [48, 16]);
/// # Ok::<(), taper::Error>(())
/// ```
pub type Conv1d<T> = OnSequences<Conv2d<T>>;

impl<T: Scalar> Conv1d<T> {
    /// A layer with a bias, initialised as PyTorch's `nn.Conv1d` is: [`Init::Linear`]. The window moves by 1 unless it has a
    /// stride.
    ///
    /// # Errors
    /// As [`Conv2d::new`]; and [`Error::Setting`] where the window has two different numbers.
    pub fn new(channels: Channels, window: impl Into<Window>, rng: &mut impl Rng) -> Result<Self> {
        Self::with_init(channels, window, &Init::Linear, Some(&Init::Linear), rng)
    }

    /// A layer with initialisers of one's own: for the weight `[window, inputs / groups, outputs]`, and for the bias, if there is
    /// to be one.
    ///
    /// # Errors
    /// As [`Conv1d::new`], and those of the initialisers.
    pub fn with_init(
        channels: Channels,
        window: impl Into<Window>,
        weight: &dyn Initializer<T>,
        bias: Option<&dyn Initializer<T>>,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        let Self { of_images } = Self::zeros(channels, window.into(), bias.is_some())?;
        Ok(Self { of_images: of_images.initialized(weight, bias, rng)? })
    }

    /// A layer of given parameters: a weight `[window, inputs / groups, outputs]`, and, if there is one, a bias `[outputs]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the shapes do not fit together, and as [`Conv1d::new`].
    pub fn from_parts(
        window: impl Into<Window>,
        groups: usize,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
    ) -> Result<Self> {
        let window = window.into();
        let channels = match *weight.shape().axes() {
            [length, inputs, outputs] if length == window.kernel.width => {
                Channels::new(inputs.saturating_mul(groups), outputs).with_groups(groups)
            }
            _ => {
                let expected = format!("[{}, inputs, outputs]", window.kernel.width);
                return Err(Error::shape("weight", expected, weight.shape()));
            }
        };
        check_bias(bias, channels.outputs)?;
        let mut conv = Self::zeros(channels, window, bias.is_some())?;
        conv.weight_mut().set(weight)?;
        if let (Some(param), Some(bias)) = (conv.bias_mut(), bias) {
            param.set(bias)?;
        }
        Ok(conv)
    }

    /// A layer whose outputs are scale·y + shift, with numbers for each output channel.
    pub(crate) fn scaled(&self, scales: &[f64], shifts: &[f64]) -> Result<Self> {
        Ok(Self { of_images: self.of_images.scaled(scales, shifts)? })
    }

    /// Makes the outputs scale·y + shift.
    #[cfg(feature = "onnx")]
    pub(crate) fn scale_outputs(&mut self, scales: &[f64], shifts: &[f64]) -> Result<()> {
        self.of_images.scale_outputs(scales, shifts)
    }

    /// As [`Conv2d::in_bf16`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn in_bf16(&self) -> Result<Self> {
        Ok(Self { of_images: self.of_images.in_bf16()? })
    }

    /// As [`Conv2d::has_matrices`].
    pub(crate) fn has_matrices(&self) -> bool {
        self.of_images.has_matrices()
    }

    /// As [`Conv2d::with_outputs`].
    pub(crate) fn with_outputs(&self, kept: &[usize]) -> Self {
        Self { of_images: self.of_images.with_outputs(kept) }
    }

    /// As [`Conv2d::with_sums`], of a weight `[window, inputs, outputs]`.
    pub(crate) fn with_sums(&self, weight: &Tensor<T>, bias: &Tensor<T>) -> Self {
        Self { of_images: self.of_images.with_sums(weight, bias) }
    }

    pub(crate) fn zeros(channels: Channels, window: Window, has_bias: bool) -> Result<Self> {
        let window = window.on_sequences()?;
        let weight = |[_, length, inputs, outputs]: [usize; 4]| [length, inputs, outputs].into();
        Ok(Self { of_images: Conv2d::zeros_of(channels, window, has_bias, weight)? })
    }

    /// The channels, with their groups.
    #[must_use]
    pub fn channels(&self) -> Channels {
        self.of_images.channels()
    }

    /// The window, with its stride.
    #[must_use]
    pub fn window(&self) -> Window {
        self.of_images.window().of_sequences()
    }

    /// The weight, `[window, inputs / groups, outputs]`.
    #[must_use]
    pub fn weight(&self) -> &Param<T> {
        self.of_images.weight()
    }

    /// The weight, to be set or frozen.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        self.of_images.weight_mut()
    }

    /// The bias, `[outputs]`.
    #[must_use]
    pub fn bias(&self) -> Option<&Param<T>> {
        self.of_images.bias()
    }

    /// The bias, to be set or frozen.
    pub fn bias_mut(&mut self) -> Option<&mut Param<T>> {
        self.of_images.bias_mut()
    }
}

impl<T: Scalar> OfImages<T> for Conv2d<T> {
    const KIND: &'static str = "conv1d";

    fn describe_on_sequences(&self) -> String {
        let (channels, window) = (self.channels(), self.window().describe_on_sequences());
        format!("conv1d {}, {window}{}", channels.arrow(), channels.in_groups())
    }

    fn settings_on_sequences(&self) -> Settings {
        self.parts().settings(self.channels().settings().with("window", self.window().of_sequences()))
    }

    fn row(&self) -> Option<Window> {
        Some(self.window())
    }
}

impl<T: Scalar> Stored<T> for Conv1d<T> {
    const KINDS: &'static [&'static str] = &["conv1d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let (channels, has_bias) = (Channels::of_entry(entry)?, entry.flag("bias")?);
        let window = entry.window("window")?;
        let group_inputs = channels.inputs.checked_div(channels.groups).unwrap_or(0);
        entry.expect_sums([window.kernel.width, group_inputs, channels.outputs].into(), has_bias)?;
        Ok(Self { of_images: Self::zeros(channels, window, has_bias)?.of_images.restored(entry)? })
    }
}
