//! Which way a weight lies in a file.

use crate::layers::Param;
use crate::{Scalar, Shape, Tensor};

/// Which axis of a weight comes first in a file. In memory it is neither: the kernels want panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// Outputs first. A dense weight is `[outputs, inputs]`, y = x·Wᵀ + b, as `torch.nn.Linear` keeps it; that of a
    /// convolution `[outputs, channels, height, width]`, as `torch.nn.Conv2d` does.
    #[default]
    PyTorch,
    /// Outputs last, as in this crate. A dense weight is `[inputs, outputs]`, y = x·W + b, as `keras.layers.Dense` keeps
    /// it; that of a convolution `[height, width, channels, outputs]`, as `keras.layers.Conv2D` does.
    Keras,
}

impl Orientation {
    /// Its name in a file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PyTorch => "pytorch",
            Self::Keras => "keras",
        }
    }

    /// The orientation of this name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        [Self::PyTorch, Self::Keras].into_iter().find(|orientation| orientation.name() == name)
    }

    /// The shape that a parameter has in a file.
    pub(super) fn shape_of<T: Scalar>(self, param: &Param<T>) -> Shape {
        if self.turns(param) { self.shape_of_weight(param.shape()) } else { param.shape() }
    }

    /// The shape that the weight of a dense layer or a convolution has in a file.
    pub(super) fn shape_of_weight(self, weight: Shape) -> Shape {
        match (self, weight.axes()) {
            (Self::PyTorch, &[inputs, outputs]) => [outputs, inputs].into(),
            (Self::PyTorch, &[height, width, channels, outputs]) => [outputs, channels, height, width].into(),
            _ => weight,
        }
    }

    /// Where in a file's tensor the element of a row and a column of the parameter's [`Param::matrix`] is.
    pub(super) fn place<T: Scalar>(self, param: &Param<T>) -> impl Fn(usize, usize) -> usize + use<T> {
        let ([rows, columns], is_turned) = (param.matrix(), self.turns(param));
        // A row of a convolution's matrix is a tap and a channel, and in the file a channel and a tap.
        let channels = param.shape().axes().get(2).copied().filter(|_| param.is_kernels());
        move |row, column| match channels {
            _ if !is_turned => row * columns + column,
            None => column * rows + row,
            Some(channels) => column * rows + row % channels * (rows / channels) + row / channels,
        }
    }

    /// A parameter's values as they lie in a file.
    pub(super) fn of_param<T: Scalar>(self, param: &Param<T>) -> Tensor<T> {
        self.of_buffer(param, param.buffer())
    }

    /// The values of a buffer that is laid out as this parameter's, as they lie in a file.
    pub(super) fn of_buffer<T: Scalar>(self, param: &Param<T>, buffer: &[T]) -> Tensor<T> {
        let tensor = param.unpack(buffer);
        if !self.turns(param) {
            return tensor;
        }
        if param.is_dense_weight() {
            return transposed(&tensor);
        }
        let ([rows, columns], place) = (param.matrix(), self.place(param));
        let mut turned = Tensor::zeros(self.shape_of(param)).expect("the tensor fitted into memory before");
        for row in 0..rows {
            for column in 0..columns {
                turned.as_mut_slice()[place(row, column)] = tensor.as_slice()[row * columns + column];
            }
        }
        turned
    }

    /// A tensor out of a file, of the parameter's shape there, as the parameter's own tensor.
    pub(super) fn to_param<T: Scalar>(self, param: &Param<T>, tensor: Tensor<T>) -> Tensor<T> {
        if !self.turns(param) {
            return tensor;
        }
        if param.is_dense_weight() {
            return transposed(&tensor);
        }
        let ([_, columns], place) = (param.matrix(), self.place(param));
        let value = |index: usize| tensor.as_slice()[place(index / columns, index % columns)];
        Tensor::from_fn(param.shape(), value).expect("the tensor fitted into memory before")
    }

    /// Whether a parameter's axes have another order in a file.
    fn turns<T: Scalar>(self, param: &Param<T>) -> bool {
        self == Self::PyTorch && (param.is_dense_weight() || param.is_kernels())
    }
}

/// In less time than element by element.
fn transposed<T: Scalar>(matrix: &Tensor<T>) -> Tensor<T> {
    matrix.transpose().expect("a dense weight is a matrix that fits into memory")
}
