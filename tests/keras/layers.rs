//! Layers and activations, each as the only layer of a model.

use serde_json::Value;
use taper::layers::{BatchNorm, Glu, GroupNorm, LayerNorm, LogSoftmax, Momentum, RmsNorm, Softmax};
use taper::{Activation, Dense, Layer, Mode, Param, Result, Sequential, Tensor};

use crate::case::{Case, with_axis_last};
use crate::common::{list, numbers, tensor};

pub(crate) fn dense(case: &Case) -> Result<Vec<f64>> {
    let weights: Vec<Tensor<f64>> = list(&case.0["weights"]).iter().map(|it| tensor(&it["value"])).collect();
    let x = case.first_input();
    let builder = Sequential::builder([x.view().sample_len()])
        .layer(Dense::from_parts(&weights[0], weights.get(1).filter(|_| case.is_set("use_bias")))?);
    let builder = match case.config("activation").as_str() {
        Some("relu") => builder.relu(),
        Some("linear") => builder,
        other => panic!("no case has the activation {other:?}"),
    };
    Ok(builder.build(&mut taper::seeded(0))?.predict(&x)?.into_vec())
}

pub(crate) fn elu(case: &Case) -> Result<Vec<f64>> {
    run(Activation::Elu { alpha: case.setting("alpha") }, case.first_input())
}

pub(crate) fn leaky_relu(case: &Case) -> Result<Vec<f64>> {
    run(Activation::LeakyRelu { slope: case.setting("negative_slope") }, case.first_input())
}

/// Whether a mask leaves all values in, and means are those of the batch.
pub(crate) fn batch_norm_is_plain(case: &Case) -> bool {
    let mask = &case.0["call_kwargs"]["mask"];
    let is_whole = mask.is_null() || numbers(mask).iter().all(|&bit| bit == 1.0);
    is_whole && !case.is_set("renorm") && case.is_set("center") && case.is_set("scale")
}

/// A training pass, whose batch is what is normalised by.
pub(crate) fn batch_norm(case: &Case) -> Result<Vec<f64>> {
    let weight = |index: usize| tensor(&list(&case.0["weights"])[index]["value"]);
    let x = case.first_input();
    let mut norm = BatchNorm::new(weight(0).len())?
        .with_momentum(Momentum::Keras(case.setting("momentum")))?
        .with_epsilon(case.setting("epsilon"))?;
    norm.weight_mut().expect("there is one").set(&weight(0))?;
    norm.bias_mut().expect("there is one").set(&weight(1))?;
    let (batch, sample) = x.shape().split_batch().expect("the input has axes");
    let model = Sequential::builder(sample).layer(norm).build(&mut taper::seeded(0))?;
    let mut workspace = model.workspace(Mode::Train, batch)?;
    Ok(model.forward_pass(&x, &mut workspace)?.to_tensor().into_vec())
}

pub(crate) fn batch_norm_operation(case: &Case) -> Result<Vec<f64>> {
    let mut norm = BatchNorm::new(tensor(case.input("mean")).len())?
        .with_epsilon(case.input("epsilon").as_f64().expect("a number"))?;
    norm.running_mean_mut().set(&tensor(case.input("mean")))?;
    norm.running_var_mut().set(&tensor(case.input("variance")))?;
    set(norm.weight_mut().expect("there is one"), case.input("scale"))?;
    set(norm.bias_mut().expect("there is one"), case.input("offset"))?;
    run(norm, tensor(case.input("x")))
}

/// Whether a mean is subtracted.
pub(crate) fn layer_norm_has_a_mean(case: &Case) -> bool {
    !case.is_set("rms_scaling")
}

pub(crate) fn layer_norm(case: &Case) -> Result<Vec<f64>> {
    let weights = list(&case.0["weights"]);
    let x = case.first_input();
    let mut norm = LayerNorm::new([x.view().sample_len()])?.with_epsilon(case.setting("epsilon"))?;
    set(norm.weight_mut(), &weights[0]["value"])?;
    set(norm.bias_mut(), &weights[1]["value"])?;
    run(norm, x)
}

