//! A file that checks itself.

use rand::RngExt;
use serde_json::{Value, json};
use taper::io::{Load, Save};
use taper::{Error, Scalar, Sequential, Tensor};

use crate::hand_made::HandMade;

/// 4 → 4 → 4 → 3: weights that can be exchanged and transposed without a trace in their shapes.
fn model<T: Scalar>(seed: u64) -> Sequential<T> {
    let builder = Sequential::builder([4]).dense(4).named("a").tanh().dense(4).named("b").tanh();
    builder.dense(3).named("c").build(&mut taper::seeded(seed)).unwrap()
}

fn inputs<T: Scalar>(samples: usize) -> Tensor<T> {
    Tensor::from_fn([samples, 4], |place| T::of((place as f64 * 0.7).sin())).unwrap()
}

/// The weights of a model as a file that carries the check of another.
fn file<T: Scalar>(checked: &Sequential<T>, weights: &Sequential<T>) -> Vec<u8> {
    let [checked, weights] = [(checked, true), (weights, false)].map(|(model, has_check)| {
        let save = if has_check { Save::new().with_check(&inputs(16)) } else { Save::new() };
        model.to_bytes(&save).unwrap()
    });
    let header = |bytes: &[u8]| 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    // The same tensors in the same order.
    [&checked[..header(&checked)], &weights[header(&weights)..]].concat()
}

#[track_caller]
fn assert_refused<T: Scalar>(bytes: &[u8], part: &str) {
    let mut target = model::<T>(9);
    let error = target.load_bytes(bytes, &Load::new()).unwrap_err();
    assert!(matches!(&error, Error::File { problem, .. } if problem.contains(part)), "{error}");
    assert_eq!(target.state(), model::<T>(9).state(), "an error has changed the model");
    let error = Sequential::<T>::open_bytes(bytes).unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
}

fn assert_accepted<T: Scalar>(bytes: &[u8]) {
    model::<T>(9).load_bytes(bytes, &Load::new()).unwrap();
    Sequential::<T>::open_bytes(bytes).unwrap();
}

fn changed<T: Scalar>(change: impl Fn(&mut Sequential<T>)) -> Vec<u8> {
    let (original, mut other) = (model(1), model(1));
    change(&mut other);
    file(&original, &other)
}

fn exchange<T: Scalar>(model: &mut Sequential<T>, a: &str, b: &str) {
    let [a, b] = [(a, b), (b, a)].map(|(to, from)| (to, model.param(from).unwrap().to_tensor()));
    for (name, tensor) in [a, b] {
        model.param_mut(name).unwrap().set(&tensor).unwrap();
    }
}

fn damaged_weights_are_refused<T: Scalar>() {
    assert_accepted::<T>(&changed::<T>(|_| {}));
    let exchanged = changed::<T>(|model| exchange(model, "a.weight", "b.weight"));
    assert_refused::<T>(&exchanged, "weights are exchanged, transposed or damaged");
    assert_refused::<T>(&changed::<T>(|model| exchange(model, "a.bias", "b.bias")), "exchanged");
    let transposed = changed::<T>(|model| {
        let turned = model.param("b.weight").unwrap().to_tensor().transpose().unwrap();
        model.param_mut("b.weight").unwrap().set(&turned).unwrap();
    });
    assert_refused::<T>(&transposed, "transposed");
}

#[test]
fn exchanged_and_transposed_weights_are_refused() {
    damaged_weights_are_refused::<f32>();
    damaged_weights_are_refused::<f64>();
}

/// A bit of the exponent or the sign of a weight that matters; what is too small to be seen is not what it is for.
#[test]
fn damage_in_the_high_bits_is_refused() {
    let bytes = file(&model::<f32>(1), &model::<f32>(1));
    let data = bytes.len() - model::<f32>(1).parameters() * 4;
    let mut rng = taper::seeded(2);
    let mut tried = 0;
    while tried < 200 {
        let mut damaged = bytes.clone();
        let number = data + rng.random_range(0..(bytes.len() - data) / 4) * 4;
        if f32::from_le_bytes(*bytes[number..].first_chunk().unwrap()).abs() < 0.1 {
            continue;
        }
        tried += 1;
        damaged[number + 3] ^= 1 << rng.random_range(5..8);
        let mut target = model::<f32>(9);
        let result = target.load_bytes(&damaged, &Load::new());
        assert!(result.is_err(), "byte {number} of {}", bytes.len());
        assert_eq!(target.state(), model::<f32>(9).state());
    }
}

