//! The common part of losses that are sums over elements.

use super::loss::{Reduction, check_gradient, no_divisor, scale_of};
use super::target::Target;
use crate::layers::OutputKind;
use crate::scalar::sum;
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// A loss that is a function of one output and one target. The index is that of the element in its sample.
pub(super) trait Elementwise<T: Scalar> {
    /// What [`Loss::kind`](super::Loss::kind) says.
    const KIND: &'static str;

    fn reduction(&self) -> Reduction;

    fn value(&self, index: usize, output: T, target: T) -> T;

    /// The derivative of `value` with respect to the output.
    fn slope(&self, index: usize, output: T, target: T) -> T;

    /// Whether the settings fit samples of these outputs, and the loss is defined for each of them.
    fn check_outputs(&self, outputs: TensorView<'_, T>) -> Result<()> {
        let _ = outputs;
        Ok(())
    }

    /// Whether it starts from such outputs.
    fn takes(&self, outputs: OutputKind) -> bool {
        let _ = outputs;
        true
    }

    /// Whether the targets are such as this loss is for.
    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        target.check_finite(Self::KIND, outputs)
    }
}

/// Makes a [`Loss`](super::Loss) of an [`Elementwise`] one.
macro_rules! loss_of_elements {
    ($loss:ty) => {
        impl<T: $crate::Scalar> $crate::Loss<T> for $loss {
            fn kind(&self) -> &'static str {
                <Self as $crate::losses::elementwise::Elementwise<T>>::KIND
            }

            fn each(
                &self,
                outputs: $crate::TensorView<'_, T>,
                target: $crate::Target<'_, T>,
            ) -> $crate::Result<$crate::Tensor<T>> {
                $crate::losses::elementwise::each(self, outputs, target)
            }

            fn divisor(&self, target: $crate::Target<'_, T>) -> Option<f64> {
                $crate::losses::elementwise::Elementwise::<T>::reduction(self)
                    .divisor(target.elements() as f64)
            }

            fn part(
                &self,
                outputs: $crate::TensorView<'_, T>,
                target: $crate::Target<'_, T>,
                divisor: f64,
                gradient: Option<$crate::TensorViewMut<'_, T>>,
            ) -> $crate::Result<T> {
                $crate::losses::elementwise::part(self, outputs, target, divisor, gradient)
            }

            $crate::losses::loss::of_whole_batches!();

            fn check_target(
                &self,
                outputs: $crate::Shape,
                target: $crate::Target<'_, T>,
            ) -> $crate::Result<()> {
                $crate::losses::elementwise::Elementwise::<T>::check_target(self, outputs, target)
            }

            fn takes(&self, outputs: $crate::layers::OutputKind) -> bool {
                $crate::losses::elementwise::Elementwise::<T>::takes(self, outputs)
            }
        }
    };
}
pub(super) use loss_of_elements;

/// The values of the target, where they fit the outputs and these the loss.
fn checked<'a, T: Scalar, L: Elementwise<T>>(
    loss: &L,
    outputs: TensorView<'_, T>,
    target: Target<'a, T>,
) -> Result<&'a [T]> {
    let values = target.values(L::KIND, outputs)?;
    loss.check_outputs(outputs)?;
    Ok(values)
}

pub(super) fn each<T: Scalar>(
    loss: &impl Elementwise<T>,
    outputs: TensorView<'_, T>,
    target: Target<'_, T>,
) -> Result<Tensor<T>> {
    let target = checked(loss, outputs, target)?;
    let sample = outputs.sample_len().max(1);
    let values = outputs.as_slice();
    Tensor::from_fn(outputs.shape(), |i| loss.value(i % sample, values[i], target[i]))
}

/// The sum, divided, and the gradient of that where there is a place for it.
pub(super) fn part<T: Scalar>(
    loss: &impl Elementwise<T>,
    outputs: TensorView<'_, T>,
    target: Target<'_, T>,
    divisor: f64,
    gradient: Option<TensorViewMut<'_, T>>,
) -> Result<T> {
    let target = checked(loss, outputs, target)?;
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
