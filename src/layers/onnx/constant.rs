//! Constants of a graph, whose numbers are read when they are written.

use crate::layers::Param;
use crate::prelude::*;
use crate::{Scalar, Tensor};

/// A constant with the axes that it has in the graph.
#[derive(Debug)]
pub(crate) struct Constant<'a, T> {
    pub(crate) numbers: Numbers<'a, T>,
    pub(crate) dims: Vec<usize>,
}

#[derive(Debug)]
pub(crate) enum Numbers<'a, T> {
    /// A parameter, and which of its axes comes first.
    Param(&'a Param<T>, Vec<usize>),
    /// The same of whole numbers of eight bits.
    Bytes(&'a Param<T>, Vec<usize>),
    Tensor(Tensor<T>),
    #[cfg_attr(not(feature = "onnx"), expect(dead_code, reason = "for the writer of files"))]
    Integers(Vec<i64>),
}

#[cfg_attr(not(feature = "onnx"), expect(dead_code, reason = "for the writer of files"))]
impl<T: Scalar> Constant<'_, T> {
    /// The bytes that its numbers take.
    pub(crate) fn len(&self) -> u64 {
        let count = self.dims.iter().fold(1_u64, |count, &dim| count.saturating_mul(dim as u64));
        count.saturating_mul(self.size() as u64)
    }

    /// The bytes of a number.
    fn size(&self) -> usize {
        match &self.numbers {
            Numbers::Param(..) | Numbers::Tensor(_) => size_of::<T>(),
            Numbers::Bytes(..) => 1,
            Numbers::Integers(_) => size_of::<i64>(),
        }
    }

    /// Calls `visit` with each number, in the order in which they lie in the graph; with none of whole ones.
    pub(crate) fn each(&self, visit: &mut dyn FnMut(T)) {
        match &self.numbers {
            Numbers::Param(param, order) | Numbers::Bytes(param, order) => {
                each_in_order(&param.to_tensor(), order, visit);
            }
            Numbers::Tensor(tensor) => tensor.as_slice().iter().copied().for_each(visit),
            Numbers::Integers(_) => {}
        }
    }
}

/// The numbers of a tensor with its axes in another order.
fn each_in_order<T: Scalar>(tensor: &Tensor<T>, order: &[usize], visit: &mut dyn FnMut(T)) {
    let (shape, numbers) = (tensor.shape(), tensor.as_slice());
    let axes = shape.axes();
    let stride = |axis: usize| axes[axis + 1..].iter().product::<usize>();
    let ordered: Vec<(usize, usize)> = order.iter().map(|&axis| (axes[axis], stride(axis))).collect();
    let mut place = vec![0; ordered.len()];
    let mut from = 0;
    for _ in 0..numbers.len() {
        visit(numbers[from]);
        // The last axis moves first, as the hands of a clock do.
        for (place, &(len, stride)) in place.iter_mut().zip(&ordered).rev() {
            (*place, from) = (*place + 1, from + stride);
            if *place < len {
                break;
            }
            (*place, from) = (0, from - len * stride);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_in_another_order() {
        let tensor = Tensor::from_fn([2, 3, 4], |place| place as f64).unwrap();
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]] {
            let mut got = Vec::new();
            each_in_order(&tensor, &order, &mut |number| got.push(number));
            let axes = order.map(|axis| [2, 3, 4][axis]);
            let expected = (0..24).map(|index| {
                let place = [index / (axes[1] * axes[2]), index / axes[2] % axes[1], index % axes[2]];
                let along = |axis: usize| place[order.iter().position(|&other| other == axis).unwrap()];
                f64::from((along(0) * 3 + along(1)) * 4 + along(2))
            });
            assert_eq!(got, expected.collect::<Vec<_>>(), "{order:?}");
        }
    }
}
