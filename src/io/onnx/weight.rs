//! Weights of layers from constants, without a copy in between.

use super::constant::{Constant, Numbers};
use super::element::Element;
use super::steps::{Along, Steps};
use crate::{Param, Scalar};

/// Whole numbers of eight bits by row and column, and a scale for each column.
pub(super) struct EightBitWeight<'c> {
    pub(super) value: Box<dyn Fn(usize, usize) -> i8 + 'c>,
    pub(super) scales: Vec<f32>,
}

impl Constant<'_> {
    /// Where the rows begin, along these axes.
    fn rows(&self, axes: &[(usize, usize)]) -> Vec<usize> {
        let mut rows = Vec::new();
        Self::visit(self.start, axes, &mut |place| rows.push(place));
        rows
    }

    /// Fills a parameter with the numbers along axes of a length and a stride each, of which the last is that of its columns.
    pub(super) fn fill<T: Scalar>(&self, axes: &[(usize, usize)], param: &mut Param<T>) {
        let Some((&(_, stride), rows)) = axes.split_last() else { return };
        let rows = self.rows(rows);
        match &self.numbers {
            Numbers::Bytes(Element::F32, bytes) if self.steps.is_none() => {
                let numbers = bytes.as_chunks().0;
                let number = |place: usize| f64::from(f32::from_le_bytes(numbers[place]));
                param.fill(|row, column| T::of(number(rows[row] + column * stride)));
            }
            _ => param.fill(|row, column| T::of(self.float(rows[row] + column * stride).unwrap_or(f64::NAN))),
        }
    }

    /// The weight of a layer of eight bits, along axes of which the last is that of its outputs. None where it is not exactly such a
    /// one: whole numbers from −128 to 127, and one scale for all of an output.
    pub(super) fn eight_bits(&self, axes: &[(usize, usize)]) -> Option<EightBitWeight<'_>> {
        let (steps, (&(columns, stride), rows)) = (self.steps.as_deref()?, axes.split_last()?);
        let Numbers::Bytes(element, bytes) = &self.numbers else { return None };
        let rows = self.rows(rows);
        let first = *rows.first().filter(|_| columns > 0)?;
        if !has_steps_of_columns(steps, &rows, columns, stride) {
            return None;
        }
        let of_column = |column: usize| first + column * stride;
        let scales: Vec<f64> = (0..columns).map(|column| steps.scale(of_column(column))).collect();
        let zeros: Vec<f64> = (0..columns).map(|column| steps.zero(of_column(column))).collect();
        let (least, most) = match element {
            Element::I8 => (-128.0, 127.0),
            Element::U8 => (0.0, 255.0),
            Element::I4 => (-8.0, 7.0),
            Element::U4 => (0.0, 15.0),
            _ => return None,
        };
        let is_scale =
            |&scale: &f64| f64::from(scale as f32) == scale && (scale as f32).is_normal() && scale > 0.0;
        let is_zero = |&zero: &f64| zero.fract() == 0.0 && least - zero >= -128.0 && most - zero <= 127.0;
        if !scales.iter().all(is_scale) || !zeros.iter().all(is_zero) {
            return None;
        }
        let zeros: Vec<i16> = zeros.into_iter().map(|zero| zero as i16).collect();
        let scales = scales.into_iter().map(|scale| scale as f32).collect();
        let is_signed = least < 0.0;
        let value = move |row: usize, column: usize| {
            let byte = bytes[rows[row] + column * stride];
            let whole = if is_signed { i16::from(byte.cast_signed()) } else { i16::from(byte) };
            (whole - zeros[column]) as i8
        };
        Some(EightBitWeight { value: Box::new(value), scales })
    }
}

/// Whether all rows have the same steps, which go on by one from column to column or are the same for all.
fn has_steps_of_columns(steps: &Steps, rows: &[usize], columns: usize, stride: usize) -> bool {
    match steps.along {
        Along::All => true,
        Along::Axis { len, inner } if columns == 1 || stride == inner => {
            let index = |place: usize| place / inner % len;
            let first = rows.first().map_or(0, |&row| index(row));
            first + columns <= len && rows.iter().all(|&row| index(row) == first)
        }
        Along::Axis { .. } | Along::Runs { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::Inputs;
    use super::*;

    fn weight(element: Element, zeros: Vec<f64>, along: Along) -> Constant<'static> {
        let bytes: Vec<u8> = vec![1, 2, 3, 4, 5, 255];
        let scales = if matches!(along, Along::All) { vec![0.5] } else { vec![0.5, 0.25, 2.0] };
        let whole = Constant::of_bytes(vec![2, 3], element, bytes.into(), "w");
        whole.with_steps(Steps { scales, zeros, along, inputs: Inputs::Whole }).unwrap()
    }

    #[test]
    fn weights_of_eight_bits_are_those_that_a_layer_has() {
        let columns = Along::Axis { len: 3, inner: 1 };
        let own = weight(Element::I8, Vec::new(), columns);
        let read = own.eight_bits(&[(2, 3), (3, 1)]).unwrap();
        assert_eq!(read.scales, [0.5, 0.25, 2.0]);
        assert_eq!([(read.value)(0, 1), (read.value)(1, 0), (read.value)(1, 2)], [2, 4, -1]);
        // Turned, each output has several scales.
        assert!(own.eight_bits(&[(3, 1), (2, 3)]).is_none());
        // The second and third column.
        let part = own.viewed(&[(2, 3), (2, 1)], 1);
        assert_eq!(part.eight_bits(&[(2, 3), (2, 1)]).unwrap().scales, [0.25, 2.0]);
        let unsigned = weight(Element::U8, vec![128.0], Along::All);
        let read = unsigned.eight_bits(&[(3, 1), (2, 3)]).unwrap();
        assert_eq!((read.scales, (read.value)(2, 1)), (vec![0.5; 2], 127));
        // With a zero point of 100, 255 would be 155.
        assert!(weight(Element::U8, vec![100.0], Along::All).eight_bits(&[(2, 3), (3, 1)]).is_none());
        assert!(weight(Element::I8, vec![1.0], Along::All).eight_bits(&[(2, 3), (3, 1)]).is_none());
        let runs = Along::Runs { len: 2, inner: 3, run: 2 };
        assert!(weight(Element::I8, Vec::new(), runs).eight_bits(&[(2, 3), (3, 1)]).is_none());
    }
}
