//! The common part of losses that have one number for each row of outputs: for each run of their last axis.

use super::loss::{check_gradient, class_rows, no_divisor, scale_of};
use crate::scalar::sum;
use crate::{Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// A loss with the targets of a batch, which fit its outputs.
pub(super) trait Rowwise<T: Scalar> {
    fn value(&self, row: usize, outputs: &[T]) -> T;

    /// Writes the gradient of a row times `scale`, and gives back its loss as well.
    fn value_and_gradient(&self, row: usize, outputs: &[T], scale: T, gradient: &mut [T]) -> T;

    /// What gradients are multiplied by for this divisor; `None` for a batch without rows that count, and without a divisor.
    fn scale(&self, rows: usize, divisor: f64) -> Result<Option<T>> {
        match scale_of(divisor)? {
            None if rows > 0 => Err(no_divisor(divisor)),
            scale => Ok(scale),
        }
    }
}

pub(super) fn each<T: Scalar>(rows: &impl Rowwise<T>, outputs: TensorView<'_, T>) -> Result<Tensor<T>> {
    let classes = class_rows(outputs)?;
    let (shape, values) = (outputs.shape(), outputs.as_slice());
    let leading = Shape::new(&shape.axes()[..shape.rank() - 1])?;
    Tensor::from_fn(leading, |row| rows.value(row, &values[row * classes..][..classes]))
}

/// The sum, divided, and the gradient of that where there is a place for it.
pub(super) fn part<T: Scalar>(
    rows: &impl Rowwise<T>,
    outputs: TensorView<'_, T>,
    divisor: f64,
    mut gradient: Option<TensorViewMut<'_, T>>,
) -> Result<T> {
    if let Some(gradient) = &gradient {
        check_gradient(outputs, gradient)?;
    }
    let classes = class_rows(outputs)?;
    let outputs = outputs.as_slice().chunks_exact(classes);
    let Some(scale) = rows.scale(outputs.len(), divisor)? else {
        gradient.iter_mut().for_each(|gradient| gradient.as_mut_slice().fill(T::zero()));
        return Ok(T::zero());
    };
    let sum = match gradient {
        None => sum(outputs.enumerate().map(|(row, outputs)| rows.value(row, outputs))),
        Some(mut gradient) => {
            let gradients = gradient.as_mut_slice().chunks_exact_mut(classes);
            let losses = outputs.zip(gradients).enumerate();
            sum(losses
                .map(|(row, (outputs, gradient))| rows.value_and_gradient(row, outputs, scale, gradient)))
        }
    };
    Ok(T::of(sum / divisor))
}
