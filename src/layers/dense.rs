//! The fully connected layer.

use core::fmt;

use rand::Rng;

use super::dense_gradient::{Product, WeightGradient};
use super::stored::{Entry, Restored, Stored};
use super::weight_and_bias::{WeightAndBias, check_bias, check_width, with_finish};
use super::{
    Backward, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Order, Param, Settings,
    check_room,
};
use crate::getters::getters;
use crate::init::{Init, Initializer};
use crate::kernels::{
    Bf16DenseForward, Bf16InputGradient, Bf16WeightGradient, DenseForward, DenseInputGradient, DenseSize,
    DenseWeightGradient, Pair,
};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// The fully connected layer, y = x·W + b along the last axis: every output is a weighted sum of all inputs of its row.
///
/// A row of n inputs times an n×m weight gives m outputs: the width of the weight alone decides how many are left.
/// A sample is one row, or has several, as the steps of a sequence, and then each goes through the same weight, as in Keras's
/// `Dense` and PyTorch's `nn.Linear`. For the gradient dy of a loss with respect to y,
///
/// ```text
/// dx = dy·Wᵀ      dW = xᵀ·dy      db = Σ dy over all rows
/// ```
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, …, inputs]` |
/// | y | `[batch, …, outputs]` |
/// | `weight` | `[inputs, outputs]` (PyTorch's is transposed) |
/// | `bias` | `[outputs]` |
///
/// On an image it works on the channels of each pixel, as a convolution with a window of 1 does. Where a weight for each
/// pixel is wanted, a [`Flatten`](super::Flatten) stands before it: without one the outputs keep the image's axes, which
/// [`Sequential::summary`](crate::Sequential::summary) shows, and a loss refuses targets of one class a sample.
///
/// ```
/// use taper::{Dense, Sequential, Tensor};
///
/// let dense = Dense::from_parts(&Tensor::from([[1.0], [2.0]]), Some(&Tensor::from([0.5])))?;
/// let model = Sequential::builder([2]).layer(dense).build(&mut taper::seeded(0))?;
/// assert_eq!(model.predict(&Tensor::from([[3.0, 4.0]]))?, Tensor::from([[11.5]]));
///
/// // Three steps of two features, four numbers of each step.
/// let model = Sequential::<f32>::builder([3, 2]).dense(4).build(&mut taper::seeded(0))?;
/// assert_eq!(model.output().axes(), [3, 4]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone)]
pub struct Dense<T> {
    inputs: usize,
    outputs: usize,
    parts: WeightAndBias<T>,
}

impl<T: Scalar> Dense<T> {
    /// A layer with a bias, initialised as PyTorch's `nn.Linear` is: [`Init::Linear`].
    ///
    /// # Errors
    /// [`Error::Setting`] for a width of 0; [`Error::TooLarge`] where the weight does not fit into memory.
    pub fn new(inputs: usize, outputs: usize, rng: &mut impl Rng) -> Result<Self> {
        Self::initialized(inputs, outputs, &Init::Linear, Some(&Init::Linear), rng)
    }

    /// A layer with initialisers of one's own for weight and bias.
    ///
    /// # Errors
    /// As [`Dense::new`], and those of the initialisers.
    pub fn with_init(
        inputs: usize,
        outputs: usize,
        weight: &dyn Initializer<T>,
        bias: &dyn Initializer<T>,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        Self::initialized(inputs, outputs, weight, Some(bias), rng)
    }

    /// A layer without a bias: y = x·W.
    ///
    /// # Errors
    /// As [`Dense::new`], and those of the initialiser.
    pub fn without_bias(
        inputs: usize,
        outputs: usize,
        weight: &dyn Initializer<T>,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        Self::initialized(inputs, outputs, weight, None, rng)
    }

    fn initialized(
        inputs: usize,
        outputs: usize,
        weight: &dyn Initializer<T>,
        bias: Option<&dyn Initializer<T>>,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        let mut dense = Self::zeros(inputs, outputs, bias.is_some())?;
        dense.parts.initialize(weight, bias, inputs, rng)?;
        Ok(dense)
    }

    /// A layer of given parameters: a weight `[inputs, outputs]` and, if there is one, a bias `[outputs]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the shapes do not fit together, and as [`Dense::new`].
    pub fn from_parts(weight: &Tensor<T>, bias: Option<&Tensor<T>>) -> Result<Self> {
        let &[inputs, outputs] = weight.shape().axes() else {
            return Err(Error::shape("weight", "[inputs, outputs]", weight.shape()));
        };
        check_width("inputs", inputs)?;
        check_width("outputs", outputs)?;
        check_bias(bias, outputs)?;
        let mut parts = WeightAndBias::new(Param::panels("weight", weight), outputs, bias.is_some())?;
        parts.set_bias(bias)?;
        Ok(Self { inputs, outputs, parts })
    }

