//! The layers of a model as JSON, and a model again.
//!
//! Describing a layer and rebuilding it stand side by side: [`describe_layer`] and [`add_layer`] have the same kinds in
//! the same order.

use std::any::Any;

use serde_json::{Value, json};

use super::Verdict;
use super::document::{Document, shape};
use super::json::{Object, number};
use super::parameters::{Parameters, Shapes};
use super::window::{describe_window, window};
use crate::layers::{
    Activation, AvgPool2d, BatchNorm, Channels, ChannelsFirst, ChannelsLast, Conv2d, Dense, Dropout,
    Dropout2d, Embedding, Flatten, GlobalAvgPool2d, Layer, LayerNorm, LogSoftmax, MaxPool2d, Momentum, Order,
    Reshape, Softmax,
};
use crate::sequential::Builder;
use crate::{Scalar, Sequential, Tensor};

/// The most layers of a model in a file.
const MOST_LAYERS: usize = 4096;

/// How deep models in models of a file may be. Each needs buffers of its own for a pass.
const MOST_NESTED: usize = 8;

/// The model without its parameters.
pub(super) fn describe<T: Scalar>(model: &Sequential<T>) -> Value {
    let layers: Vec<Value> = model
        .layers()
        .map(|(name, layer)| {
            let mut entry = describe_layer(layer);
            entry["name"] = name.into();
            entry
        })
        .collect();
    let mut described = json!({ "input": model.input().axes(), "layers": layers });
    // Of a part of a model more may be known than the shape tells.
    match model.known_order().filter(|&order| order != Order::of_sample(&model.input())) {
        None => {}
        Some(Order::Same) => described["features"] = "same".into(),
        Some(Order::Unknown) => described["features"] = "unknown".into(),
        Some(Order::ChannelsLast(image)) => described["features"] = json!(image.axes()),
    }
    described
}

/// A layer's kind and settings. A layer that is not of this crate has no settings that we could know.
fn describe_layer<T: Scalar>(layer: &dyn Layer<T>) -> Value {
    let any: &dyn Any = layer;
    if let Some(dense) = any.downcast_ref::<Dense<T>>() {
        let &[inputs, outputs] = dense.weight().shape().axes() else { unreachable!("a weight is a matrix") };
        json!({ "kind": "dense", "inputs": inputs, "outputs": outputs, "bias": dense.bias().is_some() })
    } else if let Some(conv) = any.downcast_ref::<Conv2d<T>>() {
        let Channels { inputs, outputs, groups } = conv.channels();
        json!({
            "kind": "conv2d", "inputs": inputs, "outputs": outputs, "groups": groups,
            "window": describe_window(&conv.window()), "bias": conv.bias().is_some(),
        })
    } else if let Some(flatten) = any.downcast_ref::<Flatten>() {
        match flatten.joined() {
            None => json!({ "kind": "flatten" }),
            Some((start, end)) => json!({ "kind": "flatten", "start": start, "end": end }),
        }
    } else if let Some(reshape) = any.downcast_ref::<Reshape>() {
        json!({ "kind": "reshape", "sample": reshape.sample().axes() })
    } else if let Some(activation) = any.downcast_ref::<Activation>() {
        let kind = Layer::<T>::kind(activation);
        match *activation {
            Activation::LeakyRelu { slope } => json!({ "kind": kind, "slope": number(slope) }),
            Activation::Elu { alpha } => json!({ "kind": kind, "alpha": number(alpha) }),
            _ => json!({ "kind": kind }),
        }
    } else if any.is::<Softmax>() {
        json!({ "kind": "softmax" })
    } else if any.is::<LogSoftmax>() {
        json!({ "kind": "log_softmax" })
    } else if let Some(dropout) = any.downcast_ref::<Dropout>() {
        json!({ "kind": "dropout", "rate": number(dropout.rate()) })
    } else if let Some(dropout) = any.downcast_ref::<Dropout2d>() {
        json!({ "kind": "dropout2d", "rate": number(dropout.rate()) })
    } else if let Some(pool) = any.downcast_ref::<MaxPool2d>() {
        json!({ "kind": "max_pool2d", "window": describe_window(&pool.window()) })
    } else if let Some(pool) = any.downcast_ref::<AvgPool2d>() {
        let (window, counts_padding) = (describe_window(&pool.window()), pool.counts_padding());
        json!({ "kind": "avg_pool2d", "window": window, "counts_padding": counts_padding })
    } else if any.is::<GlobalAvgPool2d>() {
        json!({ "kind": "global_avg_pool2d" })
    } else if any.is::<ChannelsLast>() {
        json!({ "kind": "channels_last" })
    } else if any.is::<ChannelsFirst>() {
        json!({ "kind": "channels_first" })
    } else if let Some(norm) = any.downcast_ref::<BatchNorm<T>>() {
        let (rule, momentum) = match norm.momentum() {
            Momentum::PyTorch(momentum) => ("pytorch", momentum),
            Momentum::Keras(momentum) => ("keras", momentum),
        };
        json!({
            "kind": "batch_norm", "channels": norm.channels(), "epsilon": number(norm.epsilon()),
            "rule": rule, "momentum": number(momentum),
        })
    } else if let Some(norm) = any.downcast_ref::<LayerNorm<T>>() {
        json!({
            "kind": "layer_norm", "normalised": norm.normalised().axes(), "epsilon": number(norm.epsilon()),
        })
    } else if let Some(embedding) = any.downcast_ref::<Embedding<T>>() {
        let &[vocabulary, dimension] = embedding.weight().shape().axes() else {
            unreachable!("the rows are a matrix")
        };
        json!({
            "kind": "embedding", "vocabulary": vocabulary, "dimension": dimension,
            "padding": embedding.padding(),
        })
    } else if let Some(model) = any.downcast_ref::<Sequential<T>>() {
        json!({ "kind": "sequential", "model": describe(model) })
    } else {
        json!({ "kind": layer.kind(), "foreign": true })
    }
}

