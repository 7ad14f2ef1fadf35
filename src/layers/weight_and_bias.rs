//! What layers of weighted sums have in common: a weight and, if there is one, a bias.

use rand::Rng;

use super::param_form::{SET, check_shapes};
use super::row_gradient::RowGradient;
use super::stored::{Entry, NotRestored, Restored};
use super::{Activation, Along, GradientSink, Mode, Param, Settings};
use crate::init::Initializer;
use crate::kernels::Finish;
use crate::{Error, Result, Scalar, Shape, Tensor};

/// The parameters of a layer whose outputs are weighted sums. The last axis of the weight is that of the outputs, but for a
/// transposed convolution, whose last axis is that of the inputs.
#[derive(Debug, Clone)]
pub(super) struct WeightAndBias<T> {
    pub(super) weight: Param<T>,
    pub(super) bias: Option<Param<T>>,
}

impl<T: Scalar> WeightAndBias<T> {
    /// A weight, and a bias of zeros for so many outputs if there is to be one.
    pub(super) fn new(weight: Param<T>, outputs: usize, has_bias: bool) -> Result<Self> {
        let zeros = has_bias.then(|| Tensor::zeros([outputs])).transpose()?;
        // A number for each output lies along nothing of the input.
        let bias = zeros.map(|zeros| Param::new("bias", &zeros).with_along(Along::Nothing));
        Ok(Self { weight, bias })
    }

    /// Sets what there is to what initialisers make, for outputs that are sums of so many inputs each.
    pub(super) fn initialize(
        &mut self,
        weight: &dyn Initializer<T>,
        bias: Option<&dyn Initializer<T>>,
        inputs: usize,
        rng: &mut dyn Rng,
    ) -> Result<()> {
        let shape = self.weight.shape();
        self.weight.set(&initialized("initial weight", weight, shape, inputs, rng)?)?;
        if let (Some(param), Some(bias)) = (&mut self.bias, bias) {
            param.set(&initialized("initial bias", bias, param.shape(), inputs, rng)?)?;
        }
        Ok(())
    }

    /// Sets the bias, if there is one.
    pub(super) fn set_bias(&mut self, bias: Option<&Tensor<T>>) -> Result<()> {
        match (&mut self.bias, bias) {
            (Some(param), Some(bias)) => param.set(bias),
            _ => Ok(()),
        }
    }

    /// Makes the outputs scale·y + shift, of numbers for each output. Where there is no bias, there is one then.
    pub(super) fn scale_outputs(&mut self, scales: &[f64], shifts: &[f64]) -> Result<()> {
        self.weight.scale_columns(scales);
        self.scale_bias(scales, shifts)
    }

    /// The same for the bias alone.
    pub(super) fn scale_bias(&mut self, scales: &[f64], shifts: &[f64]) -> Result<()> {
        let Self { weight, bias } = self;
        let before = |output: usize| bias.as_ref().map_or(0.0, |bias| bias.buffer()[output].as_f64());
        let value = |output: usize| T::of(before(output) * scales[output] + shifts[output]);
        let values = Tensor::from_fn([scales.len()], value)?;
        if let Some(bias) = bias {
            return bias.set(&values);
        }
        *bias = Some(weight.beside("bias", &values));
        Ok(())
    }

    /// Those of these outputs alone.
    pub(super) fn with_outputs(&self, kept: &[usize]) -> Self {
        let bias = self.bias.as_ref().map(|bias| bias.with_columns(kept));
        Self { weight: self.weight.with_columns(kept), bias }
    }

    /// Another weight and another bias in their places. Where there was no bias, there is one then.
    pub(super) fn with_sums(&self, weight: &Tensor<T>, bias: &Tensor<T>) -> Self {
        let weight = self.weight.with_values(weight);
        let bias =
            self.bias.as_ref().map_or_else(|| weight.beside("bias", bias), |old| old.with_values(bias));
        Self { weight, bias: Some(bias) }
    }

    /// Whether the weight has this shape and is kept as a weight made with the layer, and the bias has a number for each of so many
    /// outputs.
    ///
    /// # Errors
    /// [`Error::Shape`] where somebody has put another in the place of one.
    pub(super) fn check(&self, weight: Shape, outputs: usize) -> Result<()> {
        let bias = self.bias.as_ref().map(|bias| (bias, [outputs].into()));
        check_shapes([(&self.weight, weight)].into_iter().chain(bias))?;
        if self.weight.is_dense_weight() || self.weight.is_kernels() {
            return Ok(());
        }
        let expected = format!("`{}` of the layer", self.weight.name());
        Err(Error::Shape { what: "parameter", expected, got: "one made with `Param::new`".into(), hint: SET })
    }

