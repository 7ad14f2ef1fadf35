//! What layers of 8-bit weights have in common: whole numbers, their scales, a bias, and a range of the inputs where it is known.

use super::layout::Layout;
use super::param_form::{SET, check_shapes};
use super::stored::{Entry, Restored};
use super::weight_and_bias::{WeightAndBias, of_weight, refuse_training_of};
use super::weight_scales::{rounded, weight_scales};
use super::{Along, Mode, Param, Settings};
use crate::kernels::{ByteInput, ByteWeight, MOST_BYTE_INPUTS};
#[cfg(not(feature = "std"))]
use crate::prelude::*;
use crate::{Error, Result, Shape, Tensor};

/// The parameters of a layer whose outputs are sums of whole numbers.
#[derive(Debug, Clone)]
pub(super) struct QuantizedWeight {
    pub(super) weight: Param<f32>,
    /// How the weight has to lie.
    layout: Layout,
    /// For each output, `[outputs, 1]`.
    pub(super) scale: Param<f32>,
    pub(super) bias: Option<Param<f32>>,
    /// Where the inputs' range is known before.
    input: Option<QuantizedInput>,
}

/// The parameters of such a layer as somebody else made them, for a weight whose last axis is that of the outputs.
pub(crate) struct EightBits<'w> {
    /// By row and column of the weight as a matrix.
    pub(crate) weight: &'w dyn Fn(usize, usize) -> i8,
    pub(crate) scales: Vec<f32>,
    pub(crate) bias: Option<Tensor<f32>>,
    /// The scale and the zero point of the inputs, where they are known before.
    pub(crate) input: Option<(f32, i8)>,
}

/// How inputs become whole numbers where their range is known: x ≈ scale·(q − zero point).
#[derive(Debug, Clone)]
struct QuantizedInput {
    scale: Param<f32>,
    zero_point: Param<f32>,
}

/// Of a layer that keeps the range of its inputs, the setting of files.
const STATIC_INPUT: &str = "static_input";

impl QuantizedWeight {
    /// Zeros, to be filled.
    ///
    /// # Errors
    /// [`Error::Setting`] where a sum has so many inputs that it may not fit.
    pub(super) fn zeros(weight: Shape, groups: usize, has_bias: bool) -> Result<Self> {
        let outputs = weight.axes().last().copied().unwrap_or(1);
        check_inputs(weight.len() / outputs.max(1))?;
        let bias = has_bias.then(|| Tensor::zeros([outputs])).transpose()?;
        let along = if weight.rank() == 2 { Along::Inputs } else { Along::Window };
        let weight = Param::zero_integers("weight", weight, groups).with_along(along);
        Ok(Self {
            layout: weight.layout(),
            weight,
            scale: scales("weight_scale", &Tensor::full([outputs, 1], 1.0)?),
            bias: bias.map(|zeros| Param::new("bias", &zeros).with_along(Along::Nothing)),
            input: None,
        })
    }

    /// Of a weight of `f32`, each output of which gets a scale of its own.
    ///
    /// # Errors
    /// As [`QuantizedWeight::zeros`]; [`Error::NotFinite`] where a weight is NaN or infinite.
    pub(super) fn from_float(parts: &WeightAndBias<f32>, groups: usize) -> Result<Self> {
        let WeightAndBias { weight, bias } = parts;
        let [_, outputs] = weight.matrix();
        check_inputs(weight.matrix()[0])?;
        let tensor = weight.to_tensor();
        if let Some(&got) = tensor.as_slice().iter().find(|value| !value.is_finite()) {
            return Err(Error::NotFinite { what: format!("`{}`", weight.name()), got: got.into() });
        }
        let mut quantized = Self::zeros(weight.shape(), groups, bias.is_some())?;
        let scales = weight_scales(tensor.as_slice(), outputs);
        quantized.weight.fill(|row, column| {
            f32::from(rounded(tensor.as_slice()[row * outputs + column], scales[column]))
        });
        quantized.scale.set(&Tensor::from_vec([outputs, 1], scales)?)?;
        if let (Some(own), Some(bias)) = (&mut quantized.bias, bias) {
            own.set(&bias.to_tensor())?;
        }
        Ok(quantized)
    }