#[test]
fn single_precision_satisfies_a_check_in_double_and_the_other_way_round() {
    assert_accepted::<f64>(&file(&model::<f32>(1), &model::<f32>(1)));
    assert_accepted::<f32>(&file(&model::<f64>(1), &model::<f64>(1)));
    // The exact one sees what rounding hides.
    let nudged = |by: f64| {
        changed::<f64>(|model| {
            let bias = model.param("c.bias").unwrap().to_tensor().map(|value| value + by);
            model.param_mut("c.bias").unwrap().set(&bias).unwrap();
        })
    };
    assert_accepted::<f64>(&nudged(1e-13));
    assert_refused::<f64>(&nudged(1e-6), "damaged");
    model::<f32>(9).load_bytes(&nudged(1e-6), &Load::new()).unwrap();
}

#[test]
fn a_check_is_of_the_whole_model_in_the_file() {
    let bytes = model::<f32>(1).to_bytes(&Save::new().with_check(&inputs(2))).unwrap();
    // The same tensors in layers of another kind.
    let builder = Sequential::<f32>::builder([4]).dense(4).named("a").relu().dense(4).named("b").tanh();
    let mut other = builder.dense(3).named("c").build(&mut taper::seeded(1)).unwrap();
    let error = other.load_bytes(&bytes, &Load::new()).unwrap_err().to_string();
    assert!(error.contains("or the model is another"), "{error}");
    // Of a part of it the check says nothing.
    let builder = Sequential::<f32>::builder([4]).dense(4).named("a").relu().dense(5).named("head");
    let mut part = builder.build(&mut taper::seeded(1)).unwrap();
    let loaded = part.load_bytes(&bytes, &Load::new().allow_missing().allow_left_over()).unwrap();
    assert_eq!((loaded.missing.len(), loaded.left_over.len()), (2, 4));
}

#[test]
fn inputs_that_cannot_be_checked_are_not_written() {
    let save = |inputs: &Tensor<f32>| model(1).to_bytes(&Save::new().with_check(inputs));
    assert_accepted::<f32>(&save(&inputs(16)).unwrap());
    let error = save(&inputs(17)).unwrap_err().to_string();
    assert_eq!(error, "check: expected at most 16 samples, got 17");
    assert!(matches!(save(&Tensor::zeros([2, 5]).unwrap()), Err(Error::Shape { .. })));
    assert!(matches!(save(&Tensor::zeros([0, 4]).unwrap()), Err(Error::Empty { .. })));
    let error = save(&Tensor::full([1, 4], f32::NAN).unwrap()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
}

/// 1 → 1, y = 2x + 1, with this check.
fn with_check(check: &Value) -> taper::Result<Sequential<f32>> {
    let dense = json!({ "kind": "dense", "name": "0", "inputs": 1, "outputs": 1, "bias": true });
    let description = json!({
        "format": 1, "version": "0", "orientation": "pytorch", "flattened": null,
        "model": { "input": [1], "layers": [dense] }, "check": check,
    });
    let file = HandMade::new().f32("0.weight", &[1, 1], &[2.0]).f32("0.bias", &[1], &[1.0]);
    Sequential::open_bytes(&file.described(&description).bytes())
}

#[test]
fn a_check_may_be_anything() {
    let one = "0000803f";
    let check = json!({ "type": "f32", "samples": 1, "input": one, "output": "00004040" });
    assert!(with_check(&check).is_ok());
    let with = |key: &str, value: Value| {
        let mut changed = check.clone();
        changed[key] = value;
        changed
    };
    for (changed, part) in [
        (json!([]), "expected a JSON object"),
        (json!({}), "expected `type`"),
        (with("type", json!("f16")), "expected numbers f32 or f64"),
        (with("type", json!("f64")), "check: input"),
        (with("samples", json!(0)), "expected 1 to 16 samples"),
        (with("samples", json!(17)), "expected 1 to 16 samples"),
        (with("samples", json!(2)), "check: input"),
        // Where a count has 32 bits, it is none.
        (
            with("samples", json!(u64::MAX)),
            if usize::BITS < 64 { "a whole number up to" } else { "expected 1 to 16 samples" },
        ),
        (with("samples", json!(-1)), "expected `samples`"),
        (with("input", json!("")), "check: input"),
        (with("input", json!("0000803")), "pairs of hexadecimal digits"),
        (with("input", json!("0000803é")), "pairs of hexadecimal digits"),
        (with("input", json!("0000803f00")), "check: input: expected whole numbers"),
        (with("input", json!("0000c07f")), "exchanged, transposed or damaged"),
        (with("output", json!(one)), "expected output 1e0, got 3e0"),
        (with("output", json!([])), "expected `output`"),
        // Infinity is near to everything, and NaN to nothing.
        (with("output", json!("0000807f")), "check: expected finite outputs"),
        (with("output", json!("000080ff")), "check: expected finite outputs"),
        (with("output", json!("0000c07f")), "exchanged, transposed or damaged"),
    ] {
        let error = with_check(&changed).unwrap_err().to_string();
        assert!(error.contains(part), "{changed}: {error}");
    }
}
