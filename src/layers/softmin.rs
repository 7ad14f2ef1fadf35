//! Softmin: the probabilities of negative values.

use super::softmax::{check_sample, each_row, input_gradient, softmax_of_row};
use super::stored::{Entry, Restored, Stored};
use super::{Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, OutputKind};
use crate::{Result, Scalar, Shape, TensorView, TensorViewMut};

/// Softmin, probabilities over the last axis, the more likely the less x is: yᵢ = exp(−xᵢ) / Σⱼ exp(−xⱼ), which is the
/// [`Softmax`](super::Softmax) of −x. With it, dxᵢ = −yᵢ·(dyᵢ − Σⱼ dyⱼ·yⱼ).
///
/// # Shapes
/// `[batch, …, classes]` → the same.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([3]).softmin().build(&mut taper::seeded(0))?;
/// assert_eq!(model.predict(&Tensor::from([[-1e4_f32, 1e4, -1e4]]))?, Tensor::from([[0.5, 0.0, 0.5]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Softmin;

impl<T: Scalar> Layer<T> for Softmin {
    fn kind(&self) -> &'static str {
        "softmin"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        check_sample(input)
    }

    fn output_kind(&self, _: OutputKind) -> OutputKind {
        OutputKind::Probabilities
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        each_row(context.parallelism, x, y.as_mut_slice(), |_, x, y| {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = -x);
            softmax_of_row(y);
        });
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            input_gradient(pass.y, pass.dy.as_slice(), dx.as_mut_slice(), pass.parallelism);
            dx.as_mut_slice().iter_mut().for_each(|dx| *dx = -*dx);
        }
        Ok(())
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let x = graph.each("Neg", x, &[]);
        Ok(graph.each("Softmax", x, &[("axis", x.last_axis().into())]))
    }
}

impl<T: Scalar> Stored<T> for Softmin {
    const KINDS: &'static [&'static str] = &["softmin"];

    fn restore(_: &mut dyn Entry) -> Restored<Self> {
        Ok(Self)
    }
}
