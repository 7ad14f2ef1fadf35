//! Tensors from arrays of the crate [`ndarray`], and arrays from tensors.
//!
//! Elements are moved or borrowed, not copied:
//!
//! | from | to | copies |
//! |---|---|---|
//! | `Array<T, D>` | [`Tensor<T>`](Tensor) | where the array is transposed, sliced or reversed |
//! | `&Array<T, D>`, `ArrayView<T, D>` | [`TensorView<T>`](TensorView) | never; an error where the rows do not lie one after another |
//! | `&mut Array<T, D>`, `ArrayViewMut<T, D>` | [`TensorViewMut<T>`](TensorViewMut) | never; the same |
//! | [`Tensor<T>`](Tensor) | `ArrayD<T>` | never |
//! | [`TensorView<T>`](TensorView) | `ArrayViewD<T>` | never |
//! | [`TensorViewMut<T>`](TensorViewMut) | `ArrayViewMutD<T>` | never |
//!
//! ```
//! use ndarray::{Array2, ArrayD, array};
//! use taper::{Sequential, Tensor, TensorView};
//!
//! let model = Sequential::<f32>::builder([3]).dense(2).build(&mut taper::seeded(7))?;
//! let batch: Array2<f32> = array![[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]];
//! let logits: ArrayD<f32> = model.predict(TensorView::try_from(&batch)?)?.try_into()?;
//! assert_eq!(logits.shape(), [2, 2]);
//!
//! // Columns of a larger array do not lie one after another: a view of them needs a copy first.
//! let columns = batch.slice(ndarray::s![.., ..2]);
//! assert!(TensorView::try_from(columns).is_err());
//! let copy = columns.as_standard_layout();
//! assert_eq!(TensorView::try_from(&copy)?.as_slice(), [0.1, 0.2, 0.4, 0.5]);
//!
//! // What is owned may lie as it likes.
//! assert_eq!(Tensor::try_from(batch.reversed_axes())?.shape().axes(), [3, 2]);
//! # Ok::<(), taper::Error>(())
//! ```
//!
//! # Errors
//! - [`Error::TooLarge`] where an array has more than [`Shape::MAX_RANK`] axes, or a tensor without elements has axes
//!   that `ndarray` cannot count.
//! - [`Error::Shape`] where a view would need another layout; it tells the strides.

use ndarray::{
    Array, ArrayBase, ArrayD, ArrayRef, ArrayView, ArrayViewD, ArrayViewMut, ArrayViewMutD, Data, DataMut,
    Dimension, IxDyn,
};

use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

impl<T: Scalar, D: Dimension> TryFrom<Array<T, D>> for Tensor<T> {
    type Error = Error;

    /// Moves the elements, or copies them into row-major order where they lie otherwise.
    fn try_from(array: Array<T, D>) -> Result<Self> {
        let (shape, count) = (Shape::new(array.shape())?, array.len());
        if !array.is_standard_layout() {
            return Self::from_vec(shape, array.iter().copied().collect());
        }
        let (mut values, start) = array.into_raw_vec_and_offset();
        // A slice that kept the whole array's memory: what lies before and behind goes.
        values.truncate(start.unwrap_or(0) + count);
        values.drain(..values.len() - count);
        Self::from_vec(shape, values)
    }
}

impl<'a, T: Scalar, D: Dimension> TryFrom<&'a ArrayRef<T, D>> for TensorView<'a, T> {
    type Error = Error;

    fn try_from(array: &'a ArrayRef<T, D>) -> Result<Self> {
        let shape = Shape::new(array.shape())?;
        let values = array.as_slice().ok_or_else(|| not_row_major(array))?;
        Ok(Self::trusted(shape, values))
    }
}

impl<'a, T: Scalar, S: Data<Elem = T>, D: Dimension> TryFrom<&'a ArrayBase<S, D>> for TensorView<'a, T> {
    type Error = Error;

    fn try_from(array: &'a ArrayBase<S, D>) -> Result<Self> {
        Self::try_from(&**array)
    }
}

impl<'a, T: Scalar, D: Dimension> TryFrom<ArrayView<'a, T, D>> for TensorView<'a, T> {
    type Error = Error;

    fn try_from(array: ArrayView<'a, T, D>) -> Result<Self> {
        let shape = Shape::new(array.shape())?;
        let values = array.to_slice().ok_or_else(|| not_row_major(&array))?;
        Ok(Self::trusted(shape, values))
    }
}

impl<'a, T: Scalar, D: Dimension> TryFrom<&'a mut ArrayRef<T, D>> for TensorViewMut<'a, T> {
    type Error = Error;

    fn try_from(array: &'a mut ArrayRef<T, D>) -> Result<Self> {
        Self::try_from(array.view_mut())
    }
}

impl<'a, T: Scalar, S: DataMut<Elem = T>, D: Dimension> TryFrom<&'a mut ArrayBase<S, D>>
    for TensorViewMut<'a, T>
{
    type Error = Error;

    fn try_from(array: &'a mut ArrayBase<S, D>) -> Result<Self> {
        Self::try_from(array.view_mut())
    }
}

impl<'a, T: Scalar, D: Dimension> TryFrom<ArrayViewMut<'a, T, D>> for TensorViewMut<'a, T> {
    type Error = Error;

    fn try_from(array: ArrayViewMut<'a, T, D>) -> Result<Self> {
        let shape = Shape::new(array.shape())?;
        let error = (!array.is_standard_layout()).then(|| not_row_major(&array));
        match array.into_slice() {
            Some(values) => Ok(Self::trusted(shape, values)),
            None => Err(error.expect("an array in standard layout is a slice")),
        }
    }
}

impl<T: Scalar> TryFrom<Tensor<T>> for ArrayD<T> {
    type Error = Error;

    /// Moves the elements.
    fn try_from(tensor: Tensor<T>) -> Result<Self> {
        let shape = tensor.shape();
        Self::from_shape_vec(IxDyn(shape.axes()), tensor.into_vec()).map_err(|_| uncountable(shape))
    }
}

impl<'a, T: Scalar> TryFrom<TensorView<'a, T>> for ArrayViewD<'a, T> {
    type Error = Error;

    fn try_from(view: TensorView<'a, T>) -> Result<Self> {
        Self::from_shape(IxDyn(view.shape().axes()), view.as_slice()).map_err(|_| uncountable(view.shape()))
    }
}

impl<'a, T: Scalar> TryFrom<TensorViewMut<'a, T>> for ArrayViewMutD<'a, T> {
    type Error = Error;

    fn try_from(view: TensorViewMut<'a, T>) -> Result<Self> {
        let shape = view.shape();
        Self::from_shape(IxDyn(shape.axes()), view.into_slice()).map_err(|_| uncountable(shape))
    }
}

fn not_row_major<T, D: Dimension>(array: &ArrayRef<T, D>) -> Error {
    let mut expected = vec![1; array.ndim()];
    for axis in (1..array.ndim()).rev() {
        expected[axis - 1] = expected[axis] * array.shape()[axis];
    }
    Error::Shape {
        what: "strides",
        expected: format!("{expected:?}"),
        got: format!("{:?}", array.strides()),
        hint: "a view takes an array in row-major order, which `.as_standard_layout()` makes of any other",
    }
}

/// An axis of length 0 makes any others possible in a [`Shape`]; `ndarray` multiplies those.
fn uncountable(shape: Shape) -> Error {
    Error::TooLarge { shape: shape.to_string(), limit: "axes whose product is at most `isize::MAX`" }
}
