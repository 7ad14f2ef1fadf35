//! Numbers that do not depend on the input: weights, shapes, settings.
//!
//! A constant is a view with a stride for each axis, so that a transposed, sliced or repeated one is no copy.

use std::borrow::Cow;
use std::rc::Rc;

use super::count::Count;
use super::element::Element;
use super::steps::{Along, Inputs, Steps};
use crate::Scalar;

/// Numbers with axes.
#[derive(Debug, Clone)]
pub(super) struct Constant<'a> {
    pub(super) dims: Vec<usize>,
    strides: Vec<usize>,
    pub(super) start: usize,
    pub(super) numbers: Numbers<'a>,
    /// What the numbers stand for, where they are whole ones of few bits.
    pub(super) steps: Option<Rc<Steps>>,
    /// What the file calls them; nothing for what was computed.
    pub(super) name: &'a str,
}

#[derive(Debug, Clone)]
pub(super) enum Numbers<'a> {
    /// As they lie in a file, which has been looked at: there are as many as the axes say.
    Bytes(Element, Rc<Cow<'a, [u8]>>),
    Floats(Rc<[f64]>),
    Counts(Rc<[Count]>),
}

/// Row-major strides of axes whose product is known to be a number.
fn row_major(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(dims[axis]);
    }
    strides
}

/// The number of elements, unless it is beyond all numbers.
pub(super) fn elements(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim))
}

/// The axes that two have in common, one of which may be repeated along those where it has one of length `one`.
pub(super) fn common<T: Copy + PartialEq>(a: &[T], b: &[T], one: T) -> Option<Vec<T>> {
    let rank = a.len().max(b.len());
    let at = |dims: &[T], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(one, |axis| dims[axis]);
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (a, b) if a == b || b == one => Some(a),
            (a, b) => (a == one).then_some(b),
        })
        .collect()
}

impl<'a> Constant<'a> {
    /// Bytes of so many elements, which the caller has counted.
    pub(super) fn of_bytes(dims: Vec<usize>, element: Element, bytes: Cow<'a, [u8]>, name: &'a str) -> Self {
        let numbers = Numbers::Bytes(element, Rc::new(bytes));
        Self { strides: row_major(&dims), dims, start: 0, numbers, steps: None, name }
    }

    pub(super) fn of_floats(dims: Vec<usize>, floats: Vec<f64>) -> Self {
        debug_assert_eq!(elements(&dims), Some(floats.len()));
        Self::of_numbers(dims, Numbers::Floats(floats.into()))
    }

    pub(super) fn of_counts(dims: Vec<usize>, counts: Vec<Count>) -> Self {
        debug_assert_eq!(elements(&dims), Some(counts.len()));
        Self::of_numbers(dims, Numbers::Counts(counts.into()))
    }

    fn of_numbers(dims: Vec<usize>, numbers: Numbers<'a>) -> Self {
        Self { strides: row_major(&dims), dims, start: 0, numbers, steps: None, name: "" }
    }

    /// What these numbers stand for; none where they do not lie one after another.
    pub(super) fn with_steps(&self, steps: Steps) -> Option<Self> {
        let is_whole = self.start == 0 && self.steps.is_none() && self.lies_in_order();
        is_whole.then(|| Self { steps: Some(Rc::new(steps)), ..self.clone() })
    }

    pub(super) fn of_list(counts: Vec<Count>) -> Self {
        Self::of_counts(vec![counts.len()], counts)
    }

    /// The same under a name.
    pub(super) fn named(mut self, name: &'a str) -> Self {
        self.name = name;
        self
    }

    /// Other scales for the steps that these numbers have.
    pub(super) fn with_scales(&self, scales: Vec<f64>, along: Along) -> Self {
        let (zeros, inputs) = self
            .steps
            .as_ref()
            .map_or((Vec::new(), Inputs::Whole), |steps| (steps.zeros.clone(), steps.inputs));
        Self { steps: Some(Rc::new(Steps { scales, zeros, along, inputs })), ..self.clone() }
    }

    /// Whole numbers of eight bits as numbers with fractions, without a copy; none of others.
    pub(super) fn of_fractions(&self) -> Option<Self> {
        self.element().filter(|element| matches!(element, Element::I8 | Element::U8))?;
        let steps =
            Steps { scales: vec![1.0], zeros: Vec::new(), along: Along::All, inputs: Inputs::Numbers };
        self.with_steps(steps)
    }

