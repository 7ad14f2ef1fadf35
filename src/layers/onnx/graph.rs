//! The graph that layers add their operations to.

use alloc::collections::BTreeMap;

use super::made::Made;
use super::value::integer;
use super::{Constant, Numbers, OnnxAttribute, OnnxValue};
use crate::layers::Param;
use crate::prelude::*;
use crate::{Scalar, Shape, Tensor};

/// Operations of ONNX (opset 17), to which [`Layer::onnx`](crate::Layer::onnx) adds its own.
///
/// Values of a sample have the axes that they have in this crate, and the batch in front of them. What a layer gets may lie in another
/// order in the graph, where a convolution before it wants its channels first; [`OnnxGraph::node`] puts it right, with a `Transpose`
/// where there is no other way. [`Layer::onnx`](crate::Layer::onnx) has an example.
#[derive(Debug)]
pub struct OnnxGraph<'a, T> {
    made: Made,
    values: Vec<Value<'a, T>>,
    nodes: Vec<Node>,
    /// Those that are taken, and how often each was asked for.
    names: BTreeMap<String, usize>,
    /// The layers around what is being added.
    scope: String,
    /// What a `Transpose` was made of, by what it made and whether that has its channels first: on the way back it is there already.
    /// Whoever needs a value turned has a `Transpose` of their own, so that paths which go apart stay a tree.
    turned: BTreeMap<(usize, bool), usize>,
    problems: Vec<String>,
}

#[derive(Debug)]
struct Value<'a, T> {
    name: String,
    source: Source<'a, T>,
}

#[derive(Debug)]
enum Source<'a, T> {
    Input,
    Constant(Constant<'a, T>),
    Node,
}

/// An operation.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) operation: String,
    #[cfg_attr(not(feature = "onnx"), expect(dead_code, reason = "for the writer of files"))]
    pub(crate) name: String,
    /// None for one that is left out.
    pub(crate) inputs: Vec<Option<usize>>,
    pub(crate) output: usize,
    pub(crate) attributes: Vec<(String, OnnxAttribute)>,
}

/// A graph whose output is known.
#[derive(Debug)]
#[cfg_attr(not(feature = "onnx"), expect(dead_code, reason = "for the writer of files"))]
pub(crate) struct Finished<'a, T> {
    /// The name of each value.
    pub(crate) names: Vec<String>,
    pub(crate) nodes: Vec<Node>,
    /// Each with the value that it is.
    pub(crate) constants: Vec<(usize, Constant<'a, T>)>,
    pub(crate) input: usize,
    /// Whether the input is of whole numbers.
    pub(crate) is_whole: bool,
    pub(crate) output: usize,
}

impl<'a, T: Scalar> OnnxGraph<'a, T> {
    /// The number that says whole numbers of 64 bits.
    pub(in crate::layers) const INT64: i64 = 7;

    /// A parameter as a constant, under its own name.
    pub fn param(&mut self, param: &'a Param<T>) -> OnnxValue {
        let axes = param.shape();
        self.param_as(param, (0..axes.rank()).collect(), axes.axes().to_vec())
    }

    /// Numbers that are no parameter as a constant.
    pub fn constant(&mut self, name: &str, tensor: Tensor<T>) -> OnnxValue {
        let shape = tensor.shape();
        let constant = Constant { dims: shape.axes().to_vec(), numbers: Numbers::Tensor(tensor) };
        let name = self.own(name);
        self.value(&name, Source::Constant(constant), shape, false)
    }

    /// Whole numbers of 64 bits as a constant of one axis, as `Reshape` and `Slice` take them.
    pub fn integers(&mut self, name: &str, integers: &[i64]) -> OnnxValue {
        let constant = Constant { numbers: Numbers::Integers(integers.to_vec()), dims: vec![integers.len()] };
        let name = self.own(name);
        self.value(&name, Source::Constant(constant), [integers.len()].into(), false)
    }