/// The model of a description, with zeros for parameters. Nothing is allocated for one that is not there.
pub(super) fn rebuild<T: Scalar>(
    description: &Value,
    document: &Document,
    shapes: &mut Shapes<'_>,
) -> Verdict<Sequential<T>> {
    build(description, "", MOST_NESTED, &mut Parameters { document, shapes })
}

fn build<T: Scalar>(
    description: &Value,
    prefix: &str,
    nested: usize,
    parameters: &mut Parameters<'_>,
) -> Verdict<Sequential<T>> {
    let object = Object::new("model", description)?;
    let layers = object.list("layers")?;
    if layers.len() > MOST_LAYERS {
        return Err(format!("model: expected at most {MOST_LAYERS} layers, got {}", layers.len()));
    }
    let mut builder = Sequential::builder(shape(&object, "input")?);
    for (position, entry) in layers.iter().enumerate() {
        let what = format!("layer {position}");
        let entry = Object::new(&what, entry)?;
        let name = entry.text("name")?;
        builder = add_layer(builder, entry, &format!("{prefix}{name}"), nested, parameters)?.named(name);
    }
    let model = builder.build(&mut crate::seeded(0)).map_err(|error| error.to_string())?;
    let order = order(&object)?.map(|order| check_order(order, &model)).transpose()?;
    Ok(model.with_known_order(order))
}

/// What is known of the order of a model's inputs.
fn order(model: &Object<'_>) -> Verdict<Option<Order>> {
    match model.get("features") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text == "same" => Ok(Some(Order::Same)),
        Some(Value::String(text)) if text == "unknown" => Ok(Some(Order::Unknown)),
        Some(_) => shape(model, "features").map(|image| Some(Order::ChannelsLast(image))),
    }
}

fn check_order<T: Scalar>(order: Order, model: &Sequential<T>) -> Verdict<Order> {
    match order {
        Order::ChannelsLast(image) if image.len() != model.input().len() || image.is_empty() => {
            Err(format!("model: expected `features` of {} inputs, got {image}", model.input().len()))
        }
        order => Ok(order),
    }
}