/// Keras's ε is 1e-5 here.
pub(crate) fn layer_norm_operation(case: &Case) -> Result<Vec<f64>> {
    let x = tensor(case.input("x"));
    run(LayerNorm::new([x.len()])?, x)
}

/// Keras's axis of channels becomes the last, and in what comes out it goes back.
pub(crate) fn group_norm(case: &Case) -> Result<Vec<f64>> {
    let (x, weights) = (case.first_input(), list(&case.0["weights"]));
    let shape = x.shape();
    let axis = case.config("axis").as_i64().expect("a number");
    let axis = if axis < 0 { shape.rank() - 1 } else { axis as usize };
    let channels = shape.axes()[axis];
    let places: usize = shape.axes()[axis + 1..].iter().product();
    let mut norm = GroupNorm::new(case.config("groups").as_u64().expect("a number") as usize, channels)?;
    if weights.is_empty() {
        norm = norm.without_affine();
    } else {
        norm.weight_mut().expect("there is one").set(&tensor(&weights[0]["value"]))?;
        norm.bias_mut().expect("there is one").set(&tensor(&weights[1]["value"]))?;
    }
    let batch = shape.axes()[0];
    let before = x.len() / (batch * channels * places);
    let place = |i: usize| {
        let (outer, inner, channel) = (i / (places * channels), i / channels % places, i % channels);
        (outer * channels + channel) * places + inner
    };
    let last = Tensor::from_fn([batch, before * places, channels], |i| x.as_slice()[place(i)])?;
    let normalised = run(norm.with_epsilon(case.setting("epsilon"))?, last)?;
    let mut y = vec![0.0; x.len()];
    normalised.into_iter().enumerate().for_each(|(i, value)| y[place(i)] = value);
    Ok(y)
}

pub(crate) fn rms_norm(case: &Case) -> Result<Vec<f64>> {
    let x = case.first_input();
    let mut norm = RmsNorm::new([x.view().sample_len()])?.with_epsilon(case.setting("epsilon"))?;
    set(norm.weight_mut().expect("there is one"), &list(&case.0["weights"])[0]["value"])?;
    run(norm, x)
}

/// Keras's ε is 1e-7 here.
pub(crate) fn rms_norm_operation(case: &Case) -> Result<Vec<f64>> {
    let x = tensor(case.input("x"));
    let mut norm = RmsNorm::new([x.view().sample_len()])?.with_epsilon(1e-7)?;
    set(norm.weight_mut().expect("there is one"), case.input("scale"))?;
    run(norm, x)
}

/// A parameter that a case may leave as it is.
fn set(param: &mut Param<f64>, value: &Value) -> Result<()> {
    if value.is_null() { Ok(()) } else { param.set(&tensor(value)) }
}

/// Keras's one layer is several of ours: with a slope below 0 or without, with a threshold, with a largest value.
pub(crate) fn relu(case: &Case) -> Result<Vec<f64>> {
    let (slope, threshold) = (case.setting("negative_slope"), case.setting("threshold"));
    assert!(slope == 0.0 || threshold == 0.0, "no case has both");
    let x = one_sample(case.first_input())?;
    let (_, sample) = x.shape().split_batch().expect("the input has axes");
    let builder = Sequential::builder(sample);
    let builder = match (slope, threshold) {
        (0.0, 0.0) => builder.relu(),
        (0.0, _) => builder.threshold(threshold, 0.0),
        _ => builder.leaky_relu(slope),
    };
    let builder = match case.config("max_value").as_f64() {
        Some(most) => builder.hard_tanh(f64::NEG_INFINITY, most),
        None => builder,
    };
    Ok(builder.build(&mut taper::seeded(0))?.predict(&x)?.into_vec())
}

/// Keras's mask leaves classes out; so does a logit of −∞.
pub(crate) fn softmax(case: &Case) -> Result<Vec<f64>> {
    let mut x = case.first_input();
    let mask = &case.0["call_kwargs"]["mask"];
    if !mask.is_null() {
        let outside = x.as_mut_slice().iter_mut().zip(numbers(mask)).filter(|(_, bit)| *bit == 0.0);
        outside.for_each(|(x, _)| *x = f64::NEG_INFINITY);
    }
    // An axis that is not a number is a list of all axes.
    let x = match case.config("axis").as_array() {
        Some(_) => tensor_of_one_row(x)?,
        None => with_axis_last(&x, case.config("axis")),
    };
    run(Softmax, x)
}