    /// An operation on these values, which makes samples of the shape `output`. Axes in attributes count the batch as axis 0.
    pub fn node(
        &mut self,
        operation: &str,
        inputs: &[OnnxValue],
        attributes: &[(&str, OnnxAttribute)],
        output: impl Into<Shape>,
    ) -> OnnxValue {
        let inputs: Vec<_> = inputs.iter().map(|&input| Some(self.straight(input))).collect();
        self.raw(operation, &inputs, attributes, output.into(), false)
    }

    /// A function of each element of a value, however it lies.
    pub(in crate::layers) fn each(
        &mut self,
        operation: &str,
        x: OnnxValue,
        attributes: &[(&str, OnnxAttribute)],
    ) -> OnnxValue {
        self.raw(operation, &[Some(x)], attributes, x.shape, x.is_channels_first)
    }

    /// The same of a value and others that lie as it does or are constants.
    pub(in crate::layers) fn with(
        &mut self,
        operation: &str,
        x: OnnxValue,
        others: &[OnnxValue],
    ) -> OnnxValue {
        let inputs: Vec<_> = [x].iter().chain(others).map(|&input| Some(input)).collect();
        self.raw(operation, &inputs, &[], x.shape, x.is_channels_first)
    }

    /// An operation whose inputs and output lie as they should, some of the inputs left out.
    pub(in crate::layers) fn raw(
        &mut self,
        operation: &str,
        inputs: &[Option<OnnxValue>],
        attributes: &[(&str, OnnxAttribute)],
        shape: Shape,
        is_channels_first: bool,
    ) -> OnnxValue {
        self.made.check();
        self.check_own(inputs.iter().flatten());
        let name = self.own(operation);
        let output = self.value(&name, Source::Node, shape, is_channels_first);
        self.nodes.push(Node {
            operation: operation.to_owned(),
            name: self.values[output.index].name.clone(),
            inputs: inputs.iter().map(|input| input.map(|input| input.index)).collect(),
            output: output.index,
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        });
        output
    }

