//! Layers whose outputs are weighted sums of what they take: those that make units, and those that take them.

use std::any::Any;

use super::patches::for_each_patch;
use crate::layers::{Conv1d, Conv2d, Dense, Layer, Param, Units};
use crate::{Result, Scalar, Shape, Tensor};

/// A layer of weighted sums in which every output sees every unit.
#[derive(Clone, Copy)]
pub(super) enum Sums<'a, T: Scalar> {
    Dense(&'a Dense<T>),
    Conv2d(&'a Conv2d<T>),
    Conv1d(&'a Conv1d<T>),
}

impl<'a, T: Scalar> Sums<'a, T> {
    /// None where the layer is no such, or has its weight in fewer bits than the model's numbers.
    pub(super) fn of(layer: &'a dyn Layer<T>) -> Option<Self> {
        Self::of_kind(layer).filter(|sums| sums.weight().number_type() == T::NAME)
    }

    fn of_kind(layer: &'a dyn Layer<T>) -> Option<Self> {
        let any: &dyn Any = layer;
        let all_to_all = |channels: crate::layers::Channels| channels.groups == 1;
        if let Some(dense) = any.downcast_ref() {
            return Some(Self::Dense(dense));
        }
        if let Some(conv) = any.downcast_ref::<Conv2d<T>>() {
            return all_to_all(conv.channels()).then_some(Self::Conv2d(conv));
        }
        let conv = any.downcast_ref::<Conv1d<T>>()?;
        all_to_all(conv.channels()).then_some(Self::Conv1d(conv))
    }

    /// The weight: the last axis is that of the outputs, all others together the rows that an output is a sum of.
    pub(super) fn weight(self) -> &'a Param<T> {
        match self {
            Self::Dense(dense) => dense.weight(),
            Self::Conv2d(conv) => conv.weight(),
            Self::Conv1d(conv) => conv.weight(),
        }
    }

    fn bias(self) -> Option<&'a Param<T>> {
        match self {
            Self::Dense(dense) => dense.bias(),
            Self::Conv2d(conv) => conv.bias(),
            Self::Conv1d(conv) => conv.bias(),
        }
    }

    /// The numbers of outputs, or output channels.
    pub(super) fn outputs(self) -> usize {
        self.weight().shape().axes().last().copied().unwrap_or(1)
    }

    /// The rows of the weight.
    pub(super) fn rows(self) -> usize {
        self.weight().count() / self.outputs()
    }

    /// The weight in double precision, row after row.
    pub(super) fn weight_rows(self) -> Vec<f64> {
        self.weight().to_tensor().as_slice().iter().map(|value| value.as_f64()).collect()
    }

    /// The rows of the weight that each unit of the inputs meets; none where units do not lie along the rows.
    pub(super) fn rows_of_units(self, input: &Shape, units: Units) -> Option<Vec<Vec<usize>>> {
        let fits = match self {
            Self::Dense(dense) => units.repeat_in(dense.inputs()),
            Self::Conv2d(_) | Self::Conv1d(_) => units.are_channels(input),
        };
        let mut rows = vec![Vec::new(); units.count];
        // The channels are the last of the axes that are rows.
        (0..self.rows()).for_each(|row| rows[units.of(row)].push(row));
        fits.then_some(rows)
    }

    /// Of how many rows of numbers it makes sums in a sample of this shape.
    pub(super) fn rows_in(self, input: &Shape) -> Result<usize> {
        Ok(match self {
            Self::Dense(dense) => input.len() / dense.inputs(),
            Self::Conv2d(conv) => conv.window().over(input)?.positions(),
            Self::Conv1d(conv) => conv.window().on_sequences()?.over(&as_image(input)?)?.positions(),
        })
    }

    /// Calls `row` with each row of numbers that is multiplied by the weight, of a sample of this shape.
    pub(super) fn for_each_row(self, input: &Shape, sample: &[T], row: impl FnMut(&[T])) -> Result<()> {
        match self {
            Self::Dense(dense) => sample.chunks_exact(dense.inputs()).for_each(row),
            Self::Conv2d(conv) => for_each_patch(conv.window(), input, sample, row)?,
            Self::Conv1d(conv) => {
                for_each_patch(conv.window().on_sequences()?, &as_image(input)?, sample, row)?;
            }
        }
        Ok(())
    }

    /// The layer with these outputs alone.
    pub(super) fn with_outputs(self, kept: &[usize]) -> Box<dyn Layer<T>> {
        match self {
            Self::Dense(dense) => Box::new(dense.with_outputs(kept)),
            Self::Conv2d(conv) => Box::new(conv.with_outputs(kept)),
            Self::Conv1d(conv) => Box::new(conv.with_outputs(kept)),
        }
    }

    /// The layer that takes so many units, with another weight, and what is added to its bias.
    pub(super) fn with_weight(
        self,
        rows: &[f64],
        units: usize,
        before: usize,
        shift: &[f64],
    ) -> Result<Box<dyn Layer<T>>> {
        let mut axes = self.weight().shape().axes().to_vec();
        let inputs = axes.len() - 2;
        axes[inputs] = axes[inputs] / before * units;
        let weight = Tensor::from_vec(Shape::new(&axes)?, rows.iter().map(|&value| T::of(value)).collect())?;
        let old = |output: usize| self.bias().map_or(0.0, |bias| bias.buffer()[output].as_f64());
        let bias = Tensor::from_fn([self.outputs()], |output| T::of(old(output) + shift[output]))?;
        Ok(match self {
            Self::Dense(dense) => Box::new(dense.with_sums(&weight, &bias)),
            Self::Conv2d(conv) => Box::new(conv.with_sums(&weight, &bias)),
            Self::Conv1d(conv) => Box::new(conv.with_sums(&weight, &bias)),
        })
    }
}

/// A sequence is an image of one row.
fn as_image(sequence: &Shape) -> Result<Shape> {
    let axes: Vec<usize> = [1].into_iter().chain(sequence.axes().iter().copied()).collect();
    Shape::new(&axes)
}
