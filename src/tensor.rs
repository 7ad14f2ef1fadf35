//! Owned tensors: row-major and contiguous.

use core::fmt;

use crate::kernels::{self, MatrixProduct};
use crate::prelude::*;
use crate::view::{TensorView, TensorViewMut, check_length, fmt_numbers};
use crate::{Error, Result, Scalar, Shape};

/// An owned array of numbers with a shape. The last axis runs fastest; the first is the batch.
///
/// Reshaping costs nothing, since the numbers stay where they are. Strides, broadcasting and slicing of inner
/// axes are deliberately absent: a layer needs none of them.
///
/// What takes a batch takes a `&Tensor` or a [`TensorView`], which borrows numbers that are somebody else's. With the feature `ndarray`
/// arrays of that crate become tensors and views, and back (`taper::arrays`).
///
/// ```
/// use taper::Tensor;
///
/// let x = Tensor::from([[1.0, 2.0, 3.0]]);                   // a row, 1×3
/// let weight = Tensor::from([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]); // 3×2
/// assert_eq!(x.matmul(&weight)?, Tensor::from([[4.0, 5.0]])); // the width of the weight is what is left
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Tensor<T> {
    shape: Shape,
    values: Vec<T>,
}

impl<T: Scalar> Tensor<T> {
    /// A tensor of zeros.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where the memory for it cannot be had.
    pub fn zeros(shape: impl Into<Shape>) -> Result<Self> {
        Self::full(shape, T::zero())
    }

    /// A tensor of one value.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where the memory for it cannot be had.
    pub fn full(shape: impl Into<Shape>, value: T) -> Result<Self> {
        let shape = shape.into();
        let mut values = reserve(shape)?;
        values.resize(shape.len(), value);
        Ok(Self { shape, values })
    }

    /// A tensor with `value(i)` at place `i` of its row-major order.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where the memory for it cannot be had.
    pub fn from_fn(shape: impl Into<Shape>, value: impl FnMut(usize) -> T) -> Result<Self> {
        let shape = shape.into();
        let mut values = reserve(shape)?;
        values.extend((0..shape.len()).map(value));
        Ok(Self { shape, values })
    }

    /// A tensor of these values, in row-major order; nothing is copied.
    ///
    /// # Errors
    /// [`Error::Length`] where their number is not that of the shape.
    pub fn from_vec(shape: impl Into<Shape>, values: Vec<T>) -> Result<Self> {
        let shape = shape.into();
        check_length(shape, values.len())?;
        Ok(Self { shape, values })
    }

    /// A tensor of a copy of these values, in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] where their number is not that of the shape.
    pub fn from_slice(shape: impl Into<Shape>, values: &[T]) -> Result<Self> {
        Self::from_vec(shape, values.to_vec())
    }

    /// The lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The elements in row-major order.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.values
    }

    /// The elements in row-major order, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// The elements in row-major order; nothing is copied.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.values
    }

    /// A borrowed view of the whole.
    #[must_use]
    pub fn view(&self) -> TensorView<'_, T> {
        TensorView::trusted(self.shape, &self.values)
    }

    /// A borrowed view of the whole, to be changed.
    pub fn view_mut(&mut self) -> TensorViewMut<'_, T> {
        TensorViewMut::trusted(self.shape, &mut self.values)
    }

    /// The same elements with other axes; nothing is copied.
    ///
    /// # Errors
    /// [`Error::Length`] where the shapes differ in their number of elements.
    pub fn reshape(self, shape: impl Into<Shape>) -> Result<Self> {
        Self::from_vec(shape, self.values)
    }

    /// The matrix with rows and columns exchanged: PyTorch's `[outputs, inputs]` to our `[inputs, outputs]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the tensor is not a matrix, [`Error::TooLarge`] where the memory for the result cannot be had.
    pub fn transpose(&self) -> Result<Self> {
        let [rows, columns] = self.matrix("tensor")?;
        Self::from_fn([columns, rows], |i| self.values[(i % rows) * columns + i / rows])
    }

    /// The matrix product `self · other`: n×k by k×m gives n×m.
    ///
    /// # Errors
    /// [`Error::Shape`] where one is not a matrix, or the inner lengths differ; [`Error::TooLarge`] where the memory for the result
    /// cannot be had.
    pub fn matmul(&self, other: &Self) -> Result<Self> {
        let [n, k] = self.matrix("left matrix")?;
        let [rows, m] = other.matrix("right matrix")?;
        if rows != k {
            return Err(Error::shape("right matrix", format!("[{k}, m]"), other.shape));
        }
        let mut product = Self::zeros([n, m])?;
        let size = MatrixProduct { m: n, k, n: m };
        kernels::matrix_product(size, &self.values, &other.values, &mut product.values);
        Ok(product)
    }

    /// The tensor of `function` of each element.
    #[must_use]
    pub fn map(mut self, function: impl Fn(T) -> T) -> Self {
        for value in &mut self.values {
            *value = function(*value);
        }
        self
    }

    fn matrix(&self, what: &'static str) -> Result<[usize; 2]> {
        <[usize; 2]>::try_from(self.shape.axes())
            .map_err(|_| Error::shape(what, "[rows, columns]", self.shape))
    }
}

