//! The gated linear unit: half of the features, each through the gate of one of the other half.

use super::activation::sigmoid;
use super::samples::by_samples;
use super::stored::{Entry, Restored, Stored};
use super::{Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, Order};
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// The gated linear unit, y = a·σ(b), where a is the first half of the last axis and b the second (Dauphin et al., 2017).
///
/// ```text
/// da = dy·σ(b)      db = dy·a·σ(b)·(1 − σ(b))
/// ```
///
/// # Shapes
/// `[batch, …, features]` → `[batch, …, features / 2]`, for an even number of features.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([4]).glu().build(&mut taper::seeded(0))?;
/// assert_eq!(model.predict(&Tensor::from([[3.0_f32, -5.0, 0.0, 1e4]]))?, Tensor::from([[1.5, -5.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Glu;

impl<T: Scalar> Layer<T> for Glu {
    fn kind(&self) -> &'static str {
        "glu"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match *input.axes() {
            [ref before @ .., features] if features > 0 && features % 2 == 0 => {
                Shape::new(&[before, &[features / 2]].concat())
            }
            _ => {
                let expected = "[batch, …, features] with an even number of features";
                Err(Error::shape("input", expected, input.batch_pattern()))
            }
        }
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let (x, half) = (x.as_slice(), half(&y.shape()));
        by_samples(context.parallelism, 2 * x.len(), y.as_mut_slice(), half, |first, y| {
            let rows = x[2 * first * half..].chunks_exact(2 * half);
            for (y, x) in y.chunks_exact_mut(half).zip(rows) {
                let (values, gates) = x.split_at(half);
                for (y, (&value, &gate)) in y.iter_mut().zip(values.iter().zip(gates)) {
                    *y = value * sigmoid(gate);
                }
            }
        });
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        let Some(mut dx) = pass.dx else { return Ok(()) };
        let (x, dy, half) = (pass.x.as_slice(), pass.dy.as_slice(), half(&pass.y.shape()));
        by_samples(pass.parallelism, 5 * dy.len(), dx.as_mut_slice(), 2 * half, |first, dx| {
            let rows =
                x[2 * first * half..].chunks_exact(2 * half).zip(dy[first * half..].chunks_exact(half));
            for (dx, (x, dy)) in dx.chunks_exact_mut(2 * half).zip(rows) {
                let ((values, gates), (da, db)) = (x.split_at(half), dx.split_at_mut(half));
                for place in 0..half {
                    let gate = sigmoid(gates[place]);
                    da[place] = dy[place] * gate;
                    db[place] = dy[place] * values[place] * (gate * (T::one() - gate));
                }
            }
        });
        Ok(())
    }

    /// The channels of an image are halved, wherever they lie; of features that were one, half are no image.
    fn output_order(&self, input: &Shape, order: Order) -> Order {
        match (order, Layer::<T>::output_shape(self, input)) {
            (Order::Same, _) => Order::Same,
            (Order::ChannelsLast(image), Ok(output)) if image == *input => Order::ChannelsLast(output),
            _ => Order::Unknown,
        }
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let output = Layer::<T>::output_shape(self, &x.shape())?;
        let half = output.axes().last().copied().unwrap_or(0);
        let values = graph.part(x, x.last_axis(), [0, half], output);
        let gates = graph.part(x, x.last_axis(), [half, 2 * half], output);
        let gates = graph.each("Sigmoid", gates, &[]);
        Ok(graph.with("Mul", values, &[gates]))
    }
}

impl<T: Scalar> Stored<T> for Glu {
    const KINDS: &'static [&'static str] = &["glu"];

    fn restore(_: &mut dyn Entry) -> Restored<Self> {
        Ok(Self)
    }
}

/// The length of the last axis of outputs.
fn half(batch: &Shape) -> usize {
    batch.axes().last().copied().expect("`output_shape` has a last axis")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_number_of_features_is_an_error() {
        for axes in [&[3][..], &[4, 1], &[]] {
            let error = Layer::<f32>::output_shape(&Glu, &Shape::new(axes).unwrap()).unwrap_err().to_string();
            assert!(error.starts_with("expected input [batch, …, features] with an even number"), "{error}");
        }
    }

    #[test]
    fn half_of_an_image_is_an_image_and_half_of_flat_features_is_not() {
        let (image, flat) = (Shape::from([2, 3, 4]), Shape::from([24]));
        let order = |input: &Shape, order| Layer::<f32>::output_order(&Glu, input, order);
        let last = Order::ChannelsLast(image);
        assert_eq!(order(&image, last), Order::ChannelsLast([2, 3, 2].into()));
        assert_eq!((order(&flat, last), order(&flat, Order::Same)), (Order::Unknown, Order::Same));
    }
}
