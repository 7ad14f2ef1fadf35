//! Reshape: the same numbers with other axes.

use super::stored::{Entry, Restored, Stored};
use super::{Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, Settings, Units};
use crate::getters::getters;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Gives each sample another shape with as many elements, row-major. Free of cost, like [`Flatten`](super::Flatten).
///
/// # Shapes
/// `[batch, …]` → `[batch, …]`, the new axes as given.
///
/// ```
/// use taper::{Layer, Shape, layers::Reshape};
///
/// let output = Layer::<f32>::output_shape(&Reshape::new([28, 28, 1]), &Shape::from([784]))?;
/// assert_eq!(output, Shape::from([28, 28, 1]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reshape {
    sample: Shape,
}

impl Reshape {
    /// Reshapes each sample to this shape, which leaves out the batch axis. A sample of another number of elements is an error when the
    /// model is built.
    #[must_use]
    pub fn new(sample: impl Into<Shape>) -> Self {
        Self { sample: sample.into() }
    }

    getters! {
        /// The shape of a sample.
        sample: Shape;
    }
}

impl<T: Scalar> Layer<T> for Reshape {
    fn kind(&self) -> &'static str {
        "reshape"
    }

    fn describe(&self) -> String {
        format!("reshape {}", self.sample)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        if input.len() == self.sample.len() {
            return Ok(self.sample);
        }
        let expected = format!("of {} elements a sample", self.sample.len());
        Err(Error::shape("input", expected, input.batch_pattern()))
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        _: &mut Forward<'_, T>,
    ) -> Result<()> {
        y.as_mut_slice().copy_from_slice(x.as_slice());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
        }
        Ok(())
    }

    fn units_through(&self, _: &Shape, units: Units) -> Option<Units> {
        units.narrowed(&self.sample, units.count).map(|_| units)
    }

    fn with_units(&self, _: &Shape, units: Units, kept: &[usize]) -> Result<Box<dyn Layer<T>>> {
        let sample = units.narrowed(&self.sample, kept.len()).unwrap_or(self.sample);
        Ok(Box::new(Self { sample }))
    }

    fn is_reshape(&self) -> bool {
        true
    }

    fn settings(&self) -> Settings {
        Settings::new().with("sample", self.sample)
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        Ok(graph.reshaped(x, Layer::<T>::output_shape(self, &x.shape())?))
    }
}

impl<T: Scalar> Stored<T> for Reshape {
    const KINDS: &'static [&'static str] = &["reshape"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        Ok(Self::new(entry.shape("sample")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_number_of_elements_is_an_error() {
        let error = Layer::<f32>::output_shape(&Reshape::new([5, 5]), &Shape::from([24])).unwrap_err();
        assert_eq!(error.to_string(), "expected input of 25 elements a sample, got [batch, 24]");
    }
}
