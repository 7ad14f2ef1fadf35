//! The layers of a model as JSON, and a model again.
//!
//! What a layer writes and reads stands beside the layer, `layers/stored.rs` says how. Here it becomes JSON.

use core::any::Any;

use serde_json::{Value, json};

use super::document::{Document, shape};
use super::json::Object;
use super::known::{Known, has_models};
use super::parameters::{Parameters, Shapes};
use super::window::window;
use super::{Verdict, classes, own_layers};
use crate::layers::kinds::{is_kind, is_kind_of_f32, kinds};
use crate::layers::stored::{Entry, NotRestored, Restored};
use crate::layers::{Layer, Order, Window};
use crate::prelude::*;
use crate::sequential::{Branches, Join};
use crate::{Scalar, Sequential, Shape};

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
    classes::describe(model, &mut described);
    // Of a part of a model more may be known than the shape tells.
    match model.known_order().filter(|&order| order != Order::of_sample(&model.input())) {
        None => {}
        Some(Order::Same) => described["features"] = "same".into(),
        Some(Order::Unknown) => described["features"] = "unknown".into(),
        Some(Order::ChannelsLast(image)) => described["features"] = json!(image.axes()),
    }
    described
}

/// A layer's kind and settings.
fn describe_layer<T: Scalar>(layer: &dyn Layer<T>) -> Value {
    let mut entry = json!({ "kind": layer.kind() });
    if kinds::<T>().iter().any(|kind| (kind.has)(layer)) {
        for (key, setting) in layer.settings().iter() {
            entry[key] = own_layers::value(setting);
        }
    } else if let Some(model) = (layer as &dyn Any).downcast_ref::<Sequential<T>>() {
        entry["model"] = describe(model);
    } else if let Some(branches) = (layer as &dyn Any).downcast_ref::<Branches<T>>() {
        let paths =
            branches.paths().map(|(name, model)| json!({ "name": name, "model": model.map(describe) }));
        entry["join"] = branches.join().name().into();
        entry["paths"] = paths.collect();
    } else {
        own_layers::describe(layer, &mut entry);
    }
    entry
}

/// The model of a description, with zeros for parameters. Nothing is allocated for one that is not there.
pub(super) fn rebuild<T: Scalar>(
    description: &Value,
    document: &Document,
    shapes: &mut Shapes<'_>,
    known: &Known<T>,
) -> Verdict<Sequential<T>> {
    build(description, "", MOST_NESTED, &mut Parameters { document, shapes }, known)
}