    /// Where these are [`Constant::of_fractions`], they times numbers along the axis.
    pub(super) fn times(&self, scales: Vec<f64>, axis: Option<usize>) -> Option<Self> {
        let steps = self.steps.as_ref().filter(|steps| steps.inputs == Inputs::Numbers)?;
        let is_plain =
            steps.scales == [1.0] && steps.zeros.is_empty() && self.start == 0 && self.lies_in_order();
        let along = axis.map_or(Along::All, |axis| Along::Axis {
            len: self.dims[axis].max(1),
            inner: self.strides[axis].max(1),
        });
        is_plain.then(|| self.with_scales(scales, along))
    }

    /// The same for sums that take rounded inputs, where it is a weight of whole numbers that are multiplied out.
    pub(super) fn with_rounded_inputs(&self, input: Option<(f32, i8)>) -> Option<Self> {
        let steps = self.steps.as_ref().filter(|steps| steps.inputs == Inputs::Numbers)?;
        let (scales, zeros) = (steps.scales.clone(), steps.zeros.clone());
        let steps = Steps { scales, zeros, along: steps.along, inputs: Inputs::Rounded(input) };
        Some(Self { steps: Some(Rc::new(steps)), ..self.clone() })
    }

    /// The number of elements; the largest number where there are more.
    pub(super) fn len(&self) -> usize {
        elements(&self.dims).unwrap_or(usize::MAX)
    }

    /// Whether these are whole numbers or flags.
    pub(super) fn is_whole(&self) -> bool {
        let is_whole = match &self.numbers {
            Numbers::Bytes(element, _) => element.is_whole(),
            Numbers::Floats(_) => false,
            Numbers::Counts(_) => true,
        };
        is_whole && self.steps.is_none()
    }

    /// The type of the numbers, where they lie as in a file and stand for themselves.
    pub(super) fn element(&self) -> Option<Element> {
        match &self.numbers {
            Numbers::Bytes(element, _) if self.steps.is_none() => Some(*element),
            _ => None,
        }
    }

    pub(super) fn float(&self, place: usize) -> Option<f64> {
        let number = self.own(place)?;
        Some(self.steps.as_ref().map_or(number, |steps| steps.number(number, place)))
    }

    fn own(&self, place: usize) -> Option<f64> {
        match &self.numbers {
            Numbers::Bytes(element, bytes) => Some(element.float(bytes, place)),
            Numbers::Floats(floats) => Some(floats[place]),
            Numbers::Counts(counts) => counts[place].known().map(|count| count as f64),
        }
    }

    fn count(&self, place: usize) -> Count {
        match &self.numbers {
            _ if self.steps.is_some() => Count::of(self.float(place).unwrap_or(0.0) as i64),
            Numbers::Bytes(element, bytes) => Count::of(element.integer(bytes, place)),
            Numbers::Floats(floats) => Count::of(floats[place] as i64),
            Numbers::Counts(counts) => counts[place],
        }
    }

    /// Calls `visit` with the place of each element, in the order of these axes.
    pub(super) fn visit(start: usize, axes: &[(usize, usize)], visit: &mut impl FnMut(usize)) {
        // However long the other axes are: there is nothing along them.
        if axes.iter().all(|axis| axis.0 > 0) {
            Self::places(start, axes, visit);
        }
    }

    fn places(start: usize, axes: &[(usize, usize)], visit: &mut impl FnMut(usize)) {
        match axes {
            [] => visit(start),
            &[(len, stride)] => (0..len).for_each(|index| visit(start + index * stride)),
            &[(len, stride), ref rest @ ..] => {
                (0..len).for_each(|index| Self::places(start + index * stride, rest, visit));
            }
        }
    }

    fn axes(&self) -> Vec<(usize, usize)> {
        self.dims.iter().copied().zip(self.strides.iter().copied()).collect()
    }

    /// The numbers in order; none where one depends on the number of samples. The caller knows that there are not too many.
    pub(super) fn floats(&self) -> Option<Vec<f64>> {
        let (mut floats, mut is_known) = (Vec::with_capacity(self.len()), true);
        Self::visit(self.start, &self.axes(), &mut |place| match self.float(place) {
            Some(float) => floats.push(float),
            None => is_known = false,
        });
        is_known.then_some(floats)
    }

    /// The numbers in order, whole ones.
    pub(super) fn counts(&self) -> Vec<Count> {
        let mut counts = Vec::with_capacity(self.len());
        Self::visit(self.start, &self.axes(), &mut |place| counts.push(self.count(place)));
        counts
    }

