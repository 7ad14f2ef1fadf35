//! What the operations of a graph are for this crate: one value that depends on the input is made of others by each.

use super::constant::Constant;
use super::count::Count;
use super::grid::Grid;
use crate::Activation;
use crate::layers::{Padding, Sides};

/// The values that depend on the input, in an order in which each stands behind those that it is made of. The first is the input.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    pub(super) values: Vec<Value<'a>>,
    pub(super) output: usize,
    /// The names of the classes, where the graph has a label for each.
    pub(super) classes: Option<Vec<String>>,
}

impl<'a> Flow<'a> {
    pub(super) fn op(&self, index: usize) -> &Op<'a> {
        &self.values[index].op
    }

    pub(super) fn only_input(&self, index: usize) -> Option<usize> {
        let &[input] = &self.values[index].inputs[..] else { return None };
        Some(input)
    }

    /// Both inputs of a value, in both orders.
    pub(super) fn both_ways(&self, index: usize) -> Option<[(usize, usize); 2]> {
        let &[a, b] = &self.values[index].inputs[..] else { return None };
        Some([(a, b), (b, a)])
    }

    /// How often each value is used by those that the output needs; the output itself once more.
    pub(super) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.values.len()];
        uses[self.output] = 1;
        for (index, value) in self.values.iter().enumerate().rev() {
            if uses[index] > 0 {
                value.inputs.iter().for_each(|&input| uses[input] += 1);
            }
        }
        uses
    }
}

#[derive(Debug)]
pub(super) struct Value<'a> {
    pub(super) op: Op<'a>,
    pub(super) inputs: Vec<usize>,
    /// The axes as the graph has them, with that of the samples.
    pub(super) dims: Vec<Count>,
    /// That of the operation, to be told in an error.
    pub(super) label: String,
    /// The name of the operation in the graph, which may be none.
    pub(super) name: &'a str,
}

/// What makes a value of others.
#[derive(Debug, Clone)]
pub(super) enum Op<'a> {
    /// The input of the model; whether it is of whole numbers.
    Input {
        is_whole: bool,
    },
    /// Weighted sums along the last axis, of a weight `[inputs, outputs]`.
    Dense {
        weight: Constant<'a>,
        bias: Option<Constant<'a>>,
    },
    Conv(Conv<'a>),
    Function(Activation),
    Prelu(Constant<'a>),
    /// A function of each element that is no layer by itself, but a part of one.
    Part(Part),
    /// x·scale + shift, of numbers that are repeated along axes as NumPy does.
    Affine {
        scale: Option<Constant<'a>>,
        shift: Option<Constant<'a>>,
    },
    /// Along these axes together.
    Softmax {
        axes: Vec<usize>,
        is_log: bool,
    },
    /// Rounded to whole numbers of steps.
    Quantize(Grid),
    /// The numbers that whole numbers of steps stand for; they are those before, to a step, inside of the range that there is.
    Dequantize(Grid),
    /// Whole numbers of steps, and their zero point, of a range that each tensor has of its own.
    DynamicQuantize,
    /// The length of such a step, times constants.
    DynamicScale(Option<Constant<'a>>),
    /// The same numbers under the axes of the value.
    Regroup,
    /// The axes in another order: which of the input's comes first.
    Transpose(Vec<usize>),
    Pool(Pool),
    /// The mean, or the largest, over these axes.
    Reduce {
        axes: Vec<usize>,
        is_max: bool,
    },
    /// Of each index along axis 1, of all samples.
    BatchNorm {
        scale: Constant<'a>,
        shift: Constant<'a>,
        mean: Constant<'a>,
        variance: Constant<'a>,
        epsilon: f64,
    },
    /// Over these axes together; without the mean where it is that of squares alone.
    LayerNorm {
        axes: Vec<usize>,
        scale: Option<Constant<'a>>,
        shift: Option<Constant<'a>>,
        epsilon: f64,
        is_rms: bool,
    },
    /// Of each sample over so many groups of the indices along axis 1, with numbers for each index.
    GroupNorm {
        groups: usize,
        scale: Option<Constant<'a>>,
        shift: Option<Constant<'a>>,
        epsilon: f64,
    },
    /// The rows of a table, by whole numbers.
    Embedding(Constant<'a>),
    /// The part of an axis from an index on, of the length that the value has.
    Slice {
        axis: usize,
        start: usize,
    },
    /// Zeros around: before and after each axis.
    Pad {
        before: Vec<usize>,
        after: Vec<usize>,
    },
    /// Half of an axis through the gates of the other half.
    Glu {
        axis: usize,
    },
    Add,
    Concat {
        axis: usize,
    },
    /// The second where the first is true, else the third.
    Choice,
    /// The larger of two, or the smaller.
    Bound {
        is_max: bool,
    },
    Multiply,
    Subtract,
    Divide,
}

/// A function of each element that networks are taken apart into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    Exp,
    Log,
    Sqrt,
    Reciprocal,
    Absolute,
    Erf,
    /// To whole numbers, the even one of two that are as near.
    Round,
    Power(f64),
    /// Whether it is above this number.
    Above(f64),
}

/// A convolution, or a transposed one.
#[derive(Debug, Clone)]
pub(super) struct Conv<'a> {
    /// As the graph has it: `[outputs, inputs / groups, …]`, and of a transposed one `[inputs, outputs / groups, …]`.
    pub(super) weight: Constant<'a>,
    pub(super) bias: Option<Constant<'a>>,
    pub(super) groups: usize,
    pub(super) slide: Slide,
    /// Rows and columns that a transposed one has more.
    pub(super) transposed: Option<Sides>,
}

/// How a window slides; of sequences the vertical sides are 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slide {
    pub(super) kernel: Sides,
    pub(super) stride: Sides,
    pub(super) dilation: Sides,
    pub(super) padding: Padding,
    pub(super) ceil_mode: bool,
    /// Whether it slides over sequences.
    pub(super) is_sequence: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Pool {
    pub(super) slide: Slide,
    pub(super) is_max: bool,
    pub(super) counts_padding: bool,
}
