//! The transposed convolution of sequences.

use rand::Rng;

use super::on_sequences::{OfImages, OnSequences};
use super::stored::{Entry, Restored, Stored};
use super::weight_and_bias::check_bias;
use super::{Channels, ConvTranspose2d, Param, Settings, Sides, Window};
use crate::init::{Init, Initializer};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Tensor};

/// Transposed convolution of sequences: each number of the input is added to all that a window sees, by the weights of the window.
///
/// ```text
/// y[t·s + i·d − p, o] += x[t, k] · W[i, o, k]     for all t (the input), i (the window) and k (channels);  y[…, o] += b[o]
/// ```
///
/// with stride s, dilation d and p numbers cut off before the output. It is [`ConvTranspose2d`] on images of one row. A window is
/// one of one number: `Window::new(4).with_stride(2)`.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, length, inputs]` |
/// | y | `[batch, places, outputs]`: places = (length − 1)·s − padding + d·(window − 1) + 1 + output padding; `Same`: length·s |
/// | `weight` | `[window, outputs / groups, inputs]`, as Keras's (PyTorch's is inputs, outputs, window) |
/// | `bias` | `[outputs]` |
///
/// Source: Zeiler et al., 2010; the settings are those of PyTorch's `ConvTranspose1d`.
///
/// ```
/// use taper::Sequential;
/// use taper::layers::Window;
///
/// let model = Sequential::<f32>::builder([25, 16])
///     .conv_transpose1d(8, Window::new(4).with_stride(2).with_padding(1))
///     .build(&mut taper::seeded(0))?;
/// assert_eq!(model.output().axes(), [50, 8]);
/// # Ok::<(), taper::Error>(())
/// ```
pub type ConvTranspose1d<T> = OnSequences<ConvTranspose2d<T>>;

impl<T: Scalar> ConvTranspose1d<T> {
    /// A layer with a bias, initialised as PyTorch's `nn.ConvTranspose1d` is. The window moves by 1 unless it has a stride.
    ///
    /// # Errors
    /// As [`ConvTranspose2d::new`]; and [`Error::Setting`] where the window has two different numbers.
    pub fn new(channels: Channels, window: impl Into<Window>, rng: &mut impl Rng) -> Result<Self> {
        Self::with_init(channels, window, &Init::Linear, Some(&Init::Linear), rng)
    }

    /// A layer with initialisers of one's own: for the weight `[window, outputs / groups, inputs]`, and for the bias, if there is
    /// to be one.
    ///
    /// # Errors
    /// As [`ConvTranspose1d::new`], and those of the initialisers.
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

    /// A layer of given parameters: a weight `[window, outputs / groups, inputs]`, and, if there is one, a bias `[outputs]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the shapes do not fit together, and as [`ConvTranspose1d::new`].
    pub fn from_parts(
        window: impl Into<Window>,
        groups: usize,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
    ) -> Result<Self> {
        let window = window.into();
        let channels = match *weight.shape().axes() {
            [length, outputs, inputs] if length == window.kernel.width => {
                Channels::new(inputs, outputs.saturating_mul(groups)).with_groups(groups)
            }
            _ => {
                let expected = format!("[{}, outputs, inputs]", window.kernel.width);
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

    /// Adds so many numbers at the end of the output: PyTorch's `output_padding`, less than the stride or the dilation.
    ///
    /// # Errors
    /// As [`ConvTranspose2d::with_output_padding`].
    pub fn with_output_padding(self, output_padding: usize) -> Result<Self> {
        Ok(Self { of_images: self.of_images.with_output_padding([0, output_padding])? })
    }

    /// Says how many numbers long the output is, in the place of an output padding: PyTorch's `output_size`.
    ///
    /// # Errors
    /// As [`ConvTranspose2d::with_output_size`].
    pub fn with_output_size(self, output_size: usize) -> Result<Self> {
        Ok(Self { of_images: self.of_images.with_output_size([1, output_size])? })
    }

    /// As [`ConvTranspose2d::scaled`].
    pub(crate) fn scaled(&self, scales: &[f64], shifts: &[f64]) -> Result<Self> {
        Ok(Self { of_images: self.of_images.scaled(scales, shifts)? })
    }

    fn zeros(channels: Channels, window: Window, has_bias: bool) -> Result<Self> {
        let window = window.on_sequences()?;
        let weight = |[_, length, outputs, inputs]: [usize; 4]| [length, outputs, inputs].into();
        Ok(Self { of_images: ConvTranspose2d::zeros_of(channels, window, has_bias, weight)? })
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

    /// What is added at the end of the output.
    #[must_use]
    pub fn output_padding(&self) -> usize {
        self.of_images.output_padding().width
    }

    /// How long the output is, where that is told.
    #[must_use]
    pub fn output_size(&self) -> Option<usize> {
        self.of_images.output_size().map(|sides| sides.width)
    }

    /// The weight, `[window, outputs / groups, inputs]`.
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

impl<T: Scalar> OfImages<T> for ConvTranspose2d<T> {
    const KIND: &'static str = "conv_transpose1d";

    fn describe_on_sequences(&self) -> String {
        let (channels, window) = (self.channels(), self.window().describe_on_sequences());
        let size = self.size_text(|Sides { width, .. }| width.to_string());
        format!("conv_transpose1d {}, {window}{size}{}", channels.arrow(), channels.in_groups())
    }

    fn settings_on_sequences(&self) -> Settings {
        let settings = self.channels().settings().with("window", self.window().of_sequences());
        let settings = settings.with("output_padding", self.output_padding().width);
        let settings = match self.output_size() {
            Some(sides) => settings.with("output_size", sides.width),
            None => settings,
        };
        settings.with("bias", self.bias().is_some())
    }

    fn row(&self) -> Option<Window> {
        Some(self.window())
    }
}

impl<T: Scalar> Stored<T> for ConvTranspose1d<T> {
    const KINDS: &'static [&'static str] = &["conv_transpose1d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let (channels, has_bias) = (Channels::of_entry(entry)?, entry.flag("bias")?);
        let (window, output_padding) = (entry.window("window")?, entry.count("output_padding")?);
        let group_outputs = channels.outputs.checked_div(channels.groups).unwrap_or(0);
        entry.expect_sums([window.kernel.width, group_outputs, channels.inputs].into(), false)?;
        if has_bias {
            entry.expect("bias", [channels.outputs].into())?;
        }
        let conv = Self::zeros(channels, window, has_bias)?;
        if entry.has("output_size") {
            return Ok(conv.with_output_size(entry.count("output_size")?)?);
        }
        Ok(conv.with_output_padding(output_padding)?)
    }
}
