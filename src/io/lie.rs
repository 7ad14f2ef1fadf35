//! The layout of a parameter in a file, and the conversion from and to that in memory.

use super::orientation::Orientation;
use crate::layers::{Param, Turn};
use crate::prelude::*;
use crate::{Scalar, Shape, Tensor};

/// How one parameter lies in a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Lie {
    orientation: Orientation,
    /// The order of what lies along features.
    rows: RowOrder,
    /// The axes in the file, where they are those of an image in another order.
    axes: Option<Shape>,
}

/// Which row of a file each row of the model has.
#[derive(Debug, Clone, Default)]
pub(super) struct RowOrder {
    /// Matrices of rows that are transposed, one after another.
    transposed: Vec<[usize; 2]>,
}

impl RowOrder {
    /// Of features that have these axes here and other axes in the file, where the last comes first, or where the first comes
    /// last.
    pub(super) fn then(mut self, image: &Shape, last_is_first: bool) -> Self {
        let axes = image.axes();
        let outer = if last_is_first { axes.last() } else { axes.first() }.copied().unwrap_or(1).max(1);
        let rest = image.len() / outer;
        self.transposed.push(if last_is_first { [rest, outer] } else { [outer, rest] });
        self
    }

    /// The file's row that the model has as this row.
    pub(super) fn of(&self, row: usize) -> usize {
        self.transposed.iter().fold(row, |row, [rows, columns]| row % columns * rows + row / columns)
    }

    /// How many rows there are, where they have another order.
    fn len(&self) -> Option<usize> {
        self.transposed.first().map(|[rows, columns]| rows * columns)
    }

    /// Whether every row is where it was.
    #[cfg(feature = "safetensors")]
    pub(super) fn is_same(&self) -> bool {
        self.transposed.is_empty()
    }

    /// Samples of a file as the model takes them, whose numbers are the features themselves.
    #[cfg(feature = "safetensors")]
    pub(super) fn inputs<T: Scalar>(&self, inputs: &Tensor<T>, sample: Shape) -> Tensor<T> {
        let len = sample.len();
        let value = |place: usize| inputs.as_slice()[place / len * len + self.of(place % len)];
        Tensor::from_fn(inputs.shape(), value).expect("the inputs fitted into memory before")
    }
}

impl Lie {
    /// As a parameter is written in this orientation.
    pub(super) fn written(orientation: Orientation, turn: Turn) -> Self {
        match features(turn).filter(|_| orientation == Orientation::PyTorch) {
            None => Self::plain(orientation),
            Some(image) => {
                let axes = matches!(turn, Turn::Axes(_)).then(|| channels_first(&image));
                Self::read(orientation, RowOrder::default().then(&image, true), axes)
            }
        }
    }

    /// With the order of features as it is here.
    pub(super) fn plain(orientation: Orientation) -> Self {
        Self { orientation, ..Self::default() }
    }

    /// With another order of features, and other axes where they are the parameter's own.
    pub(super) fn read(orientation: Orientation, rows: RowOrder, axes: Option<Shape>) -> Self {
        Self { orientation, rows, axes }
    }

    /// The shape in the file.
    pub(super) fn shape<T: Scalar>(&self, param: &Param<T>) -> Shape {
        self.axes.unwrap_or_else(|| {
            if self.is_turned(param) {
                shape_of_weight(self.orientation, param.shape())
            } else {
                param.shape()
            }
        })
    }

    /// Where in the file's tensor the element of a row and a column of the parameter's [`Param::matrix`] is.
    pub(super) fn place<'a, T: Scalar>(
        &'a self,
        param: &Param<T>,
    ) -> impl Fn(usize, usize) -> usize + use<'a, T> {
        let ([rows, columns], is_turned) = (param.matrix(), self.is_turned(param));
        // A row of a convolution's matrix is a tap and a channel, and in the file a channel and a tap.
        let channels = param.shape().axes().iter().rev().nth(1).copied().filter(|_| param.is_kernels());
        // What is no matrix for the kernels has its features in the first axis.
        let block = self.rows.len().filter(|_| rows == 1).map(|features| columns / features);
        move |row, column| match (channels, block) {
            (_, Some(block)) => self.rows.of(column / block) * block + column % block,
            _ if !is_turned => self.rows.of(row) * columns + column,
            (None, _) => column * rows + self.rows.of(row),
            (Some(channels), _) => column * rows + row % channels * (rows / channels) + row / channels,
        }
    }

    /// A tensor of this parameter's shape as it lies in the file.
    pub(super) fn to_file<T: Scalar>(&self, param: &Param<T>, tensor: Tensor<T>) -> Tensor<T> {
        if self.is_as_here(param) {
            return tensor;
        }
        if param.is_dense_weight() && self.rows.len().is_none() {
            return transposed(&tensor);
        }
        let ([rows, columns], place) = (param.matrix(), self.place(param));
        let mut turned = Tensor::zeros(self.shape(param)).expect("the tensor fitted into memory before");
        for row in 0..rows {
            for column in 0..columns {
                turned.as_mut_slice()[place(row, column)] = tensor.as_slice()[row * columns + column];
            }
        }
        turned
    }

    /// A tensor out of the file, of the parameter's shape there, as the parameter's own tensor.
    pub(super) fn of_file<T: Scalar>(&self, param: &Param<T>, tensor: Tensor<T>) -> Tensor<T> {
        if self.is_as_here(param) {
            return tensor;
        }
        if param.is_dense_weight() && self.rows.len().is_none() {
            return transposed(&tensor);
        }
        let ([_, columns], place) = (param.matrix(), self.place(param));
        let value = |index: usize| tensor.as_slice()[place(index / columns, index % columns)];
        Tensor::from_fn(param.shape(), value).expect("the tensor fitted into memory before")
    }

    fn is_as_here<T: Scalar>(&self, param: &Param<T>) -> bool {
        !self.is_turned(param) && self.rows.len().is_none()
    }

    /// Whether outputs come first in the file.
    fn is_turned<T: Scalar>(&self, param: &Param<T>) -> bool {
        self.orientation == Orientation::PyTorch && (param.is_dense_weight() || param.is_kernels())
    }
}

/// The shape that the weight of a dense layer or a convolution has in a file.
pub(super) fn shape_of_weight(orientation: Orientation, weight: Shape) -> Shape {
    match (orientation, weight.axes()) {
        (Orientation::PyTorch, &[inputs, outputs]) => [outputs, inputs].into(),
        (Orientation::PyTorch, &[length, channels, outputs]) => [outputs, channels, length].into(),
        (Orientation::PyTorch, &[height, width, channels, outputs]) => {
            [outputs, channels, height, width].into()
        }
        _ => weight,
    }
}

/// The axes of an image with its channels first.
pub(super) fn channels_first(image: &Shape) -> Shape {
    let mut axes = image.axes().to_vec();
    axes.rotate_right(1);
    Shape::new(&axes).expect("the same axes as before")
}

/// The features that a parameter lies along, with their channels last.
pub(super) fn features(turn: Turn) -> Option<Shape> {
    match turn {
        Turn::Rows(image) | Turn::Axes(image) => Some(image),
        Turn::None | Turn::Unknown => None,
    }
}

/// In less time than element by element.
fn transposed<T: Scalar>(matrix: &Tensor<T>) -> Tensor<T> {
    matrix.transpose().expect("a dense weight is a matrix that fits into memory")
}