/// Whether each row keeps a class.
pub(crate) fn softmax_has_classes(case: &Case) -> bool {
    let mask = &case.0["call_kwargs"]["mask"];
    let x = case.first_input();
    let row = if case.config("axis").is_array() { x.len() } else { x.shape().axes()[x.shape().rank() - 1] };
    mask.is_null() || numbers(mask).chunks(row).all(|row| row.contains(&1.0))
}

/// An activation among the operations.
pub(crate) fn operation(case: &Case) -> Result<Vec<f64>> {
    let alpha = || case.input("alpha").as_f64().unwrap_or(1.0);
    let activation = match case.word("object") {
        "relu" => Activation::Relu,
        "threshold" => {
            let setting = |key| case.input(key).as_f64().expect("a number");
            Activation::Threshold { threshold: setting("threshold"), value: setting("default_value") }
        }
        // Keras's default slope here is 0.2.
        "leaky_relu" => Activation::LeakyRelu { slope: 0.2 },
        "elu" => Activation::Elu { alpha: alpha() },
        "celu" => Activation::Celu { alpha: alpha() },
        "selu" => Activation::Selu,
        // Approximated by default.
        "gelu" => Activation::GeluTanh,
        "silu" => Activation::Silu,
        "sigmoid" => Activation::Sigmoid,
        "softplus" => Activation::Softplus,
        "hard_shrink" => Activation::HardShrink { lambda: 0.5 },
        "hard_sigmoid" => Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 },
        "hard_silu" => Activation::HardSwish,
        "hard_tanh" => Activation::HardTanh { min: -1.0, max: 1.0 },
        "log_sigmoid" => Activation::LogSigmoid,
        "relu6" => Activation::Relu6,
        "soft_shrink" => Activation::SoftShrink { lambda: 0.5 },
        "softsign" => Activation::Softsign,
        "tanh_shrink" => Activation::TanhShrink,
        other => panic!("the table sends {other} elsewhere"),
    };
    run(activation, tensor(case.input("x")))
}

pub(crate) fn glu(case: &Case) -> Result<Vec<f64>> {
    run(Glu, tensor(case.input("x")))
}

pub(crate) fn softmax_operation(case: &Case) -> Result<Vec<f64>> {
    along_axis(Softmax, case)
}

pub(crate) fn log_softmax_operation(case: &Case) -> Result<Vec<f64>> {
    along_axis(LogSoftmax, case)
}

/// Along one axis, the last by default, or over all where the axis is null.
fn along_axis(layer: impl Layer<f64> + 'static, case: &Case) -> Result<Vec<f64>> {
    let x = tensor(case.input("x"));
    match case.0["inputs"].get("axis") {
        Some(Value::Null) => run(layer, tensor_of_one_row(x)?),
        // The first axis of a matrix: turned, and the result turned back.
        Some(axis) if axis.as_u64() == Some(0) => {
            let turned = x.transpose()?;
            let y = Tensor::from_vec(turned.shape(), run(layer, turned)?)?;
            Ok(y.transpose()?.into_vec())
        }
        axis => run(layer, with_axis_last(&x, axis.unwrap_or(&Value::Null))),
    }
}

fn tensor_of_one_row(x: Tensor<f64>) -> Result<Tensor<f64>> {
    let len = x.len();
    x.reshape([1, len])
}

/// Without a batch axis an input is one sample.
fn one_sample(x: Tensor<f64>) -> Result<Tensor<f64>> {
    if x.shape().rank() == 1 { tensor_of_one_row(x) } else { Ok(x) }
}

/// The outputs of a model of one layer.
fn run(layer: impl Layer<f64> + 'static, x: Tensor<f64>) -> Result<Vec<f64>> {
    let x = one_sample(x)?;
    let (_, sample) = x.shape().split_batch().expect("the input has axes");
    let model = Sequential::builder(sample).layer(layer).build(&mut taper::seeded(0))?;
    Ok(model.predict(&x)?.into_vec())
}
