//! Max pooling: the largest number of each window of an image.

use super::onnx::{image_of, pool_max};
use super::pool_max::{backward, forward};
use super::pool_window::{of_batch, pool_geometry, pool_window};
use super::stored::{Entry, Restored, Stored};
use super::{
    Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, OutputKind, Settings, Units, Window,
};
use crate::getters::getters;
use crate::prelude::*;
use crate::{Result, Scalar, Shape, TensorView, TensorViewMut};

/// Max pooling of images: each output is the largest of a window of one channel: y = max xₜ over the places t of the window that lie inside of
/// the image, so padding never wins; NaN does, as in PyTorch.
///
/// The gradient goes to the largest element, of several to the first, row by row, as in PyTorch: dxₜ = Σ dy over the
/// windows whose largest is t. Of several NaN it goes to the first (in PyTorch to the last).
///
/// Which element that was is not kept: it is found again, by comparing x with y, which takes no memory and as much time
/// as PyTorch takes to look it up.
///
/// # Shapes
/// Along each axis, with a dilated window of (kernel − 1)·dilation + 1:
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
/// Source: Ranzato et al., 2007; the settings are those of PyTorch's `MaxPool2d` and Keras's `MaxPooling2D`.
///
/// ```
/// use taper::{Sequential, Tensor, layers::MaxPool2d};
///
/// let model = Sequential::builder([2, 4, 1]).layer(MaxPool2d::new(2)?).build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 2, 4, 1], vec![1.0_f32, 2.0, 5.0, 6.0, 3.0, 4.0, 8.0, 7.0])?;
/// assert_eq!(model.predict(&x)?.as_slice(), [4.0, 8.0]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MaxPool2d {
    window: Window,
}

impl MaxPool2d {
    /// A pool with this window; a number is a square that moves by its side.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) where a side, stride or dilation is 0, a border is wider than half of the window, or
    /// the padding of a side alone is not less than it.
    pub fn new(window: impl Into<Window>) -> Result<Self> {
        Ok(Self { window: pool_window(window.into())? })
    }

    getters! {
        /// What each output is the largest of.
        window: Window;
    }
}

impl<T: Scalar> Layer<T> for MaxPool2d {
    fn kind(&self) -> &'static str {
        "max_pool2d"
    }

    fn describe(&self) -> String {
        format!("max_pool2d {}", self.window)
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
        forward(&of_batch(&self.window, &x.shape()), x, y, context.parallelism);
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        backward(&of_batch(&self.window, &pass.x.shape()), pass);
        Ok(())
    }

    fn settings(&self) -> Settings {
        Settings::new().with("window", self.window)
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        Ok(pool_max(graph, x, &self.window.over(&image_of(&x.shape()))?))
    }
}

impl<T: Scalar> Stored<T> for MaxPool2d {
    const KINDS: &'static [&'static str] = &["max_pool2d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        Ok(Self::new(entry.window("window")?)?)
    }
}