/// Adds the layer of an entry that [`describe_layer`] wrote.
fn add_layer<T: Scalar>(
    builder: Builder<T>,
    entry: Object<'_>,
    name: &str,
    nested: usize,
    parameters: &mut Parameters<'_>,
) -> Verdict<Builder<T>> {
    let kind = entry.text("kind")?;
    if entry.get("foreign").is_some() {
        return Err(unknown(name, kind));
    }
    let in_layer = |error: crate::Error| format!("layer `{name}`: {error}");
    Ok(match kind {
        "dense" => {
            let (inputs, outputs) = (entry.count("inputs")?, entry.count("outputs")?);
            let has_bias = entry.flag("bias")?;
            parameters.expect_sums(name, [inputs, outputs].into(), has_bias)?;
            builder.layer(Dense::zeros(inputs, outputs, has_bias).map_err(in_layer)?)
        }
        "conv2d" => {
            let (inputs, outputs) = (entry.count("inputs")?, entry.count("outputs")?);
            let (groups, has_bias) = (entry.count("groups")?, entry.flag("bias")?);
            let window = window(&entry, name)?;
            let [height, width] = window.kernel.into();
            let group_inputs = inputs.checked_div(groups).unwrap_or(0);
            parameters.expect_sums(name, [height, width, group_inputs, outputs].into(), has_bias)?;
            let channels = Channels::new(inputs, outputs).with_groups(groups);
            builder.layer(Conv2d::zeros(channels, window, has_bias).map_err(in_layer)?)
        }
        "flatten" if entry.get("start").is_none() => builder.flatten(),
        "flatten" => builder.layer(Flatten::axes(entry.count("start")?, entry.count("end")?)),
        "reshape" => builder.reshape(shape(&entry, "sample")?),
        "relu" => builder.relu(),
        "leaky_relu" => builder.leaky_relu(entry.number("slope")?),
        "elu" => builder.elu(entry.number("alpha")?),
        "gelu" => builder.gelu(),
        "gelu_tanh" => builder.activation(Activation::GeluTanh),
        "silu" => builder.silu(),
        "sigmoid" => builder.sigmoid(),
        "tanh" => builder.tanh(),
        "softplus" => builder.softplus(),
        "softmax" => builder.softmax(),
        "log_softmax" => builder.log_softmax(),
        "dropout" => builder.dropout(entry.number("rate")?),
        "dropout2d" => builder.dropout2d(entry.number("rate")?),
        "max_pool2d" => builder.max_pool2d(window(&entry, name)?),
        "avg_pool2d" => {
            let pool = AvgPool2d::new(window(&entry, name)?).map_err(in_layer)?;
            let counts_padding = entry.flag("counts_padding")?;
            builder.layer(if counts_padding { pool } else { pool.without_counting_padding() })
        }
        "global_avg_pool2d" => builder.global_avg_pool2d(),
        "channels_last" => builder.channels_last(),
        "channels_first" => builder.channels_first(),
        "batch_norm" => {
            let channels = entry.count("channels")?;
            for parameter in ["weight", "bias", "running_mean", "running_var"] {
                parameters.expect(name, parameter, [channels].into())?;
            }
            let momentum = entry.number("momentum")?;
            let momentum = match entry.text("rule")? {
                "pytorch" => Momentum::PyTorch(momentum),
                "keras" => Momentum::Keras(momentum),
                other => {
                    return Err(format!("layer `{name}`: expected a rule pytorch or keras, got `{other}`"));
                }
            };
            let epsilon = entry.number("epsilon")?;
            let norm = BatchNorm::new(channels).and_then(|norm| norm.with_momentum(momentum));
            builder.layer(norm.and_then(|norm| norm.with_epsilon(epsilon)).map_err(in_layer)?)
        }
        "layer_norm" => {
            let normalised = shape(&entry, "normalised")?;
            parameters.expect(name, "weight", normalised)?;
            parameters.expect(name, "bias", normalised)?;
            let epsilon = entry.number("epsilon")?;
            let norm = LayerNorm::new(normalised).and_then(|norm| norm.with_epsilon(epsilon));
            builder.layer(norm.map_err(in_layer)?)
        }
        "embedding" => {
            let [vocabulary, dimension] = [entry.count("vocabulary")?, entry.count("dimension")?];
            parameters.expect(name, "weight", [vocabulary, dimension].into())?;
            let rows = Tensor::zeros([vocabulary, dimension]).map_err(in_layer)?;
            let embedding = Embedding::from_rows(&rows).map_err(in_layer)?;
            builder.layer(match entry.get("padding") {
                None | Some(Value::Null) => embedding,
                Some(_) => embedding.mark_padding(entry.count("padding")?).map_err(in_layer)?,
            })
        }
        "sequential" => {
            let nested = nested.checked_sub(1).ok_or_else(|| {
                format!(
                    "layer `{name}`: expected models in models {MOST_NESTED} deep at most, got one deeper"
                )
            })?;
            let model = entry.get("model").unwrap_or(&Value::Null);
            builder.layer(build(model, &format!("{name}."), nested, parameters)?)
        }
        other => return Err(unknown(name, other)),
    })
}

