//! Files that may have some layers of this crate and no others.

use taper::io::{Open, Save};
use taper::layers::{Embedding, Flatten, LayerNorm, QuantizedDense};
use taper::sequential::Quantization;
use taper::{Activation, Dense, Scalar, Sequential, Tensor};

fn model<T: Scalar>() -> Sequential<T> {
    let builder = Sequential::builder([2, 3]).flatten().dense(5).named("fc1").relu();
    builder.dense(4).named("fc2").without_bias().build(&mut taper::seeded(1)).unwrap()
}

fn error<T: Scalar>(bytes: &[u8], open: &Open<T>) -> String {
    Sequential::open_bytes_with(bytes, open).unwrap_err().to_string()
}

fn is_opened<T: Scalar>() {
    let model = model::<T>();
    let x = Tensor::from_fn([3, 2, 3], |place| T::of(place as f64 - 7.0)).unwrap();
    let bytes = model.to_bytes(&Save::new().with_check(&x)).unwrap();
    let open = Open::with_only::<Activation>().and::<Flatten>().and::<Dense<T>>();
    let opened = Sequential::<T>::open_bytes_with(&bytes, &open).unwrap();
    assert_eq!(opened.predict(&x).unwrap(), model.predict(&x).unwrap());
    assert_eq!(format!("{opened:?}"), format!("{model:?}"));
}

#[test]
fn a_file_with_these_layers_is_opened() {
    is_opened::<f32>();
    is_opened::<f64>();
}

#[test]
fn a_layer_that_was_not_told_is_named() {
    let bytes = model::<f32>().to_bytes(&Save::new()).unwrap();
    for (open, name, kind) in [
        (Open::<f32>::with_only::<Dense<f32>>(), "0", "flatten"),
        (Open::with_only::<Flatten>().and::<Activation>(), "fc1", "dense"),
        (Open::with_only::<Dense<f32>>().and::<Flatten>().and::<LayerNorm<f32>>(), "2", "relu"),
    ] {
        let expected = format!(
            "layer `{name}`: expected a layer that `Open` was told, got {kind}; tell it with `Open::and`"
        );
        let error = error(&bytes, &open);
        assert!(error.ends_with(&expected), "{error}");
    }
}

#[test]
fn models_inside_are_told_apart() {
    let inner = Sequential::<f32>::builder([4]).dense(4).build(&mut taper::seeded(1)).unwrap();
    let nested = Sequential::builder([4]).layer(inner).named("in").build(&mut taper::seeded(1)).unwrap();
    let residual = Sequential::<f32>::builder([4]).residual(|block| block.dense(4)).named("block");
    for (model, name, kind) in
        [(nested, "in", "sequential"), (residual.build(&mut taper::seeded(1)).unwrap(), "block", "branches")]
    {
        let bytes = model.to_bytes(&Save::new()).unwrap();
        let open = Open::with_only::<Dense<f32>>();
        let expected = format!(
            "layer `{name}`: expected a layer that `Open` was told, got {kind}; tell it with `Open::and_models_inside`"
        );
        let error = error(&bytes, &open);
        assert!(error.ends_with(&expected), "{error}");
        let opened = Sequential::<f32>::open_bytes_with(&bytes, &open.and_models_inside()).unwrap();
        assert_eq!(opened.state(), model.state());
    }
}

/// Layers in models inside are of the same kinds.
#[test]
fn a_layer_inside_that_was_not_told_is_named() {
    let model = Sequential::<f32>::builder([4]).residual(|block| block.dense(4).relu()).named("block");
    let bytes = model.build(&mut taper::seeded(1)).unwrap().to_bytes(&Save::new()).unwrap();
    let error = error(&bytes, &Open::with_only::<Dense<f32>>().and_models_inside());
    assert!(error.contains("layer `block.1`: expected a layer that `Open` was told, got relu"), "{error}");
}

#[test]
fn what_makes_fewer_bits_goes_along() {
    let model = model::<f32>();
    let open = Open::with_only::<Flatten>().and::<Dense<f32>>().and::<Activation>();
    let bytes = model.to_bytes(&Save::new()).unwrap();
    let small = Sequential::open_bytes_with(&bytes, &open.clone().quantized(&Quantization::int8())).unwrap();
    assert_eq!(small.state(), model.quantized(&Quantization::int8()).unwrap().state());
    let bytes = small.to_bytes(&Save::new()).unwrap();
    let error = error(&bytes, &open);
    assert!(
        error.contains("layer `fc1`: expected a layer that `Open` was told, got quantized_dense"),
        "{error}"
    );
    let again = Sequential::open_bytes_with(&bytes, &open.and::<QuantizedDense>()).unwrap();
    assert_eq!(again.state(), small.state());
}

/// A kind of `f32` is told to be one, whatever was told; and a kind of nobody's too.
#[test]
fn other_reasons_come_first() {
    let small = model::<f32>().quantized(&Quantization::int8()).unwrap();
    let bytes = small.to_bytes(&Save::new()).unwrap();
    let open = Open::<f64>::with_only::<Flatten>().and::<Embedding<f64>>();
    let error = error(&bytes, &open);
    assert!(
        error.contains("layer `fc1`: expected one of f64, got quantized_dense, which is of f32"),
        "{error}"
    );
    // A kind of this crate is one, also where `Open` was not told it.
    let taken = open.with_layer("dense", |_| Ok(Flatten::new())).unwrap_err().to_string();
    assert!(taken.contains("`dense`, a layer of this crate"), "{taken}");
}
