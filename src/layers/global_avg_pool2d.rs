//! Global average pooling: the mean of each channel of an image.

use super::pool_geometry::PoolGeometry;
use super::pool_mean::Means;
use super::stored::{Entry, Restored, Stored};
use super::{Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, Order, OutputKind, Units, Window};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Global average pooling: the mean of each channel over the whole image, y = Σ x / (height·width); dx = dy / (height·width).
///
/// In front of the last dense layer it takes the place of a flatten: the model then has a weight for each channel
/// instead of one for each pixel of it, and takes images of other sizes when it is built anew.
///
/// # Shapes
/// `[batch, height, width, channels]` → `[batch, channels]`.
///
/// Source: Lin et al., 2013; PyTorch's `AdaptiveAvgPool2d(1)` with a flatten, and Keras's `GlobalAveragePooling2D`.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([2, 2, 2]).global_avg_pool2d().build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 2, 2, 2], vec![1.0_f32, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0])?;
/// assert_eq!(model.predict(&x)?, Tensor::from([[2.5, 25.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct GlobalAvgPool2d;

/// A window that is the whole image.
fn whole(image: &Shape) -> Result<Window> {
    match image.axes() {
        &[height, width, _] if !image.is_empty() => Window::new([height, width]).checked(1.into()),
        _ => Err(Error::shape("input", "[batch, height, width, channels]", image.batch_pattern())),
    }
}

/// The means of a batch that `output_shape` agreed to.
fn means(batch: &Shape) -> Means {
    let (_, image) = batch.split_batch().expect("a batch");
    let geometry = whole(&image).and_then(|window| window.over(&image)).expect("`output_shape` agreed");
    Means { geometry: PoolGeometry::from(geometry), counts_padding: false, divisor: None }
}

impl<T: Scalar> Layer<T> for GlobalAvgPool2d {
    fn kind(&self) -> &'static str {
        "global_avg_pool2d"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let geometry = whole(input)?.over(input)?;
        Ok(Shape::from([geometry.channels]))
    }

    fn units_through(&self, input: &Shape, units: Units) -> Option<Units> {
        units.are_channels(input).then_some(units)
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        input.of_mean()
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        means(&x.shape()).forward(x, y, context.parallelism);
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        means(&pass.x.shape()).backward(pass);
        Ok(())
    }

    /// A number for each channel.
    fn output_order(&self, _: &Shape, _: Order) -> Order {
        Order::Same
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let output = Layer::<T>::output_shape(self, &x.shape())?;
        let axes: Vec<i64> = [0, 1].map(|place| x.axis(place)).into();
        let attributes = [("axes", axes.into()), ("keepdims", 0.into())];
        Ok(graph.raw("ReduceMean", &[Some(x)], &attributes, output, false))
    }
}

impl<T: Scalar> Stored<T> for GlobalAvgPool2d {
    const KINDS: &'static [&'static str] = &["global_avg_pool2d"];

    fn restore(_: &mut dyn Entry) -> Restored<Self> {
        Ok(Self)
    }
}