fn build<T: Scalar>(
    description: &Value,
    prefix: &str,
    nested: usize,
    parameters: &mut Parameters<'_>,
    known: &Known<T>,
) -> Verdict<Sequential<T>> {
    let object = Object::new("model", description)?;
    let layers = object.list("layers")?;
    if layers.len() > MOST_LAYERS {
        return Err(format!("model: expected at most {MOST_LAYERS} layers, got {}", layers.len()));
    }
    let (input, mut restored) = (shape(&object, "input")?, Vec::new());
    for (position, entry) in layers.iter().enumerate() {
        let what = format!("layer {position}");
        let entry = Object::new(&what, entry)?;
        let name = entry.text("name")?;
        let layer = restore(entry, &format!("{prefix}{name}"), nested, parameters, known)?;
        restored.push((name.to_owned(), layer));
    }
    let mut model = Sequential::of_layers(input, restored).map_err(|error| error.to_string())?;
    classes::apply(&mut model, description)?;
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

/// The layer of an entry that [`describe_layer`] wrote.
fn restore<T: Scalar>(
    object: Object<'_>,
    name: &str,
    nested: usize,
    parameters: &mut Parameters<'_>,
    known: &Known<T>,
) -> Verdict<Box<dyn Layer<T>>> {
    let kind = object.text("kind")?;
    if let Some(layer) = own_layers::restore(&object, name, known)? {
        return Ok(layer);
    }
    if has_models(kind) {
        let nested = nested.checked_sub(1).ok_or_else(|| {
            format!("layer `{name}`: expected models in models {MOST_NESTED} deep at most, got one deeper")
        })?;
        let inside = known.inside.ok_or_else(|| not_told(name, kind, "and_models_inside"))?;
        return inside(&object, name, nested, parameters, known);
    }
    let found = known.kinds.iter().find(|known| known.names.contains(&kind));
    let found = found.ok_or_else(|| match kind {
        kind if is_kind_of_f32(kind) && T::NAME != f32::NAME => {
            format!("layer `{name}`: expected one of {}, got {kind}, which is of f32", T::NAME)
        }
        kind if is_kind(kind) => not_told(name, kind, "and"),
        _ => own_layers::unknown(name, kind),
    })?;
    (found.restore)(&mut FileEntry { object, kind, name, parameters }).map_err(|problem| match problem {
        NotRestored::File(problem) => problem,
        NotRestored::Layer(problem) => format!("layer `{name}`: {problem}"),
    })
}

/// What is wrong with a layer of this crate that was not told.
fn not_told(name: &str, kind: &str, method: &str) -> String {
    format!(
        "layer `{name}`: expected a layer that `Open` was told, got {kind}; tell it with `Open::{method}`"
    )
}

/// The layer of an entry with models inside.
pub(super) fn inside<T: Scalar>(
    object: &Object<'_>,
    name: &str,
    nested: usize,
    parameters: &mut Parameters<'_>,
    known: &Known<T>,
) -> Verdict<Box<dyn Layer<T>>> {
    if object.text("kind")? == "branches" {
        return Ok(Box::new(build_branches(object, name, nested, parameters, known)?));
    }
    let model = object.get("model").unwrap_or(&Value::Null);
    Ok(Box::new(build(model, &format!("{name}."), nested, parameters, known)?))
}

fn build_branches<T: Scalar>(
    object: &Object<'_>,
    name: &str,
    nested: usize,
    parameters: &mut Parameters<'_>,
    known: &Known<T>,
) -> Verdict<Branches<T>> {
    let join = object.text("join")?;
    let join = Join::of_name(join)
        .ok_or_else(|| format!("layer `{name}`: expected `join`, add or concat, got {join}"))?;
    let paths = object.list("paths")?;
    if paths.len() > MOST_LAYERS {
        return Err(format!("layer `{name}`: expected at most {MOST_LAYERS} paths, got {}", paths.len()));
    }
    let mut built = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let what = format!("layer `{name}`, path {index}");
        let path = Object::new(&what, path)?;
        let own = path.text("name")?;
        let prefix = if own.is_empty() { format!("{name}.") } else { format!("{name}.{own}.") };
        let model = path.get("model").filter(|model| !model.is_null());
        let model = model.map(|model| build(model, &prefix, nested, parameters, known)).transpose()?;
        built.push((own.to_owned(), model));
    }
    Branches::of_paths(join, built).map_err(|error| format!("layer `{name}`: {error}"))
}

/// The entry of a layer.
struct FileEntry<'a, 'b> {
    object: Object<'a>,
    kind: &'a str,
    name: &'a str,
    parameters: &'a mut Parameters<'b>,
}

impl Entry for FileEntry<'_, '_> {
    fn kind(&self) -> &str {
        self.kind
    }

    fn has(&self, key: &str) -> bool {
        self.object.get(key).is_some_and(|value| !value.is_null())
    }

    fn flag(&self, key: &str) -> Restored<bool> {
        Ok(self.object.flag(key)?)
    }

    fn count(&self, key: &str) -> Restored<usize> {
        Ok(self.object.count(key)?)
    }

    fn number(&self, key: &str) -> Restored<f64> {
        Ok(self.object.number(key)?)
    }

    fn text(&self, key: &str) -> Restored<&str> {
        Ok(self.object.text(key)?)
    }

    fn shape(&self, key: &str) -> Restored<Shape> {
        Ok(shape(&self.object, key)?)
    }

    fn window(&self, key: &str) -> Restored<Window> {
        Ok(window(&self.object, key, self.name)?)
    }

    fn expect(&mut self, parameter: &str, shape: Shape) -> Restored<()> {
        Ok(self.parameters.expect(self.name, parameter, shape)?)
    }

