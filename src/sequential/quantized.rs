//! A model with weights of fewer bits.

use core::any::Any;

use super::Sequential;
use super::branches::Branches;
use super::for_inference::{does_nothing, folded};
use super::inside::inside;
use super::quantization::{Format, Quantization, is_in};
use super::step::Step;
use crate::layers::{
    BatchNorm, Conv1d, Conv2d, Dense, Layer, Param, QuantizedConv1d, QuantizedConv2d, QuantizedDense,
};
use crate::prelude::*;
use crate::{Error, Result, Tensor};

/// The samples of a calibration that go through the layers at a time.
const BATCH: usize = 64;

impl Sequential<f32> {
    /// A model for inference whose dense layers and convolutions hold weights of fewer bits. It is made as
    /// [`Sequential::for_inference`] makes one: normalisations go into the layers before them, dropout is left out. Then each
    /// [`Dense`], [`Conv2d`] and [`Conv1d`] becomes a layer of fewer bits, also in models inside and in [`Branches`]. What else there is
    /// stays in `f32`: activations, pools, normalisations that were not folded, transposed convolutions, and convolutions of each
    /// channel by itself. [`Sequential::summary`] shows which layer has what.
    ///
    /// The layers stay under their names. Such a model takes and gives `f32` as before, and is no model to be trained: that is an
    /// error.
    ///
    /// ```
    /// use taper::sequential::Quantization;
    /// use taper::{Sequential, Tensor};
    ///
    /// let model = Sequential::<f32>::builder([64])
    ///     .dense(128).relu().named("relu1")
    ///     .dense(10).named("fc2")
    ///     .build(&mut taper::seeded(7))?;
    /// let small = model.quantized(&Quantization::int8())?;
    ///
    /// let x = Tensor::from_fn([4, 64], |i| (i as f32 * 0.37).sin())?;
    /// let (y, exact) = (small.predict(&x)?, model.predict(&x)?);
    /// assert!(y.as_slice().iter().zip(exact.as_slice()).all(|(y, exact)| (y - exact).abs() < 0.02));
    /// println!("{}", small.summary());
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Sequential::for_inference`]. [`Error::UnknownName`] where a name that is left out is that of none of these layers;
    /// [`Error::Setting`] where no layer is left whose weights could have fewer bits, for more than 65,793 inputs of an output, and for a
    /// calibration of bf16;
    /// [`Error::NotFinite`] where a weight, or what a layer gets in a calibration, is NaN or infinite; where the inputs of a
    /// calibration do not fit, what [`Sequential::predict`] says.
    pub fn quantized(&self, quantization: &Quantization) -> Result<Self> {
        self.check_params()?;
        self.quantized_by(quantization, &mut |_| Ok(()))
    }

    /// The same, of layers whose parameters `load` puts there when their turn comes; what is not needed any more goes at once.
    pub(crate) fn quantized_by(
        &self,
        quantization: &Quantization,
        load: &mut dyn FnMut(&mut dyn Layer<f32>) -> Result<()>,
    ) -> Result<Self> {
        let names = quantizable(self, "");
        for name in quantization.left_out() {
            if !names.iter().any(|layer| is_in(layer, name)) {
                let known = names.iter().map(String::as_str);
                return Err(Error::unknown_name("name of a layer to leave out", known, name));
            }
        }
        if names.iter().all(|layer| quantization.leaves_out(layer)) {
            let expected = "a model with a dense layer or a convolution in f32 that is not left out";
            return Err(Error::setting("quantization", expected, "none"));
        }
        if quantization.format() == Format::Bf16 && quantization.calibration().is_some() {
            let got = "inputs of a calibration, of which nothing would come";
            return Err(Error::setting("calibration", "none for bf16, which has no scales", got));
        }
        let inputs = match quantization.calibration() {
            None => Vec::new(),
            Some(inputs) => {
                self.check_input(inputs.view())?;
                batches(inputs)?
            }
        };
        let (model, _) = Quantizer { quantization, load }.model(self, "", inputs)?;
        Ok(model)
    }
}

/// Makes layers one after another.
struct Quantizer<'a> {
    quantization: &'a Quantization,
    load: &'a mut dyn FnMut(&mut dyn Layer<f32>) -> Result<()>,
}

impl Quantizer<'_> {
    /// The model, and what it makes of the inputs of a calibration. Each layer gets there what those before it make that have fewer
    /// bits already.
    fn model(
        &mut self,
        model: &Sequential<f32>,
        prefix: &str,
        inputs: Vec<Tensor<f32>>,
    ) -> Result<(Sequential<f32>, Vec<Tensor<f32>>)> {
        let (mut steps, mut last, mut inputs) = (Vec::new(), None::<Pending>, inputs);
        for (index, step) in model.steps().iter().enumerate() {
            let told = |error| model.error_in(index, error);
            if does_nothing(&*step.layer) {
                continue;
            }
            let mut own = inside(&*step.layer).is_empty().then(|| step.layer.clone());
            if let Some(layer) = &mut own {
                (self.load)(&mut **layer).map_err(told)?;
            }
            let norm = own.as_deref().and_then(|layer| (layer as &dyn Any).downcast_ref::<BatchNorm<f32>>());
            if let (Some(Pending { own: Some(before), .. }), Some(norm)) = (&mut last, norm) {
                let (scales, shifts) = norm.scale_and_shift().map_err(told)?;
                if let Some(layer) = folded(&**before, &scales, &shifts).map_err(told)? {
                    *before = layer;
                    continue;
                }
            }
            if let Some(last) = last.replace(Pending { index, own }) {
                steps.push(self.finished(model, last, prefix, &mut inputs)?);
            }
        }
        if let Some(last) = last {
            steps.push(self.finished(model, last, prefix, &mut inputs)?);
        }
        Ok((model.with_lean_steps(steps), inputs))
    }

    /// The step with fewer bits, where it can have them; the inputs of a calibration go through it.
    fn finished(
        &mut self,
        model: &Sequential<f32>,
        Pending { index, own }: Pending,
        prefix: &str,
        inputs: &mut Vec<Tensor<f32>>,
    ) -> Result<Step<f32>> {
        let step = &model.steps()[index];
        let name = format!("{prefix}{}", step.name);
        let layer = match own {
            Some(layer) => self.layer(layer, &name, inputs),
            None => self.nested(&*step.layer, &name, inputs),
        };
        let layer = layer.map_err(|error| model.error_in(index, error))?;
        let step = Step::new(layer, step.name.clone(), step.input, step.output);
        if !inputs.is_empty() {
            let single = Sequential::of_named(step.input, step.output, vec![step.clone()]);
            *inputs = inputs.iter().map(|inputs| single.predict(inputs)).collect::<Result<_>>()?;
        }
        Ok(step)
    }

    /// A layer without others inside.
    fn layer(
        &mut self,
        layer: Box<dyn Layer<f32>>,
        name: &str,
        inputs: &[Tensor<f32>],
    ) -> Result<Box<dyn Layer<f32>>> {
        if self.quantization.leaves_out(name) {
            return Ok(layer);
        }
        let quantized = match self.quantization.format() {
            Format::Int8 => int8(&*layer, range(inputs, name)?)?,
            Format::Bf16 => bf16(&*layer)?,
        };
        Ok(quantized.unwrap_or(layer))
    }

    /// A layer with models inside.
    fn nested(
        &mut self,
        layer: &dyn Layer<f32>,
        name: &str,
        inputs: &[Tensor<f32>],
    ) -> Result<Box<dyn Layer<f32>>> {
        let any: &dyn Any = layer;
        if let Some(model) = any.downcast_ref::<Sequential<f32>>() {
            return Ok(Box::new(self.model(model, &format!("{name}."), inputs.to_vec())?.0));
        }
        let branches = any.downcast_ref::<Branches<f32>>().expect("nothing else has models inside");
        Ok(Box::new(branches.with_models(|path, model| {
            let prefix = if path.is_empty() { format!("{name}.") } else { format!("{name}.{path}.") };
            Ok(self.model(model, &prefix, inputs.to_vec())?.0)
        })?))
    }
}

/// A layer that may still get a normalisation.
struct Pending {
    index: usize,
    /// With its parameters. None for one with others inside, which is not copied as a whole: its layers get theirs one by one.
    own: Option<Box<dyn Layer<f32>>>,
}

/// The layer with weights of eight bits, where there is one.
fn int8(layer: &dyn Layer<f32>, range: Option<[f32; 2]>) -> Result<Option<Box<dyn Layer<f32>>>> {
    /// With the range, and with the names of the parameters that the layer had.
    fn finished<L: Layer<f32>>(
        quantized: L,
        with_range: impl FnOnce(L, [f32; 2]) -> Result<L>,
        range: Option<[f32; 2]>,
        weight: &Param<f32>,
    ) -> Result<Option<Box<dyn Layer<f32>>>> {
        let mut quantized = match range {
            None => quantized,
            Some(range) => with_range(quantized, range)?,
        };
        if let Some((layer, _)) = weight.name().rsplit_once('.') {
            quantized.params_mut(&mut |param| param.prefix_name(layer));
        }
        Ok(Some(Box::new(quantized)))
    }
    let any: &dyn Any = layer;
    if let Some(dense) = any.downcast_ref::<Dense<f32>>() {
        let with_range =
            |layer: QuantizedDense, [least, largest]: [f32; 2]| layer.with_input_range(least, largest);
        return finished(QuantizedDense::from_float(dense)?, with_range, range, dense.weight());
    }
    if let Some(conv) = any.downcast_ref::<Conv2d<f32>>().filter(|conv| conv.has_matrices()) {
        let with_range =
            |layer: QuantizedConv2d, [least, largest]: [f32; 2]| layer.with_input_range(least, largest);
        return finished(QuantizedConv2d::from_float(conv)?, with_range, range, conv.weight());
    }
    if let Some(conv) = any.downcast_ref::<Conv1d<f32>>().filter(|conv| conv.has_matrices()) {
        let with_range =
            |layer: QuantizedConv1d, [least, largest]: [f32; 2]| layer.with_input_range(least, largest);
        return finished(QuantizedConv1d::from_float(conv)?, with_range, range, conv.weight());
    }
    Ok(None)
}

/// The layer with its weight in bf16, where it can have it.
fn bf16(layer: &dyn Layer<f32>) -> Result<Option<Box<dyn Layer<f32>>>> {
    let any: &dyn Any = layer;
    if let Some(dense) = any.downcast_ref::<Dense<f32>>() {
        return Ok(Some(Box::new(dense.in_bf16()?)));
    }
    if let Some(conv) = any.downcast_ref::<Conv2d<f32>>().filter(|conv| conv.has_matrices()) {
        return Ok(Some(Box::new(conv.in_bf16()?)));
    }
    if let Some(conv) = any.downcast_ref::<Conv1d<f32>>().filter(|conv| conv.has_matrices()) {
        return Ok(Some(Box::new(conv.in_bf16()?)));
    }
    Ok(None)
}

/// Whether there is a layer of fewer bits for this one.
fn is_quantizable(layer: &dyn Layer<f32>) -> bool {
    let any: &dyn Any = layer;
    let mut is_bf16 = false;
    layer.params(&mut |param| is_bf16 |= param.bf16().is_some());
    if is_bf16 {
        return false;
    }
    any.is::<Dense<f32>>()
        || any.downcast_ref::<Conv2d<f32>>().is_some_and(Conv2d::has_matrices)
        || any.downcast_ref::<Conv1d<f32>>().is_some_and(Conv1d::has_matrices)
}

/// The names of the layers that could have fewer bits, with those on the way to them.
fn quantizable(model: &Sequential<f32>, prefix: &str) -> Vec<String> {
    let of_step = |step: &Step<f32>| {
        let name = format!("{prefix}{}", step.name);
        let mut names: Vec<String> = inside(&*step.layer)
            .into_iter()
            .filter_map(|path| Some((path.name, path.model?)))
            .flat_map(|(path, model)| {
                let dot = if path.is_empty() { "" } else { "." };
                quantizable(model, &format!("{name}.{path}{dot}"))
            })
            .collect();
        names.extend(is_quantizable(&*step.layer).then_some(name));
        names
    };
    model.steps().iter().flat_map(of_step).collect()
}

/// The smallest and the largest of all numbers; none without inputs.
fn range(inputs: &[Tensor<f32>], name: &str) -> Result<Option<[f32; 2]>> {
    let mut range = None;
    for &value in inputs.iter().flat_map(Tensor::as_slice) {
        if !value.is_finite() {
            let what = format!("what `{name}` gets in the calibration");
            return Err(Error::NotFinite { what, got: value.into() });
        }
        let [least, largest] = range.unwrap_or([value; 2]);
        range = Some([value.min(least), value.max(largest)]);
    }
    Ok(range)
}

/// A few samples at a time.
fn batches(inputs: &Tensor<f32>) -> Result<Vec<Tensor<f32>>> {
    let (_, sample) = inputs.shape().split_batch().expect("the shape was checked");
    let chunks = inputs.as_slice().chunks(BATCH * sample.len());
    chunks
        .map(|chunk| Tensor::from_vec(sample.with_batch(chunk.len() / sample.len())?, chunk.to_vec()))
        .collect()
}