fn unknown(name: &str, kind: &str) -> String {
    format!(
        "layer `{name}` ({kind}): expected a layer of this crate, got one that it does not know; build the model in code, and load the file into it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Param;
    use crate::Shape;
    use crate::io::Orientation;
    use crate::layers::{Padding, Window};

    fn rebuilt(model: &Sequential<f64>) -> Verdict<Sequential<f64>> {
        rebuild(&describe(model), &keras(), &mut shapes(model))
    }

    /// Of a file in which weights lie as here.
    fn keras() -> Document {
        Document { orientation: Orientation::Keras, ..Document::default() }
    }

    fn shapes(model: &Sequential<f64>) -> impl FnMut(&str) -> Verdict<Shape> {
        |name| model.param(name).map(Param::shape).map_err(|error| error.to_string())
    }

    #[test]
    fn every_layer_comes_back_as_it_was() {
        let inner = Sequential::builder([6]).dense(4).without_bias().tanh().build(&mut crate::seeded(1));
        let batch_norm = BatchNorm::new(4).unwrap().with_momentum(Momentum::Keras(0.99)).unwrap();
        let border = Window::new(3).with_stride(1).with_padding(1);
        let model = Sequential::builder([3, 12, 10])
            .channels_last()
            .max_pool2d(Window::new(2).with_dilation([2, 1]).with_padding(Padding::Same))
            .dropout2d(0.5)
            .avg_pool2d(border)
            .layer(AvgPool2d::new(border).unwrap().without_counting_padding())
            .channels_first()
            .global_avg_pool2d()
            .dense(6)
            .named("pooled")
            .reshape([2, 3])
            .layer(Flatten::axes(1, 2))
            .reshape([3, 2])
            .flatten()
            .reshape([3, 2, 1])
            .conv2d(4, Window::new([2, 1]).with_padding(Padding::Same).with_dilation([2, 1]))
            .conv2d(2, Window::new(1).with_stride([1, 2]).with_padding([0, 1]))
            .groups(2)
            .without_bias()
            .flatten()
            .dense(6)
            .named("first")
            .activation(Activation::GeluTanh)
            .relu()
            .leaky_relu(0.2)
            .elu(0.7)
            .gelu()
            .silu()
            .sigmoid()
            .tanh()
            .softplus()
            .dropout(0.25)
            .layer(inner.unwrap())
            .named("inner")
            .softmax()
            .log_softmax()
            .batch_norm()
            .layer(batch_norm.with_epsilon(1e-3).unwrap())
            .layer_norm()
            .layer(LayerNorm::new([4]).unwrap().with_epsilon(0.1).unwrap())
            .embedding(5, 2)
            .layer(Embedding::new(7, 3, &mut crate::seeded(3)).unwrap().with_padding(6).unwrap())
            .build(&mut crate::seeded(2))
            .unwrap();
        let mut again = rebuilt(&model).unwrap();
        assert_eq!(describe(&again), describe(&model));
        assert_eq!(format!("{again:?}"), format!("{model:?}"));
        again.set_state(&model.state()).unwrap();
    }

    #[test]
    fn a_description_that_lies_is_refused() {
        let model = Sequential::<f64>::builder([4]).dense(3).build(&mut crate::seeded(1)).unwrap();
        let description = describe(&model);
        let with = |key: &str, value: Value| {
            let mut changed = description.clone();
            changed["layers"][0][key] = value;
            changed
        };
        let pool = |kind: &str, kernel: Value| {
            let window = json!({ "kernel": kernel, "dilation": [1, 1], "padding": "valid" });
            json!({ "input": [4, 4, 1], "layers": [{ "kind": kind, "name": "p", "window": window }] })
        };
        let cases = [
            (with("kind", json!("convolution")), "layer `0` (convolution): expected a layer of this crate"),
            (with("foreign", json!(true)), "layer `0` (dense): expected a layer of this crate"),
            (with("inputs", json!(5)), "expected a weight [5, 3], got [4, 3]"),
            (with("outputs", json!(u64::MAX)), "got [4, 3]"),
            (with("bias", json!("yes")), "expected `bias`, true or false"),
            (json!({ "input": [4], "layers": [{ "kind": "relu", "name": "a.b" }] }), "layer name"),
            (with("name", json!("other")), "`other.weight`"),
            (json!({ "input": [4], "layers": [] }), "layers of the model"),
            (json!({ "input": [4], "layers": vec![1; MOST_LAYERS + 1] }), "at most 4096 layers"),
            (json!({ "input": [5], "layers": description["layers"] }), "expected input [batch, 4]"),
            (json!([]), "expected a JSON object"),
            (
                pool("max_pool2d", json!([0, 2])),
                "layer 0 `p` (max_pool2d): window size: expected at least 1, got 0x2",
            ),
            (pool("max_pool2d", json!([usize::MAX, 2])), "at least as large as the window"),
            (pool("avg_pool2d", json!([0, 2])), "layer `p`: window size: expected at least 1, got 0x2"),
            (pool("avg_pool2d", json!([2, 2])), "expected `counts_padding`, true or false, got none"),
        ];
        for (description, text) in cases {
            let error = rebuild::<f64>(&description, &keras(), &mut shapes(&model)).unwrap_err();
            assert!(error.contains(text), "{description}: {error}");
        }
    }
}