    fn expect_sums(&mut self, weight: Shape, has_bias: bool) -> Restored<()> {
        Ok(self.parameters.expect_sums(self.name, weight, has_bias)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Param;
    use crate::io::Orientation;

    /// Of a file in which weights lie as here.
    fn keras() -> Document {
        Document { orientation: Orientation::Keras, ..Document::default() }
    }

    fn known() -> Known<f64> {
        Known::of(kinds(), Some(inside))
    }

    fn shapes(model: &Sequential<f64>) -> impl FnMut(&str) -> Verdict<Shape> {
        |name| model.param(name).map(Param::shape).map_err(|error| error.to_string())
    }

    #[test]
    fn branches_that_lie_are_refused() {
        let builder = Sequential::<f64>::builder([4])
            .residual_with_shortcut(|long| long.dense(3), |short| short.dense(3));
        let model = builder.build(&mut crate::seeded(1)).unwrap();
        let description = describe(&model);
        let known = &known();
        let rebuilt = rebuild::<f64>(&description, &keras(), &mut shapes(&model), known).unwrap();
        assert_eq!(format!("{rebuilt:?}"), format!("{model:?}"));
        let with = |change: &dyn Fn(&mut Value)| {
            let mut changed = description.clone();
            change(&mut changed["layers"][0]);
            changed
        };
        let mut deep = description["layers"][0]["paths"][0]["model"].clone();
        for _ in 0..MOST_NESTED {
            let paths = json!([{ "name": "", "model": deep }]);
            deep = json!({ "input": [4], "layers": [{ "kind": "branches", "name": "0", "join": "add", "paths": paths }] });
        }
        for (description, text) in [
            (
                with(&|entry| entry["join"] = json!("multiply")),
                "layer `0`: expected `join`, add or concat, got multiply",
            ),
            (with(&|entry| entry["join"] = Value::Null), "`join`"),
            (
                with(&|entry| entry["paths"] = json!([])),
                "layer `0`: branches: expected a path with a layer, got none",
            ),
            (
                with(&|entry| entry["paths"] = json!([{ "name": "a", "model": null }])),
                "expected a path with a layer",
            ),
            (with(&|entry| entry["paths"] = json!(vec![1; MOST_LAYERS + 1])), "at most 4096 paths"),
            (with(&|entry| entry["paths"][1]["name"] = json!("a.b")), "a.b"),
            (
                with(&|entry| entry["paths"][1]["name"] = json!("")),
                "layer name `0`: expected a name of its own",
            ),
            (with(&|entry| entry["paths"][1]["name"] = json!("other")), "`0.other.0.weight`"),
            (with(&|entry| entry["paths"][0]["model"]["input"] = json!([5])), "expected input"),
            (
                with(&|entry| entry["paths"][1]["model"] = Value::Null),
                "layer `0`: path 1 `shortcut`: expected output",
            ),
            (with(&|entry| entry["paths"][0]["model"] = json!(7)), "expected a JSON object"),
            (
                json!({ "input": [4], "layers": [{ "kind": "branches", "name": "0", "join": "add", "paths": [{ "name": "", "model": deep }] }] }),
                "8 deep at most",
            ),
        ] {
            let error = rebuild::<f64>(&description, &keras(), &mut shapes(&model), known).unwrap_err();
            assert!(error.contains(text), "{description}: {error}");
        }
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
            (with("outputs", json!(usize::MAX)), "got [4, 3]"),
            (with("bias", json!("yes")), "expected `bias`, true or false"),
            (json!({ "input": [4], "layers": [{ "kind": "relu", "name": "a.b" }] }), "layer name"),
            (with("name", json!("other")), "`other.weight`"),
            (json!({ "input": [4], "layers": [] }), "layers of the model"),
            (json!({ "input": [4], "layers": vec![1; MOST_LAYERS + 1] }), "at most 4096 layers"),
            (json!({ "input": [5], "layers": description["layers"] }), "expected input [batch, 4]"),
            (json!([]), "expected a JSON object"),
            (pool("max_pool2d", json!([0, 2])), "layer `p`: window size: expected at least 1, got 0x2"),
            (pool("max_pool2d", json!([usize::MAX, 2])), "at least as large as the window"),
            (pool("avg_pool2d", json!([0, 2])), "layer `p`: window size: expected at least 1, got 0x2"),
            (pool("avg_pool2d", json!([2, 2])), "expected `counts_padding`, true or false, got none"),
        ];
        for (description, text) in cases {
            let error = rebuild::<f64>(&description, &keras(), &mut shapes(&model), &known()).unwrap_err();
            assert!(error.contains(text), "{description}: {error}");
        }
    }
}
