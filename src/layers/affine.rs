//! The weight and the bias of a normalisation, where it has them.

use core::ops::Range;

use super::param_form::check_shapes;
use super::stored::{Entry, Restored};
use super::{Along, GradientSink, GradientSource, Param};
use crate::kernels::RowSums;
use crate::{Result, Scalar, Shape, Tensor};

/// What normalised values are multiplied by, and what is added to them then.
#[derive(Debug, Clone)]
pub(super) struct Affine<T> {
    pub(super) weight: Param<T>,
    pub(super) bias: Param<T>,
}

impl<T: Scalar> Affine<T> {
    /// 1 and 0 for the last axes of the input, which are these.
    pub(super) fn new(axes: Shape) -> Result<Self> {
        Ok(Self {
            weight: Param::new("weight", &Tensor::full(axes, T::one())?).with_along(Along::LastAxes),
            bias: Param::new("bias", &Tensor::zeros(axes)?).with_along(Along::LastAxes),
        })
    }

    /// Those at these places of the last axis.
    pub(super) fn with_columns(&self, kept: &[usize]) -> Self {
        Self { weight: self.weight.with_columns(kept), bias: self.bias.with_columns(kept) }
    }

    /// Whether both have the shape that they were made with.
    pub(super) fn check(&self, axes: Shape) -> Result<()> {
        check_shapes([(&self.weight, axes), (&self.bias, axes)])
    }

    /// Whether a file that says that there are both has them.
    pub(super) fn expect(entry: &mut dyn Entry, axes: Shape) -> Restored<()> {
        entry.expect("weight", axes)?;
        entry.expect("bias", axes)
    }

    /// Hands over the gradients: sums over the samples of what each has of the bias and then of the weight.
    pub(super) fn take_gradients(&mut self, sums: &[T], sink: &mut dyn GradientSink<T>) -> Result<()> {
        let columns = self.weight.count();
        for (param, first) in [(&mut self.bias, 0), (&mut self.weight, columns)] {
            if !param.is_frozen() {
                let rows = RowSums { columns: 2 * columns, dy: sums, normalised: None };
                sink.take(param, &PartOfRows { rows, first })?;
            }
        }
        Ok(())
    }

    pub(super) fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        visit(&self.weight);
        visit(&self.bias);
    }

    pub(super) fn visit_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        visit(&mut self.weight);
        visit(&mut self.bias);
    }

    /// Both.
    pub(super) fn params(&self) -> [&Param<T>; 2] {
        [&self.weight, &self.bias]
    }
}

/// Sums over rows, from a column on.
struct PartOfRows<'a, T> {
    rows: RowSums<'a, T>,
    first: usize,
}

impl<T: Scalar> GradientSource<T> for PartOfRows<'_, T> {
    fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        self.rows.write(run.start + self.first..run.end + self.first, alpha, beta, out);
    }

    fn multiply_adds(&self) -> u64 {
        self.rows.dy.len() as u64
    }
}
