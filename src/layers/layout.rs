//! The layout of a parameter's buffer: row-major, or panels.

use super::along::Along;
use crate::kernels::{Bf16Panels, BytePanels, DenseWeightGradient, Panels};
use crate::{Scalar, Shape};

/// Row-major as the tensor, or as the kernels want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    RowMajor,
    /// The matrix of a dense layer, inputs × outputs.
    Panels(Panels),
    /// The weight of a convolution, a matrix of (taps · channels) × outputs: the columns of each group are a matrix in
    /// panels, one group after another.
    Groups(usize, Panels),
    /// The same in whole numbers of eight bits, which are not in the buffer; a dense weight is one group.
    Integers(usize, BytePanels),
    /// The same in bf16.
    Bf16(usize, Bf16Panels),
}

impl Layout {
    /// Runs that are computed apart start at multiples of this.
    pub(super) fn granule<T: Scalar>(self) -> usize {
        match self {
            Self::RowMajor | Self::Integers(..) | Self::Bf16(..) => 1,
            Self::Panels(_) | Self::Groups(..) => DenseWeightGradient::<T>::granule(),
        }
    }

    /// The numbers of rows and columns of what is a matrix to the kernels.
    pub(super) fn matrix(self) -> Option<[usize; 2]> {
        match self {
            Self::RowMajor => None,
            Self::Panels(panels) => Some([panels.rows, panels.columns]),
            Self::Groups(groups, panels) => Some([panels.rows, groups * panels.columns]),
            Self::Integers(groups, panels) => Some([panels.rows, groups * panels.columns]),
            Self::Bf16(groups, panels) => Some([panels.rows, groups * panels.columns]),
        }
    }

    /// What the axes of such a parameter lie along, where it can be told.
    pub(super) fn along(self) -> Along {
        match self {
            Self::RowMajor | Self::Integers(..) => Along::Unknown,
            Self::Panels(_) => Along::Inputs,
            Self::Groups(..) | Self::Bf16(..) => Along::Window,
        }
    }

    /// The same for a tensor of another shape. The weight of a convolution stays one of as many matrices. Not for weights in fewer bits.
    pub(super) fn of_shape<T: Scalar>(self, shape: &Shape) -> Self {
        let columns = shape.axes().last().copied().unwrap_or(1).max(1);
        let rows = shape.len() / columns;
        match self {
            Self::RowMajor | Self::Integers(..) => self,
            Self::Bf16(groups, _) => Self::Bf16(groups, Bf16Panels { rows, columns: columns / groups }),
            Self::Panels(_) => Self::Panels(Panels::new::<T>(rows, columns)),
            Self::Groups(groups, _) => Self::Groups(groups, Panels::new::<T>(rows, columns / groups)),
        }
    }

    /// The elements of a buffer for a tensor of this shape.
    pub(super) fn len(self, shape: &Shape) -> usize {
        match self {
            Self::RowMajor | Self::Integers(..) | Self::Bf16(..) => shape.len(),
            Self::Panels(panels) => panels.len(),
            Self::Groups(groups, panels) => groups * panels.len(),
        }
    }

    /// Writes row-major values into a buffer; padding is left as it is.
    pub(super) fn pack<T: Scalar>(self, values: &[T], buffer: &mut [T]) {
        match self {
            Self::RowMajor => buffer.copy_from_slice(values),
            Self::Integers(..) | Self::Bf16(..) => {}
            Self::Panels(panels) => panels.pack(values, buffer),
            Self::Groups(groups, panels) => {
                let width = groups * panels.columns;
                self.fill(buffer, |row, column| values[row * width + column]);
            }
        }
    }

    /// Writes a buffer into row-major values.
    pub(super) fn unpack<T: Scalar>(self, buffer: &[T], values: &mut [T]) {
        match self {
            Self::RowMajor => values.copy_from_slice(buffer),
            Self::Integers(..) | Self::Bf16(..) => {}
            Self::Panels(panels) => panels.unpack(buffer, values),
            Self::Groups(groups, panels) => {
                let mut group = vec![T::zero(); panels.rows * panels.columns];
                for (number, buffer) in buffer.chunks_exact(panels.len()).enumerate() {
                    panels.unpack(buffer, &mut group);
                    let rows = values.chunks_exact_mut(groups * panels.columns);
                    for (row, values) in rows.zip(group.chunks_exact(panels.columns)) {
                        row[number * panels.columns..][..panels.columns].copy_from_slice(values);
                    }
                }
            }
        }
    }

    /// Writes a function of row and column into a buffer; what is no matrix has one row. Padding is left as it is.
    pub(super) fn fill<T: Scalar>(self, buffer: &mut [T], value: impl Fn(usize, usize) -> T) {
        self.change(buffer, |row, column, _| value(row, column));
    }

    /// The same of what is there already.
    pub(super) fn change<T: Scalar>(self, buffer: &mut [T], value: impl Fn(usize, usize, T) -> T) {
        match self {
            Self::RowMajor => {
                buffer.iter_mut().enumerate().for_each(|(column, place)| *place = value(0, column, *place));
            }
            Self::Integers(..) | Self::Bf16(..) => {}
            Self::Panels(panels) => panels.change(buffer, value),
            Self::Groups(_, panels) => {
                for (group, values) in buffer.chunks_exact_mut(panels.len()).enumerate() {
                    panels.change(values, |row, column, before| {
                        value(row, group * panels.columns + column, before)
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Param, Tensor};

    #[test]
    fn panels_come_back_as_the_matrix_that_went_in() {
        let matrix = Tensor::from_fn([5, 37], |i| i as f32).unwrap();
        let mut param = Param::panels("weight", &matrix);
        assert_eq!(param.to_tensor(), matrix);
        assert_eq!((param.count(), param.buffer().len()), (185, 320));
        param.set(&Tensor::full([5, 37], 2.0).unwrap()).unwrap();
        assert_eq!(param.to_tensor(), Tensor::full([5, 37], 2.0).unwrap());
    }

    #[test]
    fn groups_come_back_as_the_tensor_that_went_in() {
        let tensor = Tensor::from_fn([3, 2, 5, 6], |i| i as f64).unwrap();
        for groups in [1, 2, 3, 6] {
            let mut param = Param::zero_kernels("weight", tensor.shape(), groups).unwrap();
            param.set(&tensor).unwrap();
            assert_eq!(param.to_tensor(), tensor, "{groups} groups");
            let (mut filled, [rows, columns]) = (param.clone(), param.matrix());
            assert_eq!([rows, columns], [30, 6]);
            filled.set(&Tensor::zeros(tensor.shape()).unwrap()).unwrap();
            filled.fill(|row, column| tensor.as_slice()[row * columns + column]);
            assert_eq!(filled.buffer(), param.buffer());
            // The second output of a group lies beside its first.
            let first_group = [0.0, 1.0][..(6 / groups).min(2)].to_vec();
            assert_eq!(param.buffer()[..first_group.len()], first_group);
        }
    }
}