    /// Refuses values that this graph cannot have.
    fn check_own<'v>(&mut self, mut values: impl Iterator<Item = &'v OnnxValue>) {
        if values.any(|value| value.index >= self.values.len()) {
            self.refuse(format!("layer `{}`: expected values of this graph, got one of another", self.scope));
        }
    }

    /// One number, as a constant without axes.
    pub(in crate::layers) fn number(&mut self, name: &str, number: f64) -> OnnxValue {
        let constant = Constant { numbers: Numbers::Tensor(Tensor::from([T::of(number)])), dims: Vec::new() };
        let name = self.own(name);
        self.value(&name, Source::Constant(constant), [].into(), false)
    }

    /// A parameter with its axes in another order, and under those of the graph.
    pub(in crate::layers) fn param_as(
        &mut self,
        param: &'a Param<T>,
        order: Vec<usize>,
        dims: Vec<usize>,
    ) -> OnnxValue {
        self.of_param(param, Numbers::Param(param, order), dims)
    }

    /// The same of one whose numbers are whole ones of eight bits.
    pub(in crate::layers) fn bytes_as(
        &mut self,
        param: &'a Param<T>,
        order: Vec<usize>,
        dims: Vec<usize>,
    ) -> OnnxValue {
        self.of_param(param, Numbers::Bytes(param, order), dims)
    }

    fn of_param(&mut self, param: &'a Param<T>, numbers: Numbers<'a, T>, dims: Vec<usize>) -> OnnxValue {
        let shape = Shape::new(&dims).expect("no more axes than a parameter and a batch of an image have");
        let constant = Constant { numbers, dims };
        self.value(param.name(), Source::Constant(constant), shape, false)
    }

    /// A parameter that has a number for each place along the last axis of a value.
    pub(in crate::layers) fn along_last(&mut self, param: &'a Param<T>, x: OnnxValue) -> OnnxValue {
        self.param_as(param, vec![0], dims_along_last(param.count(), x))
    }

    /// The same of numbers that are no parameter.
    pub(in crate::layers) fn numbers_along_last(
        &mut self,
        name: &str,
        numbers: Tensor<T>,
        x: OnnxValue,
    ) -> OnnxValue {
        let dims = dims_along_last(numbers.len(), x);
        let shape = numbers.shape();
        let name = self.own(name);
        let constant = Constant { numbers: Numbers::Tensor(numbers), dims };
        self.value(&name, Source::Constant(constant), shape, false)
    }

    /// The value with the axes of a sample in the order in which the layer knows them.
    pub(in crate::layers) fn straight(&mut self, x: OnnxValue) -> OnnxValue {
        self.made.check();
        if x.is_channels_first { self.turn(x) } else { x }
    }

    /// The value with the last axis of a sample in front of the others; as it is where it has one.
    pub(in crate::layers) fn channels_first(&mut self, x: OnnxValue) -> OnnxValue {
        if x.is_channels_first || x.shape.rank() < 2 { x } else { self.turn(x) }
    }

    fn turn(&mut self, x: OnnxValue) -> OnnxValue {
        let is_channels_first = !x.is_channels_first;
        if let Some(&index) = self.turned.get(&(x.index, x.is_channels_first)) {
            return OnnxValue { index, is_channels_first, ..x };
        }
        let last = integer(x.shape.rank());
        let order: Vec<i64> = if is_channels_first {
            [0, last].into_iter().chain(1..last).collect()
        } else {
            [0].into_iter().chain(2..=last).chain([1]).collect()
        };
        let y = self.raw("Transpose", &[Some(x)], &[("perm", order.into())], x.shape, is_channels_first);
        self.turned.insert((y.index, is_channels_first), x.index);
        y
    }

    /// The value under other axes; those that it has where they are the same.
    pub(in crate::layers) fn reshaped(&mut self, x: OnnxValue, shape: Shape) -> OnnxValue {
        let x = self.straight(x);
        if x.shape == shape {
            return x;
        }
        if shape.rank() == 1 && x.shape.rank() > 1 {
            return self.raw("Flatten", &[Some(x)], &[("axis", 1.into())], shape, false);
        }
        self.regrouped(x, shape.axes(), shape, false)
    }

    /// The numbers as they lie in the graph, under other axes.
    pub(in crate::layers) fn regrouped(
        &mut self,
        x: OnnxValue,
        dims: &[usize],
        shape: Shape,
        is_channels_first: bool,
    ) -> OnnxValue {
        let dims: Vec<i64> = [0].into_iter().chain(dims.iter().map(|&dim| integer(dim))).collect();
        let dims = self.integers("shape", &dims);
        self.raw("Reshape", &[Some(x), Some(dims)], &[], shape, is_channels_first)
    }

    /// What is added from here on belongs to this layer; gives what [`OnnxGraph::leave`] takes.
    pub(crate) fn enter(&mut self, name: &str) -> usize {
        let outer = self.scope.len();
        if outer > 0 && !name.is_empty() {
            self.scope.push('.');
        }
        self.scope.push_str(name);
        outer
    }

    /// What is added from here on belongs to the layer around.
    pub(crate) fn leave(&mut self, outer: usize) {
        self.scope.truncate(outer);
    }

    /// The layers around what is being added.
    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }

    /// Keeps what is wrong, to be told with all else that is.
    pub(crate) fn refuse(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// A value in the place of one that there is not, so that the layers behind it can be asked too.
    pub(crate) fn missing(&mut self, shape: Shape) -> OnnxValue {
        self.value("missing", Source::Node, shape, false)
    }

    /// A name of what the layer adds, beside the layer's.
    fn own(&self, name: &str) -> String {
        self.made.check();
        if self.scope.is_empty() { name.to_owned() } else { format!("{}/{name}", self.scope) }
    }

    fn value(
        &mut self,
        name: &str,
        source: Source<'a, T>,
        shape: Shape,
        is_channels_first: bool,
    ) -> OnnxValue {
        self.made.check();
        let name = unique(&mut self.names, name);
        self.values.push(Value { name, source });
        OnnxValue { index: self.values.len() - 1, shape, is_channels_first }
    }
}

