//! Several values that become one.

use super::{OnnxGraph, OnnxValue};
use crate::prelude::*;
use crate::{Scalar, Shape};

impl<T: Scalar> OnnxGraph<'_, T> {
    /// The sum of values of one shape.
    pub(crate) fn added(&mut self, values: &[OnnxValue]) -> OnnxValue {
        let values = self.alike(values);
        match values[..] {
            [one] => one,
            [a, b] => self.with("Add", a, &[b]),
            [a, ref others @ ..] => self.with("Sum", a, others),
            [] => unreachable!("branches have a path"),
        }
    }

    /// Values one after another along the last axis of a sample.
    pub(crate) fn side_by_side(&mut self, values: &[OnnxValue], shape: Shape) -> OnnxValue {
        let values = self.alike(values);
        let first = *values.first().expect("branches have a path");
        let inputs: Vec<_> = values.iter().map(|&value| Some(value)).collect();
        let attributes = [("axis", first.last_axis().into())];
        self.raw("Concat", &inputs, &attributes, shape, first.is_channels_first())
    }

    /// The values with their channels in front where one of them has.
    fn alike(&mut self, values: &[OnnxValue]) -> Vec<OnnxValue> {
        let is_first = values.iter().any(OnnxValue::is_channels_first);
        values.iter().map(|&value| if is_first { self.channels_first(value) } else { value }).collect()
    }
}