/// An empty vector with room for a tensor of this shape, or an error instead of an abort.
fn reserve<T>(shape: Shape) -> Result<Vec<T>> {
    let mut values = Vec::new();
    match values.try_reserve_exact(shape.len()) {
        Ok(()) => Ok(values),
        Err(_) => {
            Err(Error::TooLarge { shape: shape.to_string(), limit: "no more elements than fit into memory" })
        }
    }
}

impl<T: Scalar> TensorView<'_, T> {
    /// An owned copy.
    #[must_use]
    pub fn to_tensor(&self) -> Tensor<T> {
        Tensor::from_slice(self.shape(), self.as_slice())
            .expect("a view has as many values as its shape says")
    }
}

impl<'a, T: Scalar> From<&'a Tensor<T>> for TensorView<'a, T> {
    fn from(tensor: &'a Tensor<T>) -> Self {
        tensor.view()
    }
}

impl<'a, T: Scalar> From<&'a mut Tensor<T>> for TensorViewMut<'a, T> {
    fn from(tensor: &'a mut Tensor<T>) -> Self {
        tensor.view_mut()
    }
}

impl<T: Scalar, const N: usize> From<[T; N]> for Tensor<T> {
    fn from(values: [T; N]) -> Self {
        Self { shape: [N].into(), values: values.to_vec() }
    }
}

impl<T: Scalar, const N: usize, const M: usize> From<[[T; M]; N]> for Tensor<T> {
    fn from(values: [[T; M]; N]) -> Self {
        Self { shape: [N, M].into(), values: values.as_flattened().to_vec() }
    }
}

impl<T: Scalar, const N: usize, const M: usize, const K: usize> From<[[[T; K]; M]; N]> for Tensor<T> {
    fn from(values: [[[T; K]; M]; N]) -> Self {
        Self { shape: [N, M, K].into(), values: values.as_flattened().as_flattened().to_vec() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Tensor<T> {
    /// The shape and at most the first eight elements: a weight has millions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_numbers(f, "Tensor", self.shape, &self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_values_in_row_major_order() {
        let tensor = Tensor::from([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]);
        assert_eq!(tensor.shape().axes(), [1, 3, 2]);
        assert_eq!(tensor.as_slice(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(tensor.reshape([6]).unwrap(), Tensor::from([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    }

    #[test]
    fn transpose_exchanges_rows_and_columns() {
        let tensor = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        assert_eq!(tensor.transpose().unwrap(), Tensor::from([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]));
    }

    #[test]
    fn matmul_agrees_with_three_loops() {
        for [n, k, m] in [[1, 1, 1], [3, 5, 2], [17, 33, 9], [2, 0, 3], [0, 4, 4]] {
            let a = Tensor::from_fn([n, k], |i| (i % 7) as f64 - 3.0).unwrap();
            let b = Tensor::from_fn([k, m], |i| (i % 5) as f64 - 2.0).unwrap();
            let expected = Tensor::from_fn([n, m], |i| {
                (0..k).map(|l| a.as_slice()[i / m * k + l] * b.as_slice()[l * m + i % m]).sum()
            });
            assert_eq!(a.matmul(&b).unwrap(), expected.unwrap(), "{n}x{k}x{m}");
        }
    }

    #[test]
    fn what_cannot_be_had_is_an_error() {
        let error = Tensor::<f32>::zeros([usize::MAX, 2]).unwrap_err().to_string();
        assert!(error.ends_with("expected no more elements than fit into memory"), "{error}");
        let error = Tensor::<f32>::zeros([usize::MAX / 4]).unwrap_err().to_string();
        assert!(error.ends_with("expected no more elements than fit into memory"), "{error}");
        // What no vector is refused for, but the allocator: half of all addresses, which programs of 32 bits can have.
        if cfg!(target_pointer_width = "64") {
            let error = Tensor::<f32>::zeros([usize::MAX / 8]).unwrap_err().to_string();
            assert!(error.ends_with("expected no more elements than fit into memory"), "{error}");
        }
    }

    #[test]
    fn debug_is_short() {
        let text = format!("{:?}", Tensor::from_fn([1000], |i| i as f32).unwrap());
        assert_eq!(text, "Tensor [1000] [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, …]");
    }
}
