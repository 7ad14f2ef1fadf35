//! Softmax and log-softmax.

use super::stored::{Entry, Restored, Stored};
use super::{Backward, Forward, GradientSink, Layer, OutputKind};
use crate::scalar::sum;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Probabilities over the last axis: yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ), from xᵢ − max so that nothing overflows.
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
        _: &mut Forward<'_, T>,
    ) -> Result<()> {
        let classes = classes(&x.shape());
        y.as_mut_slice().copy_from_slice(x.as_slice());
        y.as_mut_slice().chunks_exact_mut(classes).for_each(|row| {
            softmax_of_row(row);
        });
        Ok(())
    }

    /// dxᵢ = yᵢ·(dyᵢ − Σⱼ dyⱼ·yⱼ).
    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            input_gradient(pass.y, pass.dy.as_slice(), dx.as_mut_slice());
        }
        Ok(())
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

/// Logarithms of probabilities over the last axis: yᵢ = xᵢ − ln Σⱼ exp(xⱼ), finite where the probability itself
/// is too small for a number.
///
/// # Shapes
/// `[batch, …, classes]` → the same.
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
        _: &mut Forward<'_, T>,
    ) -> Result<()> {
        let classes = classes(&x.shape());
        for (x, y) in x.as_slice().chunks_exact(classes).zip(y.as_mut_slice().chunks_exact_mut(classes)) {
            let (max, log_sum) = max_and_log_sum(x);
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = x - max - log_sum);
        }
        Ok(())
    }

    /// dxᵢ = dyᵢ − exp(yᵢ)·Σⱼ dyⱼ.
    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        let Some(mut dx) = pass.dx else { return Ok(()) };
        let classes = classes(&pass.y.shape());
        let rows = pass.y.as_slice().chunks_exact(classes).zip(pass.dy.as_slice().chunks_exact(classes));
        for (dx, (y, dy)) in dx.as_mut_slice().chunks_exact_mut(classes).zip(rows) {
            let sum = T::of(sum(dy.iter().copied()));
            for (dx, (&y, &dy)) in dx.iter_mut().zip(y.iter().zip(dy)) {
                *dx = dy - y.exp() * sum;
            }
        }
        Ok(())
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

/// dxᵢ = yᵢ·(dyᵢ − Σⱼ dyⱼ·yⱼ), row by row.
pub(super) fn input_gradient<T: Scalar>(y: TensorView<'_, T>, dy: &[T], dx: &mut [T]) {
    let classes = classes(&y.shape());
    let rows = y.as_slice().chunks_exact(classes).zip(dy.chunks_exact(classes));
    for (dx, (y, dy)) in dx.chunks_exact_mut(classes).zip(rows) {
        let mean = T::of(sum(y.iter().zip(dy).map(|(&y, &dy)| y * dy)));
        for (dx, (&y, &dy)) in dx.iter_mut().zip(y.iter().zip(dy)) {
            *dx = y * (dy - mean);
        }
    }
}

/// Logits become probabilities, in place; the largest x and Σⱼ exp(xⱼ − max).
pub(crate) fn softmax_of_row<T: Scalar>(row: &mut [T]) -> (T, T) {
    let max = max(row);
    row.iter_mut().for_each(|x| *x = (*x - max).exp());
    let sum = T::of(sum(row.iter().copied()));
    row.iter_mut().for_each(|x| *x /= sum);
    (max, sum)
}

/// The largest, or NaN where there is one.
fn max<T: Scalar>(row: &[T]) -> T {
    row.iter().copied().fold(T::neg_infinity(), |max, x| if x > max || x.is_nan() { x } else { max })
}

/// m = maxⱼ xⱼ and ln Σⱼ exp(xⱼ − m); the two together are ln Σⱼ exp(xⱼ). NaN where an x is NaN.
pub(crate) fn max_and_log_sum<T: Scalar>(row: &[T]) -> (T, T) {
    let max = max(row);
    let sum = T::of(sum(row.iter().map(|&x| (x - max).exp())));
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
        assert_eq!((max, log_sum), (1e308, std::f64::consts::LN_2));
    }

    #[test]
    fn a_nan_reaches_every_class() {
        let mut row = [0.0, f64::NAN, 1.0];
        softmax_of_row(&mut row);
        assert!(row.iter().all(|p| p.is_nan()), "{row:?}");
    }
}
