//! The common part of losses that are sums over elements.

use super::loss::{check_gradient, no_divisor, scale_of};
use crate::scalar::sum;
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

/// The sum, divided, and the gradient of that where there is a place for it.
pub(super) fn part<T: Scalar>(
    loss: &impl Elementwise<T>,
    outputs: TensorView<'_, T>,
    target: &[T],
    divisor: f64,
    gradient: Option<TensorViewMut<'_, T>>,
) -> Result<T> {
    if let Some(gradient) = &gradient {
        check_gradient(outputs, gradient)?;
    }
    let Some(scale) = scale_of::<T>(divisor)? else { return of_nothing(target.len(), divisor) };
    let sample = outputs.sample_len().max(1);
    let pairs = outputs.as_slice().iter().zip(target).enumerate();
    let value = |(i, (&output, &target)): (usize, (&T, &T))| loss.value(i % sample, output, target);
    let sum = match gradient {
        None => sum(pairs.map(value)),
        Some(mut gradient) => sum(pairs.zip(gradient.as_mut_slice()).map(|(pair, gradient)| {
            let (i, (&output, &target)) = pair;
            *gradient = scale * loss.slope(i % sample, output, target);
            value(pair)
        })),
    };
    Ok(T::of(sum / divisor))
}

/// The loss of no elements, which needs no divisor.
pub(super) fn of_nothing<T: Scalar>(elements: usize, divisor: f64) -> Result<T> {
    if elements == 0 { Ok(T::zero()) } else { Err(no_divisor(divisor)) }
}