    /// A layer of zeros, to be filled: made of a size alone, without a tensor beside it.
    ///
    /// # Errors
    /// As [`Dense::new`].
    pub(crate) fn zeros(inputs: usize, outputs: usize, has_bias: bool) -> Result<Self> {
        check_width("inputs", inputs)?;
        check_width("outputs", outputs)?;
        let weight = Param::zero_panels("weight", inputs, outputs)?;
        Ok(Self { inputs, outputs, parts: WeightAndBias::new(weight, outputs, has_bias)? })
    }

    /// The weight, `[inputs, outputs]`.
    #[must_use]
    pub fn weight(&self) -> &Param<T> {
        &self.parts.weight
    }

    /// The weight, to be set or frozen.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        &mut self.parts.weight
    }

    /// The bias, `[outputs]`.
    #[must_use]
    pub fn bias(&self) -> Option<&Param<T>> {
        self.parts.bias.as_ref()
    }

    /// The bias, to be set or frozen.
    pub fn bias_mut(&mut self) -> Option<&mut Param<T>> {
        self.parts.bias.as_mut()
    }

    /// The layer whose outputs are scale·y + shift, of numbers for each output.
    pub(crate) fn scaled(&self, scales: &[f64], shifts: &[f64]) -> Result<Self> {
        let mut scaled = self.clone();
        scaled.scale_outputs(scales, shifts)?;
        Ok(scaled)
    }

    /// Makes the outputs scale·y + shift.
    pub(crate) fn scale_outputs(&mut self, scales: &[f64], shifts: &[f64]) -> Result<()> {
        self.parts.scale_outputs(scales, shifts)
    }

    /// Weight and bias.
    pub(super) fn parts(&self) -> &WeightAndBias<T> {
        &self.parts
    }

    /// The layer with its weight in bf16, for inference.
    ///
    /// # Errors
    /// [`Error::NotFinite`] where a weight is NaN or infinite, or would be so in bf16.
    pub(crate) fn in_bf16(&self) -> Result<Self> {
        Ok(Self { parts: self.parts.in_bf16()?, ..*self })
    }

    /// The layer of these outputs alone.
    pub(crate) fn with_outputs(&self, kept: &[usize]) -> Self {
        Self { inputs: self.inputs, outputs: kept.len(), parts: self.parts.with_outputs(kept) }
    }

    /// A layer of another weight, `[inputs, outputs]`, and a bias that fits it, under the names of this one.
    pub(crate) fn with_sums(&self, weight: &Tensor<T>, bias: &Tensor<T>) -> Self {
        let &[inputs, outputs] = weight.shape().axes() else { panic!("a dense weight is a matrix") };
        Self { inputs, outputs, parts: self.parts.with_sums(weight, bias) }
    }

    /// The weight's copy, in a training whose products are of bf16.
    ///
    /// # Errors
    /// [`Error::Workspace`] where there is less scratch than products of bf16 need: it is from a workspace that was made before.
    fn copy_in_bf16(&self, size: DenseSize, scratch: usize) -> Result<Option<&[Pair]>> {
        let copy = self.parts.weight.copy();
        if copy.is_some() {
            check_room(scratch, scratch_in_bf16::<T>(size), "scratch")?;
        }
        Ok(copy)
    }

    /// The size of the product for so many numbers of inputs.
    fn size(&self, numbers: usize) -> DenseSize {
        DenseSize { batch: numbers / self.inputs, inputs: self.inputs, outputs: self.outputs }
    }

    getters! {
        /// The number of inputs.
        inputs: usize;
        /// The number of outputs.
        outputs: usize;
    }
}

