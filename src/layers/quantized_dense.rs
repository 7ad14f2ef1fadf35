//! The fully connected layer with 8-bit weights.

use super::dense::{output_order, output_shape};
use super::quantized_weight::{EightBits, QuantizedWeight};
use super::stored::{Entry, Restored, Stored};
use super::weight_and_bias::{check_width, with_finish};
use super::{
    Backward, Dense, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Order, Param, Settings,
};
use crate::getters::getters;
use crate::kernels::{ByteDenseForward, DenseSize};
use crate::prelude::*;
use crate::{Error, Result, Shape, Tensor, TensorView, TensorViewMut};

/// [`Dense`] with weights of eight bits, for inference: products of whole numbers, whose sums are exact.
///
/// With w the whole number of a weight, q that of an input, a scale t for each output, and scale s and zero point z of the sample:
///
/// ```text
/// W[k, o] ≈ t[o]·w[k, o]                    w from −127 to 127
/// x[k]    ≈ s·(q[k] − z)                    q from −128 to 127
/// y[o]    = (Σ w[k, o]·(q[k] − z))·t[o]·s + b[o]     the sum in whole numbers, then each step rounded once, in this order
/// ```
///
/// s and z are those of each row of inputs by itself, from its smallest and largest number and 0: s = (largest − smallest)/255. So a
/// row's outputs do not depend on the others of its batch, and 0 is exact. With [`QuantizedDense::with_input_range`] they are known
/// before, and what lies outside of the range becomes its end. The bits are the same on every processor.
///
/// A row with a NaN or an infinity has outputs that are NaN. There are no gradients: it is an error to train such a layer.
/// [`Sequential::quantized`](crate::Sequential::quantized) makes these layers of those of a model.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, …, inputs]`, at most 65,793 inputs: more products might not fit into a sum of 32 bits |
/// | y | `[batch, …, outputs]` |
/// | `weight` | `[inputs, outputs]`, whole numbers |
/// | `weight_scale` | `[outputs, 1]` |
/// | `bias` | `[outputs]` |
///
/// Source: Jacob et al., 2018; scales for each output as in Krishnamoorthi, 2018.
///
/// ```
/// use taper::layers::QuantizedDense;
/// use taper::{Dense, Sequential, Tensor};
///
/// let dense = Dense::from_parts(&Tensor::from([[1.0], [-2.0]]), Some(&Tensor::from([0.5])))?;
/// let quantized = QuantizedDense::from_float(&dense)?;
/// assert_eq!(quantized.weight().to_tensor(), Tensor::from([[64.0], [-127.0]]));
///
/// let model = Sequential::builder([2]).layer(quantized).build(&mut taper::seeded(0))?;
/// let y = model.predict(&Tensor::from([[3.0, 4.0]]))?;
/// assert!((y.as_slice()[0] - (3.0 - 8.0 + 0.5)).abs() < 0.05);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct QuantizedDense {
    inputs: usize,
    outputs: usize,
    parts: QuantizedWeight,
}

impl QuantizedDense {
    /// The layer for a layer of `f32`. An output's scale is that of its largest weight, largest/127, or up to an eighth smaller where
    /// the squared error of its weights is less so.
    ///
    /// # Errors
    /// [`Error::Setting`] for more than 65,793 inputs; [`Error::NotFinite`] where a weight is NaN or infinite.
    pub fn from_float(dense: &Dense<f32>) -> Result<Self> {
        let parts = QuantizedWeight::from_float(dense.parts(), 1)?;
        Ok(Self { inputs: dense.inputs(), outputs: dense.outputs(), parts })
    }