    /// The one number that this is, for whatever axes of length 1 or all the same by repetition.
    pub(super) fn scalar(&self) -> Option<f64> {
        let is_one = self.axes().iter().all(|&(len, stride)| len == 1 || len > 0 && stride == 0);
        is_one.then(|| self.float(self.start)).flatten()
    }

    /// The numbers along axes of a length and a stride each, as numbers of a model; in as little time as they take to copy.
    pub(super) fn gather<T: Scalar>(&self, axes: &[(usize, usize)]) -> Vec<T> {
        let mut gathered = Vec::with_capacity(axes.iter().map(|axis| axis.0).product());
        let axes: Vec<(usize, usize)> = axes.iter().copied().filter(|axis| axis.0 != 1).collect();
        match &self.numbers {
            Numbers::Bytes(Element::F32, bytes) if self.steps.is_none() => {
                let numbers = bytes.as_chunks().0;
                let number = |place: usize| T::of(f64::from(f32::from_le_bytes(numbers[place])));
                Self::visit(self.start, &axes, &mut |place| gathered.push(number(place)));
            }
            _ => Self::visit(self.start, &axes, &mut |place| {
                gathered.push(T::of(self.float(place).unwrap_or(f64::NAN)));
            }),
        }
        gathered
    }

    /// How far the elements along an axis lie apart.
    pub(super) fn stride(&self, axis: usize) -> usize {
        self.strides[axis]
    }

    /// With the axes in another order: `order` says which comes first.
    pub(super) fn transposed(&self, order: &[usize]) -> Self {
        let [dims, strides] =
            [&self.dims, &self.strides].map(|of| order.iter().map(|&axis| of[axis]).collect());
        Self { dims, strides, ..self.clone() }
    }

    /// Under other axes of as many elements; none where they do not lie one after another.
    pub(super) fn reshaped(&self, dims: Vec<usize>) -> Option<Self> {
        if dims == self.dims {
            return Some(self.clone());
        }
        self.lies_in_order().then(|| Self { strides: row_major(&dims), dims, ..self.clone() })
    }

    fn lies_in_order(&self) -> bool {
        self.axes().into_iter().zip(row_major(&self.dims)).all(|((len, own), row)| len == 1 || own == row)
    }

    /// With other axes of these lengths and strides, beginning so many elements further on.
    pub(super) fn viewed(&self, axes: &[(usize, usize)], skip: usize) -> Self {
        let (dims, strides) = axes.iter().copied().unzip();
        Self { dims, strides, start: self.start + skip, ..self.clone() }
    }

    /// Repeated along axes of length 1, and along new ones in front, as far as it fits: NumPy's broadcasting.
    pub(super) fn broadcast(&self, dims: &[usize]) -> Option<Self> {
        let new = dims.len().checked_sub(self.dims.len())?;
        let axes = dims.iter().enumerate().map(|(axis, &dim)| match axis.checked_sub(new) {
            None => Some((dim, 0)),
            Some(own) if self.dims[own] == dim => Some((dim, self.strides[own])),
            Some(own) => (self.dims[own] == 1).then_some((dim, 0)),
        });
        Some(self.viewed(&axes.collect::<Option<Vec<_>>>()?, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn six() -> Constant<'static> {
        let bytes: Vec<u8> = (0..6_u8).flat_map(|number| f32::from(number).to_le_bytes()).collect();
        Constant::of_bytes(vec![2, 3], Element::F32, bytes.into(), "six")
    }

    #[test]
    fn views_are_no_copies() {
        let turned = six().transposed(&[1, 0]);
        assert_eq!(turned.floats().unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert!(turned.reshaped(vec![6]).is_none());
        assert_eq!(
            six().reshaped(vec![3, 2]).unwrap().transposed(&[1, 0]).floats().unwrap()[..3],
            [0.0, 2.0, 4.0]
        );
        assert_eq!(six().gather::<f32>(&[(3, 1), (2, 3)]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let column = six().viewed(&[(2, 3), (1, 1)], 1);
        assert_eq!(column.broadcast(&[2, 2]).unwrap().floats().unwrap(), [1.0, 1.0, 4.0, 4.0]);
        assert!(six().broadcast(&[3, 3]).is_none() && six().broadcast(&[3]).is_none());
        assert_eq!(Constant::of_floats(vec![1, 1], vec![7.0]).scalar(), Some(7.0));
        assert_eq!(six().scalar(), None);
    }
}
