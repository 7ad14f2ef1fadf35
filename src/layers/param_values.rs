//! The numbers of a parameter, of the model's type or of fewer bits.

use super::bf16_weight::Bf16Weight;
use super::integers::Integers;
use super::layout::Layout;
use super::numbers::Numbers;
use crate::Scalar;
use crate::kernels::{bf16_bits, bf16_value};
#[cfg(not(feature = "std"))]
use crate::prelude::*;

/// The numbers of a parameter, laid out as the kernels want them.
#[derive(Clone)]
pub(super) enum Values<T> {
    Numbers(Numbers<T>),
    /// Finite numbers above 0.
    Scales(Numbers<T>),
    /// For layers that are not trained.
    Integers(Integers),
    /// For layers that are not trained.
    Bf16(Bf16Weight),
}

impl<T: Scalar> Values<T> {
    /// Those of the model's type.
    pub(super) fn numbers(&self) -> &[T] {
        match self {
            Self::Numbers(numbers) | Self::Scales(numbers) => numbers.values(),
            Self::Integers(_) | Self::Bf16(_) => &[],
        }
    }

    /// Those of the model's type.
    pub(super) fn numbers_mut(&mut self) -> &mut [T] {
        match self {
            Self::Numbers(numbers) | Self::Scales(numbers) => numbers.values_mut(),
            Self::Integers(_) | Self::Bf16(_) => &mut [],
        }
    }

    /// The whole numbers of eight bits.
    pub(super) fn integers(&self) -> Option<&Integers> {
        match self {
            Self::Numbers(_) | Self::Scales(_) | Self::Bf16(_) => None,
            Self::Integers(integers) => Some(integers),
        }
    }

    /// The numbers in bf16.
    pub(super) fn bf16(&self) -> Option<&Bf16Weight> {
        match self {
            Self::Numbers(_) | Self::Scales(_) | Self::Integers(_) => None,
            Self::Bf16(weight) => Some(weight),
        }
    }

    /// What one of them is called in files, and its bytes.
    pub(super) fn number_type(&self) -> (&'static str, usize) {
        match self {
            Self::Numbers(_) | Self::Scales(_) => (T::NAME, size_of::<T>()),
            Self::Integers(_) => ("i8", 1),
            Self::Bf16(_) => ("bf16", 2),
        }
    }

    /// Whether they are finite and above 0.
    pub(super) fn are_scales(&self) -> bool {
        matches!(self, Self::Scales(_))
    }

    /// The first of these that cannot be one of them, and what is expected.
    pub(super) fn misfit(&self, values: &[T]) -> Option<(T, &'static str)> {
        let is_whole = |value: f64| value == value.trunc() && (-128.0..=127.0).contains(&value);
        let first =
            |is_right: &dyn Fn(f64) -> bool| values.iter().copied().find(|value| !is_right(value.as_f64()));
        match self {
            Self::Numbers(_) => None,
            Self::Scales(_) => {
                Some((first(&|scale| scale > 0.0 && scale.is_finite())?, "finite numbers above 0"))
            }
            Self::Integers(_) => Some((first(&is_whole)?, "whole numbers from -128 to 127")),
            Self::Bf16(_) => {
                let is_lost = |value: &T| value.is_finite() && !self.is_finite(*value);
                Some((values.iter().copied().find(is_lost)?, "numbers below 3.4e38, as bf16 has them"))
            }
        }
    }

    /// Whether a number is finite as one of them.
    pub(super) fn is_finite(&self, value: T) -> bool {
        match self {
            Self::Numbers(_) | Self::Scales(_) | Self::Integers(_) => value.is_finite(),
            Self::Bf16(_) => bf16_value(bf16_bits(value.as_f64() as f32)).is_finite(),
        }
    }

    /// Calls `visit` with each of them, row after row, where they are not of the model's type.
    pub(super) fn for_each_of_fewer_bits(&self, visit: &mut dyn FnMut(f32)) {
        match self {
            Self::Numbers(_) | Self::Scales(_) => {}
            Self::Integers(integers) => integers.to_vec().into_iter().for_each(|value| visit(value.into())),
            Self::Bf16(weight) => weight.for_each(visit),
        }
    }

    /// Replaces them by those of a function of row and column.
    pub(super) fn fill(&mut self, layout: Layout, value: impl Fn(usize, usize) -> T) {
        match self {
            Self::Numbers(numbers) | Self::Scales(numbers) => layout.fill(numbers.values_mut(), value),
            Self::Integers(integers) => integers.fill(|row, column| value(row, column).as_f64() as i8),
            Self::Bf16(weight) => weight.fill(|row, column| value(row, column).as_f64() as f32),
        }
    }

    /// The same of what is there already.
    pub(super) fn change(&mut self, layout: Layout, value: impl Fn(usize, usize, T) -> T) {
        match self {
            Self::Numbers(numbers) | Self::Scales(numbers) => layout.change(numbers.values_mut(), value),
            Self::Integers(_) | Self::Bf16(_) => {
                let columns = layout.matrix().map_or(1, |[_, columns]| columns);
                let mut before = Vec::new();
                self.for_each_of_fewer_bits(&mut |value| before.push(T::of(value.into())));
                self.fill(layout, |row, column| value(row, column, before[row * columns + column]));
            }
        }
    }

    /// Replaces them by row-major ones.
    pub(super) fn pack(&mut self, layout: Layout, values: &[T]) {
        match self {
            Self::Numbers(numbers) | Self::Scales(numbers) => layout.pack(values, numbers.values_mut()),
            Self::Integers(_) | Self::Bf16(_) => {
                let columns = layout.matrix().map_or(values.len(), |[_, columns]| columns);
                self.fill(layout, |row, column| values[row * columns + column]);
            }
        }
    }

    /// Row-major, into places of the same number.
    pub(super) fn unpack(&self, layout: Layout, values: &mut [T]) {
        match self {
            Self::Numbers(numbers) | Self::Scales(numbers) => layout.unpack(numbers.values(), values),
            Self::Integers(_) | Self::Bf16(_) => {
                let mut places = values.iter_mut();
                self.for_each_of_fewer_bits(&mut |value| {
                    *places.next().expect("a place for each") = T::of(value.into());
                });
            }
        }
    }
}