#[cfg_attr(not(feature = "onnx"), expect(dead_code, reason = "for the writer of files"))]
impl<'a, T: Scalar> OnnxGraph<'a, T> {
    /// The names of the values that go in and come out.
    const ENDS: [&'static str; 2] = ["input", "output"];
    /// A graph of nothing, and its input.
    pub(crate) fn new(sample: Shape, is_channels_first: bool) -> (Self, OnnxValue) {
        let mut graph = Self {
            made: Made::new(),
            values: Vec::new(),
            nodes: Vec::new(),
            names: BTreeMap::new(),
            scope: String::new(),
            turned: BTreeMap::new(),
            problems: Vec::new(),
        };
        let input = graph.value(Self::ENDS[0], Source::Input, sample, is_channels_first);
        graph.names.insert(Self::ENDS[1].to_owned(), 1);
        (graph, input)
    }

    /// The graph of which this comes out.
    ///
    /// # Errors
    /// All that was refused.
    pub(crate) fn finish(
        mut self,
        y: OnnxValue,
        is_channels_first: bool,
    ) -> Result<Finished<'a, T>, Vec<String>> {
        self.check_own([y].iter());
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let y = if is_channels_first { self.channels_first(y) } else { self.straight(y) };
        let is_made = self.nodes.iter().any(|node| node.output == y.index);
        let y = if is_made { y } else { self.each("Identity", y, &[]) };
        Self::ENDS[1].clone_into(&mut self.values[y.index].name);
        let is_whole = self.take_whole_input();
        let (mut names, mut constants) = (Vec::new(), Vec::new());
        for (index, value) in self.values.into_iter().enumerate() {
            names.push(value.name);
            if let Source::Constant(constant) = value.source {
                constants.push((index, constant));
            }
        }
        Ok(Finished { names, nodes: self.nodes, constants, input: 0, is_whole, output: y.index })
    }

    /// Whether all that takes the input makes whole numbers of it: then it comes as such, and nothing has to.
    fn take_whole_input(&mut self) -> bool {
        let takes = |node: &Node| node.inputs.contains(&Some(0));
        let casts = |node: &Node| {
            node.operation == "Cast" && node.attributes.iter().any(|(_, to)| *to == Self::INT64.into())
        };
        if !self.nodes.iter().any(takes) || !self.nodes.iter().filter(|node| takes(node)).all(casts) {
            return false;
        }
        let (gone, mut kept): (Vec<_>, Vec<_>) =
            core::mem::take(&mut self.nodes).into_iter().partition(takes);
        for input in kept.iter_mut().flat_map(|node| &mut node.inputs) {
            if gone.iter().any(|node| Some(node.output) == *input) {
                *input = Some(0);
            }
        }
        self.nodes = kept;
        true
    }
}

/// The axes of numbers along the last axis of a sample, as they are repeated along the others.
fn dims_along_last(count: usize, x: OnnxValue) -> Vec<usize> {
    let places = if x.is_channels_first { x.shape.rank() - 1 } else { 0 };
    [count].into_iter().chain(core::iter::repeat_n(1, places)).collect()
}

/// The name, or one like it where it is taken.
fn unique(names: &mut BTreeMap<String, usize>, name: &str) -> String {
    let name = if name.is_empty() { "value" } else { name };
    let mut own = name.to_owned();
    while names.contains_key(&own) {
        let asked = names.entry(name.to_owned()).or_default();
        own = format!("{name}_{asked}");
        *asked += 1;
    }
    names.insert(own.clone(), 1);
    own
}
