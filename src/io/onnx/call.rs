//! An operation of the graph with what is known of its inputs.

use std::cell::Cell;

use super::constant::{Constant, elements};
use super::count::{Count, pattern};
use super::external::External;
use super::message::{Attribute, Node};
use super::op::{Op, Value};
use super::stored::constant;
use crate::io::Verdict;

/// What is known of a value of the graph.
#[derive(Debug, Clone)]
pub(super) enum Known<'a> {
    Constant(Constant<'a>),
    /// The same number everywhere, along axes that depend on the number of samples.
    Uniform(f64, Vec<Count>),
    /// It depends on the input: which value of the flow it is.
    Data(usize),
    /// What makes it was refused.
    Unknown,
}

/// What an operation makes.
#[derive(Debug)]
pub(super) enum Made<'a> {
    Constants(Vec<Constant<'a>>),
    Uniform(f64, Vec<Count>),
    /// Its input as it is.
    Same(usize),
    /// The last of these values, to which the others lead.
    Way(Vec<Step<'a>>),
    /// A value for each output.
    Each(Vec<Step<'a>>),
}

/// A value to be.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) op: Op<'a>,
    pub(super) inputs: Vec<usize>,
    pub(super) dims: Vec<Count>,
}

impl<'a> Made<'a> {
    pub(super) fn value(op: Op<'a>, inputs: Vec<usize>, dims: Vec<Count>) -> Self {
        Self::Way(vec![Step { op, inputs, dims }])
    }
}

/// An operation and its inputs.
#[derive(Debug)]
pub(super) struct Call<'c, 'a> {
    pub(super) node: &'c Node<'a>,
    /// The version of the operations of its domain.
    pub(super) opset: i64,
    pub(super) inputs: Vec<Option<Known<'a>>>,
    pub(super) values: &'c [Value<'a>],
    pub(super) external: &'c External<'c>,
    /// How many numbers may still be computed or repeated.
    pub(super) budget: &'c Cell<usize>,
}

