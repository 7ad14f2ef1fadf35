//! Through a file and back.

use taper::io::{Load, Orientation, Save};
use taper::layers::LayerNorm;
use taper::{Error, Scalar, Sequential, Tensor};

use crate::all_layers::layers;

/// Features of 2×2×3, flattened, then 12 → 5 → 2; all kinds of parameters.
fn model<T: Scalar>(seed: u64) -> Sequential<T> {
    let builder = Sequential::builder([2, 2, 3]).flatten().dense(5).named("fc1").relu();
    let builder = builder
        .batch_norm()
        .reshape([1, 5])
        .layer(LayerNorm::new([1, 5]).unwrap())
        .flatten()
        .dense(3)
        .embedding(4, 3)
        .flatten();
    builder.dense(2).without_bias().named("fc2").build(&mut taper::seeded(seed)).unwrap()
}

fn problems(error: &Error) -> &[String] {
    match error {
        Error::Tensors { problems, .. } => problems,
        other => panic!("expected tensors that do not fit, got {other}"),
    }
}

fn round_trip<T: Scalar>() {
    for orientation in [Orientation::PyTorch, Orientation::Keras] {
        let original = model::<T>(1);
        let bytes = original.to_bytes(&Save::new().with_orientation(orientation)).unwrap();
        assert_eq!(Sequential::<T>::open_bytes(&bytes).unwrap().state(), original.state());
        let mut other = model::<T>(2);
        other.load_bytes(&bytes, &Load::new()).unwrap();
        assert_eq!(other.state(), original.state());
        assert_eq!(bytes, other.to_bytes(&Save::new().with_orientation(orientation)).unwrap());
    }
}

#[test]
fn a_model_comes_back_to_the_bit() {
    round_trip::<f32>();
    round_trip::<f64>();
}

fn every_layer<T: Scalar>() {
    // Of some layers alone nobody knows in which order PyTorch has their features.
    let save = Save::new().with_orientation(Orientation::Keras);
    for (name, model) in layers::<T>(5) {
        let bytes = model.to_bytes(&save).unwrap();
        let opened = Sequential::<T>::open_bytes(&bytes);
        let opened = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(format!("{opened:?}"), format!("{model:?}"), "{name}");
        assert!(opened.state() == model.state(), "{name}");
        assert!(opened.to_bytes(&save).unwrap() == bytes, "{name}");
    }
}

#[test]
fn every_layer_comes_back_with_its_settings() {
    every_layer::<f32>();
    every_layer::<f64>();
}

#[test]
fn single_precision_goes_into_double_and_back() {
    let single = model::<f32>(1);
    let mut double = model::<f64>(2);
    double.load_bytes(&single.to_bytes(&Save::new()).unwrap(), &Load::new()).unwrap();
    let mut again = model::<f32>(3);
    again.load_bytes(&double.to_bytes(&Save::new()).unwrap(), &Load::new()).unwrap();
    assert_eq!(again.state(), single.state());
    let weight = double.param("fc1.weight").unwrap().to_tensor();
    let expected = single.param("fc1.weight").unwrap().to_tensor();
    assert!(weight.as_slice().iter().zip(expected.as_slice()).all(|(&d, &s)| d == f64::from(s)));
}

#[test]
fn everything_that_does_not_fit_is_told_at_once_and_nothing_is_changed() {
    let mut state = model::<f32>(1).state();
    state.insert("fc1.weight", Tensor::zeros([12, 5]).unwrap());
    state.insert("fc1.bias", Tensor::full([5], f32::NAN).unwrap());
    state.insert("head.weight", Tensor::zeros([1]).unwrap());
    let mut target = model::<f32>(2);
    let before = target.state();
    let error = target.set_state(&state).unwrap_err();
    assert_eq!(
        problems(&error),
        ["`fc1.weight`: expected [5, 12], got [12, 5]", "`head.weight` [1] is left over"]
    );
    assert_eq!(target.state(), before);
}
