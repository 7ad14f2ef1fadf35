//! Adaptive max pooling: an image of any size becomes one of a given size.

use super::pool_adaptive::{adaptive, adaptive_of_batch, adaptive_operations, adaptive_output};
use super::pool_max::{backward, forward};
use super::stored::{Entry, Restored, Stored};
use super::{
    Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, OutputKind, Settings, Sides, Units,
};
use crate::getters::getters;
use crate::prelude::*;
use crate::{Result, Scalar, Shape, TensorView, TensorViewMut};

/// Adaptive max pooling of images: each output is the largest number of one of rows·columns parts of the image, in one channel: y = max xₜ over the places t of the
/// part; NaN wins. The gradient goes to the largest element, of several to the first: dxₜ = Σ dy over the parts whose largest is t.
///
/// # Shapes
/// `[batch, height, width, channels]` → `[batch, rows, columns, channels]`. Row r is of the rows of the image from
/// ⌊r·height / rows⌋ up to ⌈(r + 1)·height / rows⌉, and so are columns: parts as equal as they can be, of which neighbours share a
/// row where they do not come out even. There may be more rows than the image has.
///
/// Source: PyTorch's `AdaptiveMaxPool2d`, and Keras's `AdaptiveMaxPooling2D`. With one row and one column it is a global max pool
/// that keeps its axes.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([1, 5, 1]).adaptive_max_pool2d([1, 2]).build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 1, 5, 1], vec![1.0_f32, 2.0, 3.0, 5.0, 4.0])?;
/// assert_eq!(model.predict(&x)?.as_slice(), [3.0, 5.0]); // of 1, 2, 3 and of 3, 5, 4
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AdaptiveMaxPool2d {
    output: Sides,
}

impl AdaptiveMaxPool2d {
    /// A pool with so many rows and columns of outputs; a number is both.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) where one of them is 0.
    pub fn new(output: impl Into<Sides>) -> Result<Self> {
        Ok(Self { output: adaptive_output(output.into())? })
    }

    getters! {
        /// The rows and columns of an output.
        output: Sides;
    }
}

impl<T: Scalar> Layer<T> for AdaptiveMaxPool2d {
    fn kind(&self) -> &'static str {
        "adaptive_max_pool2d"
    }

    fn describe(&self) -> String {
        format!("adaptive_max_pool2d -> {}", self.output)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(adaptive(self.output, input)?.output().into())
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
        forward(&adaptive_of_batch(self.output, &x.shape()), x, y, context.parallelism);
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        backward(&adaptive_of_batch(self.output, &pass.x.shape()), pass);
        Ok(())
    }

    fn settings(&self) -> Settings {
        let [height, width] = self.output.into();
        Settings::new().with("height", height).with("width", width)
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        adaptive_operations(graph, x, self.output, true)
    }
}

impl<T: Scalar> Stored<T> for AdaptiveMaxPool2d {
    const KINDS: &'static [&'static str] = &["adaptive_max_pool2d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        Ok(Self::new([entry.count("height")?, entry.count("width")?])?)
    }
}