    /// The same with the weight in bf16.
    ///
    /// # Errors
    /// [`Error::NotFinite`] where a weight is NaN or infinite, or would be so in bf16.
    pub(super) fn in_bf16(&self) -> Result<Self> {
        let (mut weight, tensor) = (self.weight.zeros_in_bf16(), self.weight.to_tensor());
        if let Some(got) = tensor.as_slice().iter().find(|&&value| !weight.is_finite(value)) {
            return Err(Error::NotFinite {
                what: format!("`{}` in bf16", self.weight.name()),
                got: got.as_f64(),
            });
        }
        weight.write(&tensor);
        Ok(Self { weight, bias: self.bias.clone() })
    }

    /// Whether they can be used so: a weight in bf16 is for inference alone.
    ///
    /// # Errors
    /// [`Error::Setting`] where they cannot.
    pub(super) fn check_mode(&self, mode: Mode) -> Result<()> {
        let expected =
            "`Mode::Infer` (weights in bf16 have no gradients; train the model that they were made of)";
        if self.weight.bf16().is_some() { refuse_training_of(expected, mode) } else { Ok(()) }
    }

    /// The same in a pass, which a layer of one's own around this one may have begun without asking; told with the weight's name.
    ///
    /// # Errors
    /// As [`WeightAndBias::check_mode`].
    pub(super) fn check_pass(&self, mode: Mode) -> Result<()> {
        self.check_mode(mode).map_err(|error| of_weight(&self.weight, error))
    }

    /// What a file keeps beside sizes.
    pub(super) fn settings(&self, settings: Settings) -> Settings {
        let settings = settings.with("bias", self.bias.is_some());
        if self.weight.bf16().is_some() { settings.with(DTYPE, BF16) } else { settings }
    }

    /// These zeros as [`WeightAndBias::settings`] wrote that they are.
    pub(super) fn restored(self, entry: &mut dyn Entry) -> Restored<Self> {
        if !entry.has(DTYPE) {
            return Ok(self);
        }
        let dtype = entry.text(DTYPE)?;
        if dtype != BF16 || T::NAME != "f32" {
            let problem = format!(
                "{DTYPE}: expected `bf16` in a model of `f32`, got `{dtype}` in one of `{}`",
                T::NAME
            );
            return Err(NotRestored::Layer(problem));
        }
        // Nobody has written to the zeros, which take no memory.
        Ok(Self { weight: self.weight.zeros_in_bf16(), ..self })
    }

    /// Hands the sink the gradient of the bias, db = Σ dy, if it is to learn.
    pub(super) fn take_bias(&mut self, dy: &[T], sink: &mut dyn GradientSink<T>) -> Result<()> {
        match self.bias.as_mut().filter(|bias| !bias.is_frozen()) {
            Some(bias) => {
                let gradient = RowGradient::of_bias(bias.count(), dy);
                sink.take(bias, &gradient)
            }
            None => Ok(()),
        }
    }

    pub(super) fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        visit(&self.weight);
        self.bias.iter().for_each(visit);
    }

    pub(super) fn visit_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        visit(&mut self.weight);
        self.bias.iter_mut().for_each(visit);
    }
}

/// Of a layer whose weight is of another type than the model's numbers, the setting of files.
const DTYPE: &str = "dtype";
const BF16: &str = "bf16";

/// That a layer is not for training, and what is expected instead.
pub(super) fn refuse_training_of(expected: &'static str, mode: Mode) -> Result<()> {
    match mode {
        Mode::Infer => Ok(()),
        Mode::Train => Err(Error::setting("mode", expected, "`Mode::Train`")),
    }
}

/// An error of a layer that is told by the name of its weight.
pub(super) fn of_weight<T: Scalar>(weight: &Param<T>, error: Error) -> Error {
    error.in_layer(format_args!("the layer of `{}`", weight.name()))
}

pub(super) fn check_width(name: &'static str, width: usize) -> Result<()> {
    if width > 0 { Ok(()) } else { Err(Error::setting(name, "a width of at least 1", width)) }
}

/// A bias has a number for each output.
pub(super) fn check_bias<T: Scalar>(bias: Option<&Tensor<T>>, outputs: usize) -> Result<()> {
    match bias.filter(|bias| bias.shape().axes() != [outputs]) {
        Some(bias) => Err(Error::shape("bias", format!("[{outputs}]"), bias.shape())),
        None => Ok(()),
    }
}

/// Calls `product` with what is to be done with finished outputs, where an activation follows.
pub(super) fn with_finish<T: Scalar>(activation: Option<Activation>, product: impl FnOnce(Finish<'_, T>)) {
    match activation {
        None => product(Finish::Nothing),
        Some(Activation::Relu) => product(Finish::Relu),
        Some(activation) => product(Finish::Function(&|y: &mut [T]| activation.apply(y))),
    }
}

/// What an initialiser makes, which may be one of the user's own.
fn initialized<T: Scalar>(
    what: &'static str,
    init: &dyn Initializer<T>,
    shape: Shape,
    inputs: usize,
    rng: &mut dyn Rng,
) -> Result<Tensor<T>> {
    let tensor = init.initialize(shape, inputs, rng)?;
    if tensor.shape() == shape { Ok(tensor) } else { Err(Error::shape(what, shape, tensor.shape())) }
}
