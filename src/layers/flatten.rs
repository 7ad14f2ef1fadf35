//! Flatten: all axes of a sample become one.

use super::stored::{Entry, Restored, Stored};
use super::{Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, Settings};
use crate::getters::getters;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Joins neighbouring axes into one, row-major: 7×7×256 feature maps become a row of 12544.
///
/// Free of cost: the numbers stay where they are and only the shape changes.
///
/// # Shapes
/// Axis 0 is the batch and stays.
///
/// | layer | input | output |
/// |---|---|---|
/// | `Flatten::new()` | `[batch, a, b, c]` | `[batch, a·b·c]` |
/// | `Flatten::axes(2, 3)` | `[batch, a, b, c]` | `[batch, a, b·c]` |
///
/// ```
/// use taper::{Flatten, Layer, Shape};
///
/// let flatten = Flatten::new();
/// let output = Layer::<f32>::output_shape(&flatten, &Shape::from([7, 7, 256]))?;
/// assert_eq!(output, Shape::from([12544]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Flatten {
    /// First and last axis of a batch to join; `None` for all but the batch axis.
    axes: Option<(usize, usize)>,
}

impl Flatten {
    /// Joins all axes but the batch axis.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Joins axes `start` to `end`, both included: PyTorch's `start_dim` and `end_dim`. Axis 0 is the batch, so `start` is at least 1;
    /// axes that the input has not are an error when the model is built.
    #[must_use]
    pub fn axes(start: usize, end: usize) -> Self {
        Self { axes: Some((start, end)) }
    }

    getters! {
        /// The first and the last axis that become one, counted with the batch; `None` for all of a sample.
        joined: Option<(usize, usize)> = |this| this.axes;
    }
}

impl<T: Scalar> Layer<T> for Flatten {
    fn kind(&self) -> &'static str {
        "flatten"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let (start, end) = self.axes.unwrap_or((1, input.rank().max(1)));
        // A sample without axes is one number; flat, it has one axis of length 1.
        if self.axes.is_some() && (start < 1 || end < start || end > input.rank()) {
            return Err(Error::setting(
                "flatten axes",
                "1 <= start <= end <= the input's last axis (axis 0 is the batch)",
                format!("{start} to {end} for input {}", input.batch_pattern()),
            ));
        }
        let axes = input.axes();
        let (before, rest) = axes.split_at(start - 1);
        let (joined, after) = rest.split_at((end - start + 1).min(rest.len()));
        let joined = Shape::new(joined)?;
        if joined.elements() > isize::MAX as u64 {
            let limit = "no more elements than fit into memory";
            return Err(Error::TooLarge { shape: joined.to_string(), limit });
        }
        Shape::new(&[before, &[joined.len()], after].concat())
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

    fn is_reshape(&self) -> bool {
        true
    }

    fn settings(&self) -> Settings {
        let axes = self.axes.map(|(start, end)| Settings::new().with("start", start).with("end", end));
        axes.unwrap_or_default()
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        Ok(graph.reshaped(x, Layer::<T>::output_shape(self, &x.shape())?))
    }
}

impl<T: Scalar> Stored<T> for Flatten {
    const KINDS: &'static [&'static str] = &["flatten"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let axes = if entry.has("start") { Some((entry.count("start")?, entry.count("end")?)) } else { None };
        Ok(Self { axes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(flatten: &Flatten, input: &[usize]) -> Result<Shape> {
        Layer::<f32>::output_shape(flatten, &Shape::new(input)?)
    }

    #[test]
    fn joins_the_axes_it_is_told() {
        for (flatten, input, expected) in [
            (Flatten::new(), &[7, 7, 256][..], &[12544][..]),
            (Flatten::new(), &[5], &[5]),
            (Flatten::new(), &[], &[1]),
            (Flatten::axes(1, 2), &[7, 7, 256], &[49, 256]),
            (Flatten::axes(2, 3), &[7, 7, 256], &[7, 1792]),
            (Flatten::axes(2, 2), &[7, 7, 256], &[7, 7, 256]),
        ] {
            assert_eq!(output(&flatten, input).unwrap().axes(), expected, "{flatten:?}");
        }
    }

    #[test]
    fn axes_that_are_not_there_are_an_error() {
        for flatten in [Flatten::axes(0, 1), Flatten::axes(2, 1), Flatten::axes(1, 4)] {
            let error = output(&flatten, &[7, 7, 256]).unwrap_err().to_string();
            assert!(error.starts_with("flatten axes: expected 1 <= start"), "{error}");
            assert!(error.ends_with("for input [batch, 7, 7, 256]"), "{error}");
        }
    }
}
