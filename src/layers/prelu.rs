//! The rectifier whose slope below 0 is learned.

use super::row_gradient::RowGradient;
use super::samples::by_samples;
use super::stored::{Entry, Restored, Stored};
use super::{
    Along, Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, OutputKind, Param, Settings, Units,
};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// The rectifier whose slope below 0 is learned: y = x, or weight·x where x is not above 0 (He et al., 2015). PyTorch's and Keras's `PReLU`.
///
/// One weight is for everything, or each channel has its own, or each element: the weight has the last axes of the input, one of
/// them or all. With sums over everything that a weight is for,
///
/// ```text
/// d weight = Σ dy·x where x ≤ 0      dx = dy, or dy·weight where x ≤ 0
/// ```
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, …, axes of the weight]`; any for a weight of `[1]` |
/// | y | that of x |
/// | `weight` | the last axes of x, or `[1]`; at first 0.25 everywhere, as in PyTorch |
///
/// ```
/// use taper::{Sequential, Tensor, layers::Prelu};
///
/// let mut prelu = Prelu::new([2])?;
/// prelu.weight_mut().set(&Tensor::from([0.5, -1.0]))?;
/// let model = Sequential::builder([2]).layer(prelu).build(&mut taper::seeded(0))?;
/// assert_eq!(model.predict(&Tensor::from([[-2.0, -2.0], [3.0, 4.0]]))?, Tensor::from([[-1.0, 2.0], [3.0, 4.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prelu<T> {
    weight: Param<T>,
}

impl<T: Scalar> Prelu<T> {
    /// A layer with a weight of this shape: `[1]` for everything, `[channels]` for each channel.
    ///
    /// # Errors
    /// [`Error::Setting`] where there is no axis or one of length 0; [`Error::TooLarge`] where the weight does not fit into memory.
    pub fn new(weight: impl Into<Shape>) -> Result<Self> {
        let shape = weight.into();
        if shape.rank() == 0 || shape.is_empty() {
            return Err(Error::setting("axes of the weight", "at least one, none of length 0", shape));
        }
        let along = if shape.axes() == [1] { Along::Nothing } else { Along::LastAxes };
        Ok(Self { weight: Param::new("weight", &Tensor::full(shape, T::of(0.25))?).with_along(along) })
    }

    /// The slopes below 0.
    #[must_use]
    pub fn weight(&self) -> &Param<T> {
        &self.weight
    }

    /// The weight, to be set or frozen.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        &mut self.weight
    }
}

impl<T: Scalar> Layer<T> for Prelu<T> {
    fn kind(&self) -> &'static str {
        "prelu"
    }

    fn describe(&self) -> String {
        format!("prelu {}", self.weight.shape())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let shape = self.weight.shape();
        let axes = shape.axes();
        if axes == [1] || input.axes().ends_with(axes) {
            return Ok(*input);
        }
        let axes: Vec<String> = axes.iter().map(usize::to_string).collect();
        Err(Error::shape("input", format!("[batch, …, {}]", axes.join(", ")), input.batch_pattern()))
    }

    fn units_through(&self, _: &Shape, units: Units) -> Option<Units> {
        let &[slopes] = self.weight.shape().axes() else { return None };
        (slopes == 1 || units.repeat_in(slopes)).then_some(units)
    }

    fn with_units(&self, _: &Shape, units: Units, kept: &[usize]) -> Result<Box<dyn Layer<T>>> {
        if self.weight.count() == 1 {
            return Ok(Box::new(self.clone()));
        }
        let kept = units.places(self.weight.count(), kept);
        Ok(Box::new(Self { weight: self.weight.with_columns(&kept) }))
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        input.of_each()
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let (x, weight, row) = (x.as_slice(), self.weight.buffer(), self.weight.count());
        by_samples(context.parallelism, 2 * x.len(), y.as_mut_slice(), row, |first, y| {
            let value = |_, x, slope| if x > T::zero() { x } else { slope * x };
            each_with_slope(weight, &x[first * row..], y, value);
        });
        Ok(())
    }

    fn backward(&mut self, mut pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (x, parallelism, row) = (pass.x.as_slice(), pass.parallelism, self.weight.count());
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
            let weight = self.weight.buffer();
            by_samples(parallelism, 4 * x.len(), dx.as_mut_slice(), row, |first, dx| {
                let gradient = |dx, x, slope| if x > T::zero() { dx } else { slope * dx };
                each_with_slope(weight, &x[first * row..], dx, gradient);
            });
        }
        if self.weight.is_frozen() {
            return Ok(());
        }
        // Nobody needs dy any more: what the weight sees of it takes its place.
        by_samples(parallelism, 3 * x.len(), pass.dy.as_mut_slice(), row, |first, dy| {
            for (dy, &x) in dy.iter_mut().zip(&x[first * row..]) {
                *dy = if x > T::zero() { T::zero() } else { *dy * x };
            }
        });
        sink.take(&mut self.weight, &RowGradient::of_bias(row, pass.dy.as_slice()))
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        visit(&self.weight);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        visit(&mut self.weight);
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        input.len() as u64
    }

    fn settings(&self) -> Settings {
        Settings::new().with("slopes", self.weight.shape())
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let slopes = self.weight.shape().rank();
        let (x, slope) = if slopes == 1 && self.weight.count() > 1 {
            (x, graph.along_last(&self.weight, x))
        } else if slopes == 1 {
            (x, graph.param(&self.weight))
        } else {
            (graph.straight(x), graph.param(&self.weight))
        };
        Ok(graph.with("PRelu", x, &[slope]))
    }
}

impl<T: Scalar> Stored<T> for Prelu<T> {
    const KINDS: &'static [&'static str] = &["prelu"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let slopes = entry.shape("slopes")?;
        entry.expect("weight", slopes)?;
        Ok(Self::new(slopes)?)
    }
}

/// to ← f(to, x, the slope that it meets).
fn each_with_slope<T: Scalar>(weight: &[T], x: &[T], to: &mut [T], f: impl Fn(T, T, T) -> T) {
    if let [slope] = *weight {
        to.iter_mut().zip(x).for_each(|(to, &x)| *to = f(*to, x, slope));
        return;
    }
    for (to, x) in to.chunks_exact_mut(weight.len()).zip(x.chunks_exact(weight.len())) {
        for (to, (&x, &slope)) in to.iter_mut().zip(x.iter().zip(weight)) {
            *to = f(*to, x, slope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_has_the_last_axes_of_the_input() {
        let shape = |weight: &[usize], input: &[usize]| {
            Prelu::<f32>::new(Shape::new(weight)?)?.output_shape(&Shape::new(input)?)
        };
        for (weight, input) in [(&[1][..], &[4, 3][..]), (&[1], &[]), (&[3], &[4, 3]), (&[4, 3], &[4, 3])] {
            assert_eq!(shape(weight, input).unwrap().axes(), input);
        }
        assert_eq!(
            shape(&[2], &[4, 3]).unwrap_err().to_string(),
            "expected input [batch, …, 2], got [batch, 4, 3]"
        );
        for weight in [&[][..], &[0], &[2, 0]] {
            assert!(shape(weight, &[2]).unwrap_err().to_string().starts_with("axes of the weight: expected"));
        }
    }
}