    /// The layer of parameters that are there already: the weight `[inputs, outputs]`, row after row, the scale of each
    /// output, and a bias, each `[outputs]`. A program without files can have them in it, as constants.
    ///
    /// ```
    /// use taper::layers::QuantizedDense;
    /// use taper::{Sequential, Tensor};
    ///
    /// let layer = QuantizedDense::from_parts(&[64, -127, 5, 0], &[0.5, 0.25], Some(&[0.0, 1.0]))?;
    /// assert_eq!(layer.dequantized_weight(), Tensor::from([[32.0, -31.75], [2.5, 0.0]]));
    ///
    /// let model = Sequential::builder([2]).layer(layer).relu().build(&mut taper::seeded(0))?;
    /// assert_eq!(model.predict(&Tensor::from([[0.0, 0.0]]))?, Tensor::from([[0.0, 1.0]]));
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] where there are no weights or not as many for each output, for more than 65,793 inputs, and for a scale that is
    /// not finite and above 0; [`Error::Length`] where there are not as many biases as scales.
    pub fn from_parts(weight: &[i8], weight_scale: &[f32], bias: Option<&[f32]>) -> Result<Self> {
        let outputs = weight_scale.len();
        check_width("outputs", outputs)?;
        let inputs = weight.len() / outputs;
        if inputs == 0 || inputs * outputs != weight.len() {
            let expected = "as many numbers for each output, of which there is a scale";
            return Err(Error::setting(
                "weight",
                expected,
                format!("{} for {outputs} outputs", weight.len()),
            ));
        }
        if let Some(bias) = bias.filter(|bias| bias.len() != outputs) {
            return Err(Error::Length { what: "bias".into(), expected: outputs, got: bias.len() });
        }
        let parts = EightBits {
            weight: &|row, column| weight[row * outputs + column],
            scales: weight_scale.to_vec(),
            bias: bias.map(|bias| Tensor::from_vec([outputs], bias.to_vec())).transpose()?,
            input: None,
        };
        Self::of_eight_bits(&parts, [inputs, outputs])
    }

    /// The layer of a weight `[inputs, outputs]` that somebody else made.
    ///
    /// # Errors
    /// As [`QuantizedWeight::of_eight_bits`].
    pub(crate) fn of_eight_bits(parts: &EightBits<'_>, [inputs, outputs]: [usize; 2]) -> Result<Self> {
        Ok(Self {
            inputs,
            outputs,
            parts: QuantizedWeight::of_eight_bits(parts, [inputs, outputs].into(), 1)?,
        })
    }

    /// For inputs from `least` to `largest`, and 0 if it lies outside of them: their scale need not be found for each row then. What
    /// lies outside of the range becomes its end.
    ///
    /// # Errors
    /// [`Error::Setting`] unless both are finite and the first is not above the second.
    pub fn with_input_range(mut self, least: f32, largest: f32) -> Result<Self> {
        self.parts = self.parts.with_input_range(least, largest)?;
        Ok(self)
    }

    /// The weight, `[inputs, outputs]`: whole numbers.
    #[must_use]
    pub fn weight(&self) -> &Param<f32> {
        &self.parts.weight
    }

    /// The scale of each output, `[outputs, 1]`.
    #[must_use]
    pub fn weight_scale(&self) -> &Param<f32> {
        &self.parts.scale
    }

    /// The bias, `[outputs]`.
    #[must_use]
    pub fn bias(&self) -> Option<&Param<f32>> {
        self.parts.bias.as_ref()
    }

    /// The weight in `f32`, `[inputs, outputs]`: whole numbers times scales.
    #[must_use]
    pub fn dequantized_weight(&self) -> Tensor<f32> {
        self.parts.dequantized()
    }

    fn size(&self, numbers: usize) -> DenseSize {
        DenseSize { batch: numbers / self.inputs, inputs: self.inputs, outputs: self.outputs }
    }

    getters! {
        /// The number of inputs.
        inputs: usize;
        /// The number of outputs.
        outputs: usize;
        /// The smallest and the largest input that a byte stands for, where a range was set: its ends, to a step.
        input_range: Option<[f32; 2]> = |this| this.parts.input_range();
    }
}

impl Layer<f32> for QuantizedDense {
    fn kind(&self) -> &'static str {
        "quantized_dense"
    }

    fn describe(&self) -> String {
        format!("quantized_dense {} -> {}", self.inputs, self.outputs)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.parts.check([self.inputs, self.outputs].into(), self.outputs)?;
        output_shape(input, self.inputs, self.outputs)
    }

    fn memory(&self, input: &Shape, batch: usize, _: Mode) -> Memory {
        Memory { cache: 0, scratch: ByteDenseForward::scratch(self.size(batch * input.len())) }
    }

    fn check_mode(&self, mode: Mode) -> Result<()> {
        QuantizedWeight::check_mode(mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, f32>,
        mut y: TensorViewMut<'_, f32>,
        context: &mut Forward<'_, f32>,
    ) -> Result<()> {
        self.parts.check_pass(context.mode)?;
        with_finish(context.activation, |finish| {
            let product = ByteDenseForward {
                size: self.size(x.as_slice().len()),
                x: x.as_slice(),
                weight: self.parts.byte_weight(),
                bias: self.parts.bias.as_ref().map(Param::buffer),
                finish,
                input: self.parts.byte_input(),
                parallelism: context.parallelism,
            };
            product.run(y.as_mut_slice(), context.scratch);
        });
        Ok(())
    }

    fn backward(&mut self, _: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
        self.parts.check_pass(Mode::Train)
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f32>)) {
        self.parts.visit(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f32>)) {
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

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, f32>) -> Result<OnnxValue> {
        let x = graph.straight(x);
        let x = graph.rounded_to_bytes(x, self.parts.byte_input(), vec![x.last_axis()]);
        let (order, dims) = (vec![0, 1], vec![self.inputs, self.outputs]);
        let weight = graph.dequantized([&self.parts.weight, &self.parts.scale], (order, dims), 1);
        Ok(graph.sums(x, weight, self.parts.bias.as_ref()))
    }
}

impl Stored<f32> for QuantizedDense {
    const KINDS: &'static [&'static str] = &["quantized_dense"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let (inputs, outputs) = (entry.count("inputs")?, entry.count("outputs")?);
        check_width("inputs", inputs)?;
        check_width("outputs", outputs)?;
        let parts = QuantizedWeight::restore(entry, [inputs, outputs].into(), 1)?;
        Ok(Self { inputs, outputs, parts })
    }
}
