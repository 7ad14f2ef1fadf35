//! In how few bits a model is to hold its weights.

use crate::Tensor;
use crate::prelude::*;

/// In how few bits a model holds its weights; for [`Sequential::quantized`](crate::Sequential::quantized).
///
/// ```
/// use taper::sequential::Quantization;
///
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::<f32>::builder([8]).dense(16).relu().dense(3).named("fc2").build(&mut taper::seeded(7))?;
/// let samples = Tensor::from_fn([100, 8], |i| (i as f32).sin())?;
/// let small = model.quantized(&Quantization::int8().calibrated(&samples).without("fc2"))?;
/// assert_eq!((small.param("0.weight")?.number_type(), small.param("fc2.weight")?.number_type()), ("i8", "f32"));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Quantization {
    format: Format,
    calibration: Option<Tensor<f32>>,
    without: Vec<String>,
}

/// What a weight is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Whole numbers of eight bits.
    Int8,
    /// The upper halves of `f32`.
    Bf16,
}

impl Quantization {
    /// Weights of eight bits with a scale for each output, and inputs of eight bits with a scale for each sample
    /// ([`QuantizedDense`](crate::layers::QuantizedDense) has the formula): a quarter of the bytes, and sums of whole numbers. What these
    /// layers give has the same bits on every processor; the layers that stay in `f32` compute as before.
    #[must_use]
    pub fn int8() -> Self {
        Self::of(Format::Int8)
    }

    /// Weights in bf16: the sign, the exponent and seven bits of the fraction of an `f32`, rounded to the nearest. Inputs of a layer are
    /// rounded so too, each once; their products are exact, and sums, bias and activation are in `f32`. Half of the bytes, and less of
    /// an error than eight bits make: each factor is off by at most 2⁻⁸ of itself, a product by 2⁻⁷. Layers stay what they are, with a
    /// weight in bf16; outputs have the same bits in any batch and at any number of threads, but not with every instruction set.
    #[must_use]
    pub fn bf16() -> Self {
        Self::of(Format::Bf16)
    }

    fn of(format: Format) -> Self {
        Self { format, calibration: None, without: Vec::new() }
    }

    /// Gives each layer of eight bits one range of its inputs, from the smallest to the largest number that it gets for these samples,
    /// `[samples, …]`. Then no layer looks for a range while it runs, which takes a little time off small batches; but what is outside
    /// of the range becomes its end. It is an error for bf16, which has no scales. Some hundreds of samples such as the model will see are enough.
    #[must_use]
    pub fn calibrated(mut self, inputs: &Tensor<f32>) -> Self {
        self.calibration = Some(inputs.clone());
        self
    }

    /// Leaves the weights of a layer as they are. One in a model inside or in [`Branches`](super::Branches) is called by the names on
    /// the way to it, `block1.conv2`; the name of such a model is that of all layers in it.
    #[must_use]
    pub fn without(mut self, layer: &str) -> Self {
        self.without.push(layer.to_owned());
        self
    }

    /// Whether this layer stays as it is.
    pub(super) fn leaves_out(&self, layer: &str) -> bool {
        self.without.iter().any(|name| is_in(layer, name))
    }

    /// The names that are left out.
    pub(super) fn left_out(&self) -> &[String] {
        &self.without
    }

    pub(super) fn calibration(&self) -> Option<&Tensor<f32>> {
        self.calibration.as_ref()
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }
}

/// Whether a layer is of this name, or in a model of this name.
pub(super) fn is_in(layer: &str, name: &str) -> bool {
    layer.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
