//! Borrowed tensors.

use core::fmt;

use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape};

/// A shape over somebody else's numbers, row-major and contiguous.
///
/// ```
/// use taper::TensorView;
///
/// let pixels = [0.0_f32; 2 * 28 * 28];
/// let images = TensorView::new([2, 28, 28], &pixels)?;
/// assert_eq!(images.batch(), 2);
/// assert_eq!(images.reshape([2, 784])?.sample(1).len(), 784);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct TensorView<'a, T> {
    shape: Shape,
    values: &'a [T],
}

impl<'a, T: Scalar> TensorView<'a, T> {
    /// A view of these values in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] where their number is not that of the shape.
    pub fn new(shape: impl Into<Shape>, values: &'a [T]) -> Result<Self> {
        let shape = shape.into();
        check_length(shape, values.len())?;
        Ok(Self { shape, values })
    }

    /// For lengths that are right by construction.
    pub(crate) fn trusted(shape: Shape, values: &'a [T]) -> Self {
        debug_assert_eq!(shape.len(), values.len());
        Self { shape, values }
    }

    /// The lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The elements in row-major order.
    #[must_use]
    pub fn as_slice(&self) -> &'a [T] {
        self.values
    }

    /// The length of the first axis; 1 for a scalar.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.shape.axes().first().copied().unwrap_or(1)
    }

    /// The number of elements of one sample.
    #[must_use]
    pub fn sample_len(&self) -> usize {
        self.shape.split_batch().map_or(1, |(_, sample)| sample.len())
    }

    /// The elements of sample `index`.
    ///
    /// # Panics
    /// Where the batch has no such sample, as slices do.
    #[must_use]
    pub fn sample(&self, index: usize) -> &'a [T] {
        let len = self.sample_len();
        &self.values[index * len..(index + 1) * len]
    }

    /// The elements of each sample in turn.
    #[must_use]
    pub fn samples(&self) -> impl ExactSizeIterator<Item = &'a [T]> + use<'a, T> {
        let (values, len) = (self.values, self.sample_len());
        (0..self.batch()).map(move |index| &values[index * len..(index + 1) * len])
    }

    /// The same elements with other axes; nothing is copied.
    ///
    /// # Errors
    /// [`Error::Length`] where the shapes differ in their number of elements.
    pub fn reshape(self, shape: impl Into<Shape>) -> Result<Self> {
        Self::new(shape, self.values)
    }
}

/// A shape over somebody else's numbers that may be changed.
///
/// ```
/// use taper::{Tensor, TensorViewMut};
///
/// let mut numbers = [1.0_f32, 2.0, 3.0, 4.0];
/// let mut view = TensorViewMut::new([2, 2], &mut numbers)?;
/// view.samples_mut().for_each(|sample| sample[0] = 0.0);
/// assert_eq!(view.view().to_tensor(), Tensor::from([[0.0, 2.0], [0.0, 4.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(PartialEq)]
pub struct TensorViewMut<'a, T> {
    shape: Shape,
    values: &'a mut [T],
}

impl<'a, T: Scalar> TensorViewMut<'a, T> {
    /// A view of these values in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] where their number is not that of the shape.
    pub fn new(shape: impl Into<Shape>, values: &'a mut [T]) -> Result<Self> {
        let shape = shape.into();
        check_length(shape, values.len())?;
        Ok(Self { shape, values })
    }

    /// For lengths that are right by construction.
    pub(crate) fn trusted(shape: Shape, values: &'a mut [T]) -> Self {
        debug_assert_eq!(shape.len(), values.len());
        Self { shape, values }
    }

    /// The same elements with other axes; nothing is copied.
    ///
    /// # Errors
    /// [`Error::Length`] where the shapes differ in their number of elements.
    pub fn reshape(self, shape: impl Into<Shape>) -> Result<Self> {
        Self::new(shape, self.values)
    }

    /// The lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The elements in row-major order.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        self.values
    }

    /// The elements in row-major order, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.values
    }

    /// The elements for as long as the view could have lived.
    #[must_use]
    pub fn into_slice(self) -> &'a mut [T] {
        self.values
    }

    /// The same elements, not to be changed for now.
    #[must_use]
    pub fn view(&self) -> TensorView<'_, T> {
        TensorView::trusted(self.shape, self.values)
    }

    /// The elements of each sample in turn, to be changed; no samples where one has no elements.
    pub fn samples_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        let len = self.view().sample_len();
        self.values.chunks_exact_mut(len.max(1))
    }
}

impl<T: fmt::Debug> fmt::Debug for TensorView<'_, T> {
    /// The shape and at most the first eight elements.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_numbers(f, "TensorView", self.shape, self.values)
    }
}

impl<T: fmt::Debug> fmt::Debug for TensorViewMut<'_, T> {
    /// The shape and at most the first eight elements.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_numbers(f, "TensorViewMut", self.shape, self.values)
    }
}

/// The shape and at most the first eight elements.
pub(crate) fn fmt_numbers<T: fmt::Debug>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    shape: Shape,
    values: &[T],
) -> fmt::Result {
    let head = &values[..values.len().min(8)];
    let rest = if head.len() < values.len() { ", …" } else { "" };
    let head: Vec<String> = head.iter().map(|value| format!("{value:?}")).collect();
    write!(f, "{name} {shape} [{}{rest}]", head.join(", "))
}

pub(crate) fn check_length(shape: Shape, got: usize) -> Result<()> {
    if shape.len() == got {
        return Ok(());
    }
    Err(Error::Length { what: format!("tensor {shape}"), expected: shape.len(), got })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;

    #[test]
    fn samples_are_the_rows_of_the_batch() {
        let tensor = Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        let rows: Vec<&[f64]> = tensor.view().samples().collect();
        assert_eq!(rows, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        assert_eq!(tensor.view().sample(2), [5.0, 6.0]);
    }

    #[test]
    fn samples_can_be_changed() {
        let mut tensor = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
        for (index, sample) in tensor.view_mut().samples_mut().enumerate() {
            sample[1] = index as f64;
        }
        assert_eq!(tensor, Tensor::from([[1.0, 0.0], [3.0, 1.0]]));
    }

    #[test]
    fn debug_is_short() {
        let mut numbers = [0.5; 9];
        let text = format!("{:?}", TensorView::new([3, 3], &numbers).unwrap());
        assert_eq!(text, "TensorView [3, 3] [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, …]");
        let text = format!("{:?}", TensorViewMut::new([2], &mut numbers[..2]).unwrap());
        assert_eq!(text, "TensorViewMut [2] [0.5, 0.5]");
    }

    #[test]
    fn a_view_of_another_length_is_an_error() {
        let error = TensorView::new([2, 2], &[0.0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "tensor [2, 2]: expected 4 values, got 5");
        let error = Tensor::from([[1.0, 2.0]]).view().reshape([3]).unwrap_err();
        assert_eq!(error.to_string(), "tensor [3]: expected 3 values, got 2");
    }
}
