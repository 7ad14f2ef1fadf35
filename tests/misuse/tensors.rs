//! Tensors, views and shapes.

use taper::{Dense, Param, Shape, Tensor, TensorView, TensorViewMut, seeded};

use super::{Case, error};

pub(crate) const CASES: &[Case] = &[
    (
        "too few values",
        || error(Tensor::from_vec([2, 3], vec![0.0_f32; 5])),
        "tensor [2, 3]: expected 6 values, got 5",
    ),
    (
        "too many values",
        || error(Tensor::from_slice([2, 2], &[0.0_f64; 5])),
        "tensor [2, 2]: expected 4 values, got 5",
    ),
    (
        "a view of another length",
        || error(TensorView::new([3], &[0.0_f32; 4])),
        "tensor [3]: expected 3 values, got 4",
    ),
    (
        "a mutable view of another length",
        || error(TensorViewMut::new([3], &mut [0.0_f32; 2])),
        "tensor [3]: expected 3 values, got 2",
    ),
    (
        "a view of a shape beyond counting",
        || error(TensorView::new([usize::MAX, 2], &[0.0_f32; 4])),
        "tensor [18446744073709551615, 2]: expected 18446744073709551615 values, got 4",
    ),
    (
        "a reshape to another number of elements",
        || error(Tensor::from([[1.0, 2.0]]).reshape([3])),
        "tensor [3]: expected 3 values, got 2",
    ),
    (
        "a shape larger than memory",
        || error(Tensor::<f32>::zeros([1 << 20, 1 << 30])),
        "shape [1048576, 1073741824]: expected no more elements than fit into memory",
    ),
    (
        "a shape that overflows",
        || error(Tensor::<f64>::full([usize::MAX, 3], 1.0)),
        "shape [18446744073709551615, 3]: expected no more elements than fit into memory",
    ),
    (
        "too many axes",
        || error(Shape::new(&[1, 2, 3, 4, 5, 6, 7])),
        "shape [1, 2, 3, 4, 5, 6, 7]: expected at most 6 axes",
    ),
    (
        "no room for the batch",
        || error(Shape::from([1, 2, 3, 4, 5, 6]).with_batch(2)),
        "shape [1, 2, 3, 4, 5, 6]: expected room for a batch axis (at most 6 axes)",
    ),
    (
        "matmul of misfits",
        || error(Tensor::from([[1.0, 2.0]]).matmul(&Tensor::from([[1.0, 2.0]]))),
        "expected right matrix [2, m], got [1, 2]",
    ),
    (
        "matmul from a row",
        || error(Tensor::from([1.0, 2.0]).matmul(&Tensor::from([[1.0, 2.0]]))),
        "expected left matrix [rows, columns], got [2]",
    ),
    (
        "matmul with a row",
        || error(Tensor::from([[1.0, 2.0]]).matmul(&Tensor::from([1.0, 2.0]))),
        "expected right matrix [rows, columns], got [2]",
    ),
    (
        "transpose of a row",
        || error(Tensor::from([1.0, 2.0]).transpose()),
        "expected tensor [rows, columns], got [2]",
    ),
    (
        "a parameter set to another shape",
        || error(Param::new("weight", &Tensor::from([[1.0, 2.0]])).set(&Tensor::from([[1.0], [2.0]]))),
        "expected parameter `weight` [1, 2], got [2, 1]",
    ),
    (
        "a dense weight set to its transpose",
        || {
            let mut dense = Dense::<f32>::new(3, 2, &mut seeded(1)).unwrap();
            error(dense.weight_mut().set(&Tensor::zeros([2, 3]).unwrap()))
        },
        "expected parameter `weight` [3, 2], got [2, 3]",
    ),
];