impl<'a> Call<'_, 'a> {
    /// The value that an input is, with its axes.
    pub(super) fn data(&self, index: usize) -> Verdict<(usize, &[Count])> {
        match self.inputs.get(index) {
            Some(Some(Known::Data(value))) => Ok((*value, &self.values[*value].dims)),
            _ => Err(format!(
                "expected input {index} to depend on the input of the model, got a constant or none"
            )),
        }
    }

    /// The value that an input is, with axes of which the first is that of the samples and the others are known, and at least so many.
    pub(super) fn samples(&self, index: usize, least: usize) -> Verdict<(usize, Vec<Count>)> {
        let (value, dims) = self.data(index)?;
        if dims.len() > least && dims[1..].iter().all(|dim| dim.len().is_some()) {
            return Ok((value, dims.to_vec()));
        }
        Err(format!(
            "expected an input with at least {least} axes of known lengths behind the samples, got {}",
            pattern(dims)
        ))
    }

    /// A constant input, if there is one.
    pub(super) fn maybe_constant(&self, index: usize) -> Verdict<Option<&Constant<'a>>> {
        match self.inputs.get(index) {
            None | Some(None) => Ok(None),
            Some(Some(Known::Constant(constant))) => Ok(Some(constant)),
            _ => Err(format!(
                "expected input {index} to be a constant, got one that depends on the input of the model"
            )),
        }
    }

    pub(super) fn constant(&self, index: usize) -> Verdict<&Constant<'a>> {
        self.maybe_constant(index)?.ok_or_else(|| format!("expected input {index}, a constant, got none"))
    }

    /// The one number of an input that has it everywhere, along such axes.
    pub(super) fn uniform(&self, index: usize, dims: &[Count]) -> Verdict<f64> {
        match self.inputs.get(index) {
            Some(Some(Known::Uniform(number, own))) if own == dims => Ok(*number),
            _ => Err(format!("expected input {index}, one number for all of {}, got others", pattern(dims))),
        }
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.node.attributes.iter().find(|attribute| attribute.0 == name).map(|attribute| &attribute.1)
    }

    pub(super) fn integer(&self, name: &str, default: i64) -> Verdict<i64> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::Integer(integer)) => Ok(*integer),
            Some(_) => Err(format!("expected `{name}`, a whole number, got something else")),
        }
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Verdict<bool> {
        Ok(self.integer(name, default.into())? != 0)
    }

    pub(super) fn float(&self, name: &str, default: f64) -> Verdict<f64> {
        match self.attribute(name) {
            None => Ok(default),
            // As it was meant: 0.1 and not the number of single precision next to it.
            Some(Attribute::Float(float)) => Ok(float.to_string().parse().unwrap_or(f64::from(*float))),
            Some(_) => Err(format!("expected `{name}`, a number, got something else")),
        }
    }

    pub(super) fn text(&self, name: &str) -> Verdict<Option<String>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Text(text)) => Ok(Some(String::from_utf8_lossy(text).into_owned())),
            Some(_) => Err(format!("expected `{name}`, a text, got something else")),
        }
    }

    pub(super) fn integers(&self, name: &str) -> Verdict<Option<&[i64]>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Integers(integers)) => Ok(Some(integers)),
            Some(_) => Err(format!("expected `{name}`, whole numbers, got something else")),
        }
    }

    /// Numbers of an attribute, as a list or a tensor.
    pub(super) fn floats(&self, name: &str) -> Verdict<Option<Vec<f64>>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Floats(floats)) => Ok(Some(floats.iter().copied().map(f64::from).collect())),
            Some(_) => Err(format!("expected `{name}`, numbers, got something else")),
        }
    }

    /// The tensor of an attribute.
    pub(super) fn tensor(&self, name: &str) -> Verdict<Option<Constant<'a>>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Tensor(stored)) => constant(stored, self.external).map(Some),
            Some(_) => Err(format!("expected `{name}`, a tensor, got something else")),
        }
    }

    /// Whole numbers that are an attribute in some versions, and an input in others; none where there are neither.
    pub(super) fn list(&self, name: &str, input: usize) -> Verdict<Option<Vec<Count>>> {
        if let Some(integers) = self.integers(name)? {
            return Ok(Some(integers.iter().map(|&integer| Count::of(integer)).collect()));
        }
        let Some(constant) = self.maybe_constant(input)? else { return Ok(None) };
        self.spend(&constant.dims)?;
        Ok(Some(constant.counts()))
    }

    /// Axes that are an attribute or an input, counted from the front.
    pub(super) fn axes(&self, name: &str, input: usize, rank: usize) -> Verdict<Option<Vec<usize>>> {
        let Some(list) = self.list(name, input)? else { return Ok(None) };
        let mut axes = Vec::new();
        for axis in list {
            let axis = front(axis.known().unwrap_or(i64::MAX), rank)?;
            if axes.contains(&axis) {
                return Err(format!("expected `{name}`, different axes, got {axis} twice"));
            }
            axes.push(axis);
        }
        Ok(Some(axes))
    }

    /// Takes so many numbers from the budget.
    pub(super) fn spend(&self, dims: &[usize]) -> Verdict<()> {
        let left = elements(dims).and_then(|len| self.budget.get().checked_sub(len));
        let left = left
            .ok_or_else(|| format!("expected constants that fit to the length of the file, got {dims:?}"))?;
        self.budget.set(left);
        Ok(())
    }

    /// The numbers of a constant, in double precision.
    pub(super) fn numbers(&self, constant: &Constant<'a>) -> Verdict<Vec<f64>> {
        self.spend(&constant.dims)?;
        constant
            .floats()
            .ok_or_else(|| "expected numbers, got one that depends on the number of samples".to_owned())
    }

    /// Another constant with a function of each number.
    pub(super) fn mapped(&self, constant: &Constant<'a>, f: impl Fn(f64) -> f64) -> Verdict<Constant<'a>> {
        let numbers = self.numbers(constant)?.into_iter().map(f).collect();
        Ok(Constant::of_floats(constant.dims.clone(), numbers).named(constant.name))
    }
}

/// An axis counted from the front, of one that may be counted from the back.
pub(super) fn front(axis: i64, rank: usize) -> Verdict<usize> {
    from_front(axis, rank)
        .filter(|&axis| axis < rank)
        .ok_or_else(|| format!("expected an axis of {rank}, got {axis}"))
}

/// The same for a place between axes, of which there is one more.
pub(super) fn front_or_end(axis: i64, rank: usize) -> Verdict<usize> {
    from_front(axis, rank)
        .filter(|&axis| axis <= rank)
        .ok_or_else(|| format!("expected an axis of {rank}, got {axis}"))
}

fn from_front(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis.checked_add(i64::try_from(rank).ok()?)? } else { axis };
    usize::try_from(axis).ok()
}
