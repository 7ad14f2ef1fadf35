//! Conversion between images, and sequences, with their channels first and last.

use super::samples::by_samples;
use super::stored::{Entry, Restored, Stored};
use super::{Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, Order, OutputKind, Units};
use crate::kernels::{Parallelism, transpose};
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Moves channels from the first axis of an image, or of a sequence, to the last, where all other layers want them: `x.permute(0, 2, 3, 1)`.
///
/// To be put in front of a model for data in PyTorch's order.
///
/// # Shapes
/// `[batch, channels, height, width]` → `[batch, height, width, channels]`, and `[batch, channels, length]` →
/// `[batch, length, channels]`.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([2, 1, 3]).channels_last().build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 2, 1, 3], vec![1.0_f32, 2.0, 3.0, 10.0, 20.0, 30.0])?;
/// assert_eq!(model.predict(&x)?.as_slice(), [1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ChannelsLast;

/// Moves channels from the last axis of an image, or of a sequence, to the first: `x.permute(0, 3, 1, 2)`.
///
/// To be put behind convolutions for what expects PyTorch's order, such as a flatten in front of a dense weight that was
/// trained there.
///
/// # Shapes
/// `[batch, height, width, channels]` → `[batch, channels, height, width]`, and `[batch, length, channels]` →
/// `[batch, channels, length]`.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([1, 3, 2]).channels_first().build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 1, 3, 2], vec![1.0_f32, 10.0, 2.0, 20.0, 3.0, 30.0])?;
/// assert_eq!(model.predict(&x)?.as_slice(), [1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ChannelsFirst;

impl<T: Scalar> Layer<T> for ChannelsLast {
    fn kind(&self) -> &'static str {
        "channels_last"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match *input.axes() {
            [channels, height, width] => Ok([height, width, channels].into()),
            [channels, length] => Ok([length, channels].into()),
            _ => Err(Error::shape(
                "input",
                "[batch, channels, height, width] or [batch, channels, length]",
                input.batch_pattern(),
            )),
        }
    }

    /// Channels that lie in runs come to lie apart.
    fn units_through(&self, input: &Shape, units: Units) -> Option<Units> {
        let &[channels, ref places @ ..] = input.axes() else { return None };
        let run = places.iter().product();
        (units == Units { count: channels, run }).then_some(Units { count: channels, run: 1 })
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        input.regrouped()
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        to_last(context.parallelism, &x.shape(), x.as_slice(), y.as_mut_slice());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            to_first(pass.parallelism, &pass.dy.shape(), pass.dy.as_slice(), dx.as_mut_slice());
        }
        Ok(())
    }

    fn output_order(&self, input: &Shape, _: Order) -> Order {
        Layer::<T>::output_shape(self, input).map_or(Order::Unknown, Order::ChannelsLast)
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let x = graph.straight(x);
        Ok(x.turned(Layer::<T>::output_shape(self, &x.shape())?, true))
    }
}

impl<T: Scalar> Stored<T> for ChannelsLast {
    const KINDS: &'static [&'static str] = &["channels_last"];

    fn restore(_: &mut dyn Entry) -> Restored<Self> {
        Ok(Self)
    }
}

impl<T: Scalar> Layer<T> for ChannelsFirst {
    fn kind(&self) -> &'static str {
        "channels_first"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match *input.axes() {
            [height, width, channels] => Ok([channels, height, width].into()),
            [length, channels] => Ok([channels, length].into()),
            _ => Err(Error::shape(
                "input",
                "[batch, height, width, channels] or [batch, length, channels]",
                input.batch_pattern(),
            )),
        }
    }

    /// The numbers of a channel come to lie in a run.
    fn units_through(&self, input: &Shape, units: Units) -> Option<Units> {
        let run = input.len() / units.count;
        units.are_channels(input).then_some(Units { count: units.count, run })
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        input.regrouped()
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        to_first(context.parallelism, &x.shape(), x.as_slice(), y.as_mut_slice());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            to_last(pass.parallelism, &pass.dy.shape(), pass.dy.as_slice(), dx.as_mut_slice());
        }
        Ok(())
    }

    /// It is what such a program has.
    fn output_order(&self, _: &Shape, _: Order) -> Order {
        Order::Same
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let x = graph.channels_first(x);
        Ok(x.turned(Layer::<T>::output_shape(self, &x.shape())?, false))
    }
}

impl<T: Scalar> Stored<T> for ChannelsFirst {
    const KINDS: &'static [&'static str] = &["channels_first"];

    fn restore(_: &mut dyn Entry) -> Restored<Self> {
        Ok(Self)
    }
}

/// From a batch with channels first.
fn to_last<T: Scalar>(parallelism: Parallelism, batch: &Shape, from: &[T], to: &mut [T]) {
    let &[_, channels, ref places @ ..] = batch.axes() else { unreachable!("`output_shape` agreed") };
    each_transposed(parallelism, [channels, places.iter().product()], from, to);
}

/// From a batch with channels last.
fn to_first<T: Scalar>(parallelism: Parallelism, batch: &Shape, from: &[T], to: &mut [T]) {
    let &[_, ref places @ .., channels] = batch.axes() else { unreachable!("`output_shape` agreed") };
    each_transposed(parallelism, [places.iter().product(), channels], from, to);
}

/// Transposes each sample, a matrix of this size.
fn each_transposed<T: Scalar>(parallelism: Parallelism, size: [usize; 2], from: &[T], to: &mut [T]) {
    let sample = size[0] * size[1];
    by_samples(parallelism, 2 * from.len(), to, sample, |first, to| {
        let from = from[first * sample..].chunks_exact(sample);
        from.zip(to.chunks_exact_mut(sample)).for_each(|(from, to)| transpose(size, from, to));
    });
}
