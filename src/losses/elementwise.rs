//! What losses of single elements have in common.

use super::loss::{Reduction, check_gradient};
use crate::{Result, Scalar, Tensor, TensorView, TensorViewMut};

/// A loss that is a function of one output and one target. The index is that of the element in its sample.
pub(super) trait Elementwise<T> {
    fn value(&self, index: usize, output: T, target: T) -> T;

    /// The derivative of `value` with respect to the output.
    fn slope(&self, index: usize, output: T, target: T) -> T;
}

pub(super) fn each<T: Scalar>(
    loss: &impl Elementwise<T>,
    outputs: TensorView<'_, T>,
    target: &[T],
) -> Result<Tensor<T>> {
    let sample = outputs.sample_len().max(1);
    let values = outputs.as_slice();
    Tensor::from_fn(outputs.shape(), |i| loss.value(i % sample, values[i], target[i]))
}

pub(super) fn forward<T: Scalar>(
    loss: &impl Elementwise<T>,
    reduction: Reduction,
    outputs: TensorView<'_, T>,
    target: &[T],
) -> T {
    let sample = outputs.sample_len().max(1);
    let pairs = outputs.as_slice().iter().zip(target).enumerate();
    let sum: T = pairs.map(|(i, (&output, &target))| loss.value(i % sample, output, target)).sum();
    sum * reduction.scale(T::of(target.len() as f64))
}

pub(super) fn backward<T: Scalar>(
    loss: &impl Elementwise<T>,
    reduction: Reduction,
    outputs: TensorView<'_, T>,
    target: &[T],
    mut gradient: TensorViewMut<'_, T>,
) -> Result<()> {
    check_gradient(outputs, &gradient)?;
    let sample = outputs.sample_len().max(1);
    let scale = reduction.scale(T::of(target.len() as f64));
    let pairs = outputs.as_slice().iter().zip(target).enumerate();
    for (gradient, (i, (&output, &target))) in gradient.as_mut_slice().iter_mut().zip(pairs) {
        *gradient = scale * loss.slope(i % sample, output, target);
    }
    Ok(())
}