    /// Of parameters that somebody else made.
    ///
    /// # Errors
    /// As [`QuantizedWeight::zeros`]; [`Error::Shape`] where scales or bias are not of this weight; [`Error::Setting`] for a scale that is none.
    pub(super) fn of_eight_bits(parts: &EightBits<'_>, weight: Shape, groups: usize) -> Result<Self> {
        let mut quantized = Self::zeros(weight, groups, parts.bias.is_some())?;
        let outputs = parts.scales.len();
        quantized.weight.fill(|row, column| f32::from((parts.weight)(row, column)));
        quantized.scale.set(&Tensor::from_vec([outputs, 1], parts.scales.clone())?)?;
        if let (Some(own), Some(bias)) = (&mut quantized.bias, &parts.bias) {
            own.set(bias)?;
        }
        quantized.input =
            parts.input.map(|(scale, zero)| QuantizedInput::of(scale, zero.into())).transpose()?;
        Ok(quantized)
    }

    /// For inputs from the one number to the other; what lies outside becomes the end.
    ///
    /// # Errors
    /// [`Error::Setting`] unless both are finite and the first is not above the second.
    pub(super) fn with_input_range(mut self, least: f32, largest: f32) -> Result<Self> {
        if !(least.is_finite() && largest.is_finite() && least <= largest) {
            let expected = "two finite numbers, the smallest first";
            return Err(Error::setting("input range", expected, format!("{least} to {largest}")));
        }
        let (scale, zero_point) = static_input(least.min(0.0), largest.max(0.0));
        let mut input = QuantizedInput::of(scale, zero_point)?;
        if let Some((layer, _)) = self.weight.name().rsplit_once('.') {
            input.visit_mut(&mut |param| param.prefix_name(layer));
        }
        self.input = Some(input);
        Ok(self)
    }

    /// The numbers that inputs may have, where that is known before.
    pub(super) fn input_range(&self) -> Option<[f32; 2]> {
        let (scale, zero) = self.input.as_ref().map(QuantizedInput::numbers)?;
        Some([-128, 127].map(|end: i32| (end - zero) as f32 * scale))
    }

    /// How inputs become bytes.
    pub(super) fn byte_input(&self) -> ByteInput {
        self.input.as_ref().map_or(ByteInput::PerSample, |input| {
            let (scale, zero) = input.numbers();
            ByteInput::Static { scale, zero }
        })
    }

    /// The weight as the kernels want it.
    pub(super) fn byte_weight(&self) -> ByteWeight<'_> {
        let (panels, sums) = self.weight.integers().expect("`check` agreed");
        ByteWeight { panels, sums, scales: self.scale.buffer() }
    }

    /// The weight in `f32`: whole numbers times scales, each rounded once.
    pub(super) fn dequantized(&self) -> Tensor<f32> {
        let mut tensor = self.weight.to_tensor();
        let scales = self.scale.buffer();
        for row in tensor.as_mut_slice().chunks_exact_mut(scales.len()) {
            row.iter_mut().zip(scales).for_each(|(weight, scale)| *weight *= scale);
        }
        tensor
    }

    /// Whether all of them are as the layer needs them: whoever gets hold of one can put another in its place, and a file can have
    /// anything.
    ///
    /// # Errors
    /// [`Error::Shape`] for another parameter, [`Error::Setting`] for a scale that is none.
    pub(super) fn check(&self, weight: Shape, outputs: usize) -> Result<()> {
        check_shapes([(&self.weight, weight), (&self.scale, [outputs, 1].into())])?;
        check_shapes(self.bias.as_ref().map(|bias| (bias, [outputs].into())))?;
        check_layout(&self.weight, self.layout)?;
        check_scales(&self.scale)?;
        self.input.as_ref().map_or(Ok(()), |input| {
            check_shapes([(&input.scale, [1].into()), (&input.zero_point, [1].into())])?;
            check_layout(&input.zero_point, QuantizedInput::zeros().zero_point.layout())?;
            check_scales(&input.scale)
        })
    }

    /// That a layer of 8-bit weights is not for training.
    pub(super) fn check_mode(mode: Mode) -> Result<()> {
        let expected =
            "`Mode::Infer` (weights of eight bits have no gradients; train the model that they were made of)";
        refuse_training_of(expected, mode)
    }

    /// As [`WeightAndBias::check_pass`].
    pub(super) fn check_pass(&self, mode: Mode) -> Result<()> {
        Self::check_mode(mode).map_err(|error| of_weight(&self.weight, error))
    }

    pub(super) fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f32>)) {
        visit(&self.weight);
        visit(&self.scale);
        self.bias.iter().for_each(&mut *visit);
        self.input.iter().for_each(|input| {
            visit(&input.scale);
            visit(&input.zero_point);
        });
    }

    pub(super) fn visit_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f32>)) {
        visit(&mut self.weight);
        visit(&mut self.scale);
        self.bias.iter_mut().for_each(&mut *visit);
        self.input.iter_mut().for_each(|input| input.visit_mut(visit));
    }

    /// What a file keeps beside sizes.
    pub(super) fn settings(&self, settings: Settings) -> Settings {
        settings.with("bias", self.bias.is_some()).with(STATIC_INPUT, self.input.is_some())
    }

    /// What [`QuantizedWeight::settings`] wrote, for a weight of this shape. The parameters have to be in the file.
    pub(super) fn restore(entry: &mut dyn Entry, weight: Shape, groups: usize) -> Restored<Self> {
        let (has_bias, is_static) = (entry.flag("bias")?, entry.flag(STATIC_INPUT)?);
        let outputs = weight.axes().last().copied().unwrap_or(1);
        entry.expect_sums(weight, has_bias)?;
        entry.expect("weight_scale", [outputs, 1].into())?;
        let mut quantized = Self::zeros(weight, groups, has_bias)?;
        if is_static {
            entry.expect("input_scale", [1].into())?;
            entry.expect("input_zero_point", [1].into())?;
            quantized.input = Some(QuantizedInput::zeros());
        }
        Ok(quantized)
    }
}

