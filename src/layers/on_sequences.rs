//! Layers of images on sequences, each of which is an image of one row.

use super::{
    Backward, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Order, OutputKind, Param,
    Settings, Units, Window,
};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// A layer of images that takes sequences, `[batch, length, channels]`: to it, each is an image of one row.
///
/// [`Conv1d`](super::Conv1d), [`ConvTranspose1d`](super::ConvTranspose1d), [`MaxPool1d`](super::MaxPool1d),
/// [`AvgPool1d`](super::AvgPool1d), [`AdaptiveMaxPool1d`](super::AdaptiveMaxPool1d) and
/// [`AdaptiveAvgPool1d`](super::AdaptiveAvgPool1d) are this. They take as long as the layers of images, and have the same bits.
///
/// ```
/// use taper::layers::{AvgPool1d, AvgPool2d, OnSequences};
///
/// let pool: OnSequences<AvgPool2d> = AvgPool1d::new(2)?;
/// assert!(!pool.counts_padding());
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct OnSequences<L> {
    /// Its window, where it has one, is one row high.
    pub(super) of_images: L,
}

/// A layer of images that can be one of sequences.
pub trait OfImages<T: Scalar>: Layer<T> + Clone {
    /// What it is called on sequences.
    const KIND: &'static str;

    /// What it is on sequences, with the sizes that matter.
    fn describe_on_sequences(&self) -> String;

    /// What it was made with on sequences.
    fn settings_on_sequences(&self) -> Settings;

    /// The window, of one row, where it has one.
    fn row(&self) -> Option<Window> {
        None
    }
}

/// `[batch, length, channels]` as images of one row.
fn images(batch: &Shape) -> Shape {
    let &[batch, length, channels] = batch.axes() else { unreachable!("`output_shape` agreed") };
    [batch, 1, length, channels].into()
}

/// A sample as an image of one row.
///
/// # Errors
/// [`Error::Shape`] where it is no sequence.
fn image(sample: &Shape) -> Result<Shape> {
    if let &[length, channels] = sample.axes() {
        return Ok([1, length, channels].into());
    }
    let hint = "sequences have two axes, channels last; a reshape gives a row of numbers one channel";
    let (expected, got) = ("[batch, length, channels]".into(), sample.batch_pattern());
    Err(Error::Shape { what: "input", expected, got, hint })
}

impl<T: Scalar, L: OfImages<T>> Layer<T> for OnSequences<L> {
    fn kind(&self) -> &'static str {
        L::KIND
    }

    fn describe(&self) -> String {
        self.of_images.describe_on_sequences()
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        // What is wrong with a sequence is told of a sequence.
        let told = |error| match error {
            Error::Shape { what: "input", expected, .. } => {
                let expected = expected.replace("[batch, height, width, ", "[batch, length, ");
                let expected = self.of_images.row().map_or(expected.clone(), |row| {
                    expected.replace(&row.to_string(), &row.describe_on_sequences())
                });
                let is_first = expected == format!("[batch, length, {}]", input.axes()[0]);
                let hint =
                    if is_first { "channels are the last axis; put a channels_last before it" } else { "" };
                Error::Shape { what: "input", expected, got: input.batch_pattern(), hint }
            }
            error => error,
        };
        let output = self.of_images.output_shape(&image(input)?).map_err(told)?;
        let &[1, length, channels] = output.axes() else {
            return Err(Error::shape("output", "[batch, 1, length, channels]", output.batch_pattern()));
        };
        Ok([length, channels].into())
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        self.of_images.memory(&image(input).expect("`output_shape` agreed"), batch, mode)
    }

    fn check_mode(&self, mode: Mode) -> Result<()> {
        self.of_images.check_mode(mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let (x_shape, y_shape) = (images(&x.shape()), images(&y.shape()));
        self.of_images.forward(x.reshape(x_shape)?, y.reshape(y_shape)?, context)
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (x_shape, y_shape) = (images(&pass.x.shape()), images(&pass.y.shape()));
        let dx = pass.dx.map(|dx| dx.reshape(x_shape)).transpose()?;
        let (x, y, dy) = (pass.x.reshape(x_shape)?, pass.y.reshape(y_shape)?, pass.dy.reshape(y_shape)?);
        self.of_images.backward(Backward { x, y, dy, dx, ..pass }, sink)
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.of_images.params(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.of_images.params_mut(visit);
    }

    fn applies_activation(&self) -> bool {
        self.of_images.applies_activation()
    }

    fn units_through(&self, input: &Shape, units: Units) -> Option<Units> {
        self.of_images.units_through(&image(input).ok()?, units)
    }

    /// Where sequences have their channels first, these layers have them so too.
    fn output_order(&self, input: &Shape, _: Order) -> Order {
        Layer::<T>::output_shape(self, input).map_or(Order::Unknown, Order::ChannelsLast)
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        self.of_images.output_kind(input)
    }

    fn settings(&self) -> Settings {
        self.of_images.settings_on_sequences()
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        image(input).map_or(0, |image| self.of_images.multiply_adds(&image))
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        // It sees by the axes that a sample is no image.
        self.of_images.onnx(x, graph)
    }
}
