//! Which way a dense weight lies in a file.

use crate::layers::Param;
use crate::{Scalar, Shape, Tensor};

/// Which axis of a dense weight comes first in a file. In memory it is neither: the kernels want panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// `[outputs, inputs]`: y = x·Wᵀ + b, as `torch.nn.Linear` keeps it.
    #[default]
    PyTorch,
    /// `[inputs, outputs]`: y = x·W + b, as `keras.layers.Dense` keeps it.
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
        match *param.shape().axes() {
            [inputs, outputs] if self.transposes(param) => [outputs, inputs].into(),
            _ => param.shape(),
        }
    }

    /// A parameter's values as they lie in a file.
    pub(super) fn of_param<T: Scalar>(self, param: &Param<T>) -> Tensor<T> {
        self.of_buffer(param, param.buffer())
    }

    /// The values of a buffer that is laid out as this parameter's, as they lie in a file.
    pub(super) fn of_buffer<T: Scalar>(self, param: &Param<T>, buffer: &[T]) -> Tensor<T> {
        let tensor = param.unpack(buffer);
        if self.transposes(param) { transposed(&tensor) } else { tensor }
    }

    /// A tensor out of a file, of the parameter's shape there, as the parameter's own tensor.
    pub(super) fn to_param<T: Scalar>(self, param: &Param<T>, tensor: Tensor<T>) -> Tensor<T> {
        if self.transposes(param) { transposed(&tensor) } else { tensor }
    }

    /// Whether a parameter's two axes are exchanged in a file.
    pub(super) fn transposes<T: Scalar>(self, param: &Param<T>) -> bool {
        self == Self::PyTorch && param.is_dense_weight()
    }
}

fn transposed<T: Scalar>(matrix: &Tensor<T>) -> Tensor<T> {
    matrix.transpose().expect("a dense weight is a matrix that fits into memory")
}