impl<T: Scalar> Layer<T> for Dense<T> {
    fn kind(&self) -> &'static str {
        "dense"
    }

    fn describe(&self) -> String {
        format!("dense {} -> {}", self.inputs, self.outputs)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.parts.check([self.inputs, self.outputs].into(), self.outputs)?;
        output_shape(input, self.inputs, self.outputs)
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let size = self.size(batch * input.len());
        let forward = Bf16DenseForward::<T>::scratch(size);
        let scratch = match mode {
            Mode::Infer if self.parts.weight.bf16().is_some() => forward,
            Mode::Infer => 0,
            Mode::Train => {
                let in_bf16 = if self.parts.weight.has_copy() { scratch_in_bf16::<T>(size) } else { 0 };
                let dx = DenseInputGradient::<T>::scratch(size);
                dx.max(DenseWeightGradient::<T>::scratch(size)).max(in_bf16)
            }
        };
        Memory { cache: 0, scratch }
    }

    fn check_mode(&self, mode: Mode) -> Result<()> {
        self.parts.check_mode(mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let (size, x, y) = (self.size(x.as_slice().len()), x.as_slice(), y.as_mut_slice());
        let (bias, parallelism) = (self.parts.bias.as_ref().map(Param::buffer), context.parallelism);
        let in_bf16 = match context.mode {
            Mode::Infer => self.parts.weight.bf16(),
            Mode::Train => {
                self.parts.check_pass(Mode::Train)?;
                self.copy_in_bf16(size, context.scratch.len())?
            }
        };
        with_finish(context.activation, |finish| match in_bf16 {
            None => {
                let weight = self.parts.weight.buffer();
                DenseForward { size, x, weight, bias, finish, parallelism }.run(y);
            }
            Some(weight) => {
                let product = Bf16DenseForward { size, x, weight, bias, finish, parallelism };
                product.run(y, context.scratch);
            }
        });
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        self.parts.check_pass(Mode::Train)?;
        let size = self.size(pass.x.as_slice().len());
        let (x, dy) = (pass.x.as_slice(), pass.dy.as_slice());
        let (copy, parallelism) = (self.copy_in_bf16(size, pass.scratch.len())?, pass.parallelism);
        let is_in_bf16 = copy.is_some();
        // dx first: the sink may change the weight.
        match (pass.dx, copy) {
            (None, _) => {}
            (Some(mut dx), None) => {
                let weight = self.parts.weight.buffer();
                DenseInputGradient { size, dy, weight, parallelism }.run(dx.as_mut_slice(), pass.scratch);
            }
            (Some(mut dx), Some(weight)) => {
                Bf16InputGradient { size, dy, weight, parallelism }.run(dx.as_mut_slice(), pass.scratch);
            }
        }
        self.parts.take_bias(dy, sink)?;
        if !self.parts.weight.is_frozen() {
            let product = if is_in_bf16 {
                Product::Bf16(Bf16WeightGradient::in_bf16(size, x, dy, pass.scratch, parallelism))
            } else {
                Product::Full(DenseWeightGradient::new(size, x, dy, pass.scratch, parallelism))
            };
            let gradient = WeightGradient { product, multiply_adds: size.multiply_adds() };
            sink.take(&mut self.parts.weight, &gradient)?;
        }
        Ok(())
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.parts.visit(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.parts.visit_mut(visit);
    }

    fn applies_activation(&self) -> bool {
        true
    }

    fn output_order(&self, input: &Shape, order: Order) -> Order {
        output_order(input, self.outputs, order)
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        input.len() as u64 * self.outputs as u64
    }

    fn settings(&self) -> Settings {
        self.parts.settings(Settings::new().with("inputs", self.inputs).with("outputs", self.outputs))
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let x = self.parts.weight.bf16().map_or(x, |_| graph.rounded_to_bf16(x));
        let weight = graph.param(&self.parts.weight);
        Ok(graph.sums(x, weight, self.parts.bias.as_ref()))
    }
}

/// What a dense layer makes of an input of this shape.
///
/// # Errors
/// [`Error::Shape`] where its last axis is another.
pub(super) fn output_shape(input: &Shape, inputs: usize, outputs: usize) -> Result<Shape> {
    if input.axes().last() == Some(&inputs) {
        return Ok(input.with_last(outputs));
    }
    let (hint, rows) = match input.rank() {
        _ if input.len() == inputs => ("put a flatten before it", ""),
        1 => ("", ""),
        _ => ("", " …,"),
    };
    let (expected, got) = (format!("[batch,{rows} {inputs}]"), input.batch_pattern());
    Err(Error::Shape { what: "input", expected, got, hint })
}

/// Each output of a dense layer is a sum over all inputs of its row. Rows lie where they lay.
pub(super) fn output_order(input: &Shape, outputs: usize, order: Order) -> Order {
    match order {
        Order::ChannelsLast(_) if input.rank() > 1 => Order::ChannelsLast(input.with_last(outputs)),
        Order::Unknown if input.rank() > 1 => Order::Unknown,
        _ => Order::Same,
    }
}

impl<T: Scalar> Stored<T> for Dense<T> {
    const KINDS: &'static [&'static str] = &["dense"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let (inputs, outputs) = (entry.count("inputs")?, entry.count("outputs")?);
        let has_bias = entry.flag("bias")?;
        entry.expect_sums([inputs, outputs].into(), has_bias)?;
        let zeros = Self::zeros(inputs, outputs, has_bias)?;
        Ok(Self { parts: zeros.parts.restored(entry)?, ..zeros })
    }
}

impl<T> fmt::Debug for Dense<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Dense");
        text.field("inputs", &self.inputs).field("outputs", &self.outputs);
        text.field("weight", &self.parts.weight).field("bias", &self.parts.bias).finish()
    }
}

/// Elements of scratch that the three products of bf16 need.
fn scratch_in_bf16<T: Scalar>(size: DenseSize) -> usize {
    let forward = Bf16DenseForward::<T>::scratch(size);
    let backward = Bf16InputGradient::<T>::scratch(size);
    forward.max(backward).max(Bf16WeightGradient::<T>::scratch_in_bf16(size))
}