impl QuantizedInput {
    fn zeros() -> Self {
        let zero_point = Param::zero_integers("input_zero_point", [1].into(), 1);
        Self {
            scale: scales("input_scale", &Tensor::from([1.0])),
            zero_point: zero_point.into_statistic().with_along(Along::Nothing),
        }
    }

    fn of(scale: f32, zero_point: f32) -> Result<Self> {
        let mut input = Self::zeros();
        input.scale.set(&Tensor::from([scale]))?;
        input.zero_point.set(&Tensor::from([zero_point]))?;
        Ok(input)
    }

    fn numbers(&self) -> (f32, i32) {
        // The only number of a panel is its first.
        let zero_point = self.zero_point.integers().map_or(0, |(panels, _)| panels[0]);
        (self.scale.buffer()[0], zero_point.into())
    }

    fn visit_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f32>)) {
        visit(&mut self.scale);
        visit(&mut self.zero_point);
    }
}

/// Whether they are whole numbers of eight bits that lie so.
fn check_layout(param: &Param<f32>, layout: Layout) -> Result<()> {
    if param.layout() == layout {
        return Ok(());
    }
    let expected = format!("`{}` of whole numbers of eight bits, of the layer", param.name());
    let got = format!("one of {} in its place", param.number_type());
    Err(Error::Shape { what: "parameter", expected, got, hint: SET })
}

/// Whether all of them are finite and above 0: somebody may have written others into the buffer.
fn check_scales(param: &Param<f32>) -> Result<()> {
    let is_scale = |scale: &&f32| **scale > 0.0 && scale.is_finite();
    param.buffer().iter().find(|scale| !is_scale(scale)).map_or(Ok(()), |scale| {
        Err(Error::setting("scale", "finite numbers above 0", format!("{scale} in `{}`", param.name())))
    })
}

/// Scales, which lie along nothing of the inputs.
fn scales(name: &str, tensor: &Tensor<f32>) -> Param<f32> {
    Param::scales(name, tensor).with_along(Along::Nothing)
}

/// Scale and zero point for numbers from the one to the other, between which 0 lies.
fn static_input(least: f32, largest: f32) -> (f32, f32) {
    let scale = (largest / 255.0 - least / 255.0).max(f32::MIN_POSITIVE);
    (scale, (-128.0 - (least / scale).round_ties_even()).clamp(-128.0, 127.0))
}

/// Whether so many products of bytes have a sum of 32 bits.
fn check_inputs(inputs: usize) -> Result<()> {
    if inputs <= MOST_BYTE_INPUTS {
        return Ok(());
    }
    let expected = "at most 65793 inputs of an output, whose sum fits into 32 bits";
    Err(Error::setting("inputs", expected, inputs))
}
