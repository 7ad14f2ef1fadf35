//! Softmax and log-softmax.

use super::samples::by_samples;
use super::stored::{Entry, Restored, Stored};
use super::{Backward, Forward, GradientSink, Layer, OnnxGraph, OnnxValue, OutputKind};
use crate::kernels::Parallelism;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Softmax, probabilities over the last axis: yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ), from xᵢ − max so that nothing overflows. With it,
/// dxᵢ = yᵢ·(dyᵢ − Σⱼ dyⱼ·yⱼ). A row with a NaN or an infinity that is not negative becomes NaN.
///
/// To be put behind a trained model, not before a loss: the losses of this crate start from logits.
///
/// # Shapes
/// `[batch, …, classes]` → the same.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([2]).softmax().build(&mut taper::seeded(0))?;
/// assert_eq!(model.predict(&Tensor::from([[1e4_f32, 1e4]]))?, Tensor::from([[0.5, 0.5]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Softmax;

impl<T: Scalar> Layer<T> for Softmax {
    fn kind(&self) -> &'static str {
        "softmax"
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
            y.copy_from_slice(x);
            softmax_of_row(y);
        });
        Ok(())
    }

    /// dxᵢ = yᵢ·(dyᵢ − Σⱼ dyⱼ·yⱼ).
    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            input_gradient(pass.y, pass.dy.as_slice(), dx.as_mut_slice(), pass.parallelism);
        }
        Ok(())
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        Ok(graph.each("Softmax", x, &[("axis", x.last_axis().into())]))
    }
}

impl<T: Scalar> Stored<T> for Softmax {
    const KINDS: &'static [&'static str] = &["softmax"];

    fn restore(_: &mut dyn Entry) -> Restored<Self> {
        Ok(Self)
    }
}

/// Probabilities over the last axis of logits, as the layer [`Softmax`] gives them: yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ), from xᵢ − max so
/// that nothing overflows. A row with a NaN or an infinity that is not negative becomes NaN.
///
/// # Shapes
/// `[…, classes]` → the same.
///
/// ```
/// use taper::{Tensor, layers::softmax};
///
/// assert_eq!(softmax(&Tensor::from([1e4_f32, 1e4]))?, Tensor::from([0.5, 0.5]));
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] where there is no axis, or none along the last.
pub fn softmax<'a, T: Scalar>(logits: impl Into<TensorView<'a, T>>) -> Result<Tensor<T>> {
    let logits = logits.into();
    let Some(&classes) = logits.shape().axes().last().filter(|&&classes| classes > 0) else {
        return Err(Error::shape("logits", "[…, classes]", logits.shape()));
    };
    let mut probabilities = logits.to_tensor();
    probabilities.as_mut_slice().chunks_exact_mut(classes).for_each(|row| {
        softmax_of_row(row);
    });
    Ok(probabilities)
}

/// Log-softmax, logarithms of probabilities over the last axis: yᵢ = xᵢ − ln Σⱼ exp(xⱼ), finite where the probability itself
/// is too small for a number. With it, dxᵢ = dyᵢ − exp(yᵢ)·Σⱼ dyⱼ.
///
/// # Shapes
/// `[batch, …, classes]` → the same.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([2]).log_softmax().build(&mut taper::seeded(0))?;
/// assert_eq!(model.predict(&Tensor::from([[0.0_f32, 1e4]]))?, Tensor::from([[-1e4, 0.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct LogSoftmax;

impl<T: Scalar> Layer<T> for LogSoftmax {
    fn kind(&self) -> &'static str {
        "log_softmax"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        check_sample(input)
    }

    fn output_kind(&self, _: OutputKind) -> OutputKind {
        OutputKind::LogProbabilities
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        each_row(context.parallelism, x, y.as_mut_slice(), |_, x, y| {
            let (max, log_sum) = max_and_log_sum(x);
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = x - max - log_sum);
        });
        Ok(())
    }

    /// dxᵢ = dyᵢ − exp(yᵢ)·Σⱼ dyⱼ.
    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        let Some(mut dx) = pass.dx else { return Ok(()) };
        let (classes, dy) = (classes(&pass.y.shape()), pass.dy.as_slice());
        each_row(pass.parallelism, pass.y, dx.as_mut_slice(), |row, y, dx| {
            T::log_softmax_gradient(y, &dy[row * classes..][..classes], dx);
        });
        Ok(())
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        Ok(graph.each("LogSoftmax", x, &[("axis", x.last_axis().into())]))
    }
}

impl<T: Scalar> Stored<T> for LogSoftmax {
    const KINDS: &'static [&'static str] = &["log_softmax"];

    fn restore(_: &mut dyn Entry) -> Restored<Self> {
        Ok(Self)
    }
}

/// The same shape, where a sample of it has classes.
pub(super) fn check_sample(sample: &Shape) -> Result<Shape> {
    match sample.axes().last() {
        Some(&classes) if classes > 0 => Ok(*sample),
        _ => Err(Error::shape("input", "[batch, …, classes]", sample.batch_pattern())),
    }
}

/// The length of the last axis of a batch; at least 1, so that it can be divided by.
pub(super) fn classes(batch: &Shape) -> usize {
    batch.axes().last().map_or(1, |&classes| classes.max(1))
}

/// Calls `work` with the number of each row and the row of both.
pub(super) fn each_row<T: Scalar>(
    parallelism: Parallelism,
    from: TensorView<'_, T>,
    to: &mut [T],
    work: impl Fn(usize, &[T], &mut [T]) + Sync,
) {
    let (classes, from) = (classes(&from.shape()), from.as_slice());
    by_samples(parallelism, 4 * to.len(), to, classes, |first, to| {
        let rows = from[first * classes..].chunks_exact(classes).zip(to.chunks_exact_mut(classes));
        (first..).zip(rows).for_each(|(row, (from, to))| work(row, from, to));
    });
}

/// dxᵢ = yᵢ·(dyᵢ − Σⱼ dyⱼ·yⱼ), row by row.
pub(super) fn input_gradient<T: Scalar>(
    y: TensorView<'_, T>,
    dy: &[T],
    dx: &mut [T],
    parallelism: Parallelism,
) {
    let classes = classes(&y.shape());
    each_row(parallelism, y, dx, |row, y, dx| {
        T::softmax_gradient(y, &dy[row * classes..][..classes], dx);
    });
}

/// Logits become probabilities, in place; the largest x and Σⱼ exp(xⱼ − max). With a NaN among them, the sum is one.
pub(crate) fn softmax_of_row<T: Scalar>(row: &mut [T]) -> (T, T) {
    T::softmax(row)
}

/// m = maxⱼ xⱼ and ln Σⱼ exp(xⱼ − m); the two together are ln Σⱼ exp(xⱼ). With a NaN among them, the logarithm is one.
pub(crate) fn max_and_log_sum<T: Scalar>(row: &[T]) -> (T, T) {
    let (max, sum) = T::largest_and_sum(row);
    (max, sum.ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overflows() {
        let mut row = [1e4, -1e4, 1e4];
        softmax_of_row(&mut row);
        assert_eq!(row, [0.5, 0.0, 0.5]);
        let (max, log_sum) = max_and_log_sum(&[1e308, 1e308_f64]);
        assert_eq!((max, log_sum), (1e308, core::f64::consts::LN_2));
    }

    #[test]
    fn a_nan_reaches_every_class() {
        let mut row = [0.0, f64::NAN, 1.0];
        softmax_of_row(&mut row);
        assert!(row.iter().all(|p| p.is_nan()), "{row:?}");
    }
}
