//! Average pooling: the mean of each window of an image.

use super::onnx::{image_of, pool_mean};
use super::pool_mean::Means;
use super::pool_window::{of_batch, pool_geometry, pool_window};
use super::stored::{Entry, Restored, Stored};
use super::{
    Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, OutputKind, Settings, Sides, Units, Window,
};
use crate::getters::getters;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Average pooling of images: each output is the mean of a window of one channel: y = Σ xₜ / n over the places t of the window that lie inside of
/// the image.
///
/// What n is depends on the padding:
///
/// | padding | n |
/// |---|---|
/// | `Valid` | the size of the window |
/// | `Border`, `Each` | the size of the window: the zeros around the image count, PyTorch's `count_include_pad=True` |
/// | the same, [without counting padding](AvgPool2d::without_counting_padding) | the number of the places inside |
/// | `Same`, `SameLower` | the number of the places inside, as in Keras |
/// | the same, [counting padding](AvgPool2d::with_counting_padding) | the size of the window, as in ONNX with `count_include_pad` |
///
/// What a window of [ceil mode](Window::with_ceil_mode) has beyond the padding never counts. A [divisor](Self::with_divisor_override) takes
/// the place of n everywhere.
///
/// The gradient is shared out evenly: dxₜ = Σ dy / n over the windows that t lies in.
///
/// # Shapes
/// Along each axis:
///
/// | padding | input | output |
/// |---|---|---|
/// | `Valid` | `[batch, height, width, channels]` | ⌊(height − window) / stride⌋ + 1, and so for the width |
/// | `Same`, `SameLower` | the same | ⌈height / stride⌉ |
/// | `Border` | the same | ⌊(height + 2·border − window) / stride⌋ + 1 |
/// | `Each` | the same | ⌊(height + before + after − window) / stride⌋ + 1 |
///
/// With [`Window::with_ceil_mode`] it is rounded up, and a last window that would begin behind the image is left out. The stride
/// is the window's size unless one is set. A border is at most half of the window, as in PyTorch; padding of each side alone is
/// less than the window.
///
/// Source: LeCun et al., 1998; the settings are those of PyTorch's `AvgPool2d` and Keras's `AveragePooling2D`.
///
/// ```
/// use taper::{Sequential, Tensor, layers::AvgPool2d};
///
/// let model = Sequential::builder([2, 4, 1]).layer(AvgPool2d::new(2)?).build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 2, 4, 1], vec![1.0_f32, 2.0, 5.0, 6.0, 3.0, 4.0, 8.0, 7.0])?;
/// assert_eq!(model.predict(&x)?.as_slice(), [2.5, 6.5]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AvgPool2d {
    window: Window,
    counts_padding: bool,
    divisor: Option<usize>,
}

impl AvgPool2d {
    /// A pool with this window; a number is a square that moves by its side.
    ///
    /// # Errors
    /// [`Error::Setting`] where a side or stride is 0, a border is wider than half of the window, the padding of a side alone is not
    /// less than it, or the window is dilated.
    pub fn new(window: impl Into<Window>) -> Result<Self> {
        let window = pool_window(window.into())?;
        if window.dilation != Sides::from(1) {
            return Err(Error::setting("dilation", "1 (a mean has no other)", window.dilation));
        }
        Ok(Self { window, counts_padding: window.padding.is_counted(), divisor: None })
    }

    /// Means over the places inside of the image alone: PyTorch's `count_include_pad=False`.
    #[must_use]
    pub fn without_counting_padding(mut self) -> Self {
        self.counts_padding = false;
        self
    }

    /// Means over the whole window, where padding counts as zeros: PyTorch's and ONNX's `count_include_pad`.
    #[must_use]
    pub fn with_counting_padding(mut self) -> Self {
        self.counts_padding = true;
        self
    }

    /// Divides each sum by this, whatever counts: PyTorch's `divisor_override`.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0.
    pub fn with_divisor_override(mut self, divisor: usize) -> Result<Self> {
        if divisor == 0 {
            return Err(Error::setting("divisor_override", "at least 1", divisor));
        }
        self.divisor = Some(divisor);
        Ok(self)
    }

    fn means(&self, batch: &Shape) -> Means {
        Means {
            geometry: of_batch(&self.window, batch),
            counts_padding: self.counts_padding,
            divisor: self.divisor,
        }
    }

    /// ` / 3`, where there is a divisor.
    pub(super) fn divisor_text(&self) -> String {
        self.divisor.map_or_else(String::new, |divisor| format!(" / {divisor}"))
    }

    /// The settings with the divisor, where there is one.
    pub(super) fn divided(&self, settings: Settings) -> Settings {
        match self.divisor {
            Some(divisor) => settings.with("divisor_override", divisor),
            None => settings,
        }
    }

    getters! {
        /// What each mean is of.
        window: Window;
        /// Whether what is around the image counts as zeros.
        counts_padding: bool;
        /// What each sum is divided by, where that is told.
        divisor_override: Option<usize> = |this| this.divisor;
    }
}

impl<T: Scalar> Layer<T> for AvgPool2d {
    fn kind(&self) -> &'static str {
        "avg_pool2d"
    }

    fn describe(&self) -> String {
        format!("avg_pool2d {}{}", self.window, self.divisor_text())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let geometry = pool_geometry(&self.window, input)?;
        Ok(geometry.output().into())
    }

    fn units_through(&self, input: &Shape, units: Units) -> Option<Units> {
        units.are_channels(input).then_some(units)
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        input.of_each()
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        self.means(&x.shape()).forward(x, y, context.parallelism);
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        self.means(&pass.x.shape()).backward(pass);
        Ok(())
    }

    fn settings(&self) -> Settings {
        let settings = Settings::new().with("window", self.window);
        self.divided(settings.with("counts_padding", self.counts_padding))
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let geometry = self.window.over(&image_of(&x.shape()))?;
        Ok(pool_mean(graph, x, &geometry, self.counts_padding, self.divisor))
    }
}

impl<T: Scalar> Stored<T> for AvgPool2d {
    const KINDS: &'static [&'static str] = &["avg_pool2d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let pool = Self::new(entry.window("window")?)?;
        let counts_padding = entry.flag("counts_padding")?;
        let pool =
            if counts_padding { pool.with_counting_padding() } else { pool.without_counting_padding() };
        if entry.has("divisor_override") {
            return Ok(pool.with_divisor_override(entry.count("divisor_override")?)?);
        }
        Ok(pool)
    }
}
