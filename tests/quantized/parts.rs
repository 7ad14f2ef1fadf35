//! Layers of parameters that are there already.

use taper::layers::QuantizedDense;
use taper::sequential::Quantization;
use taper::{Dense, Error, Sequential, Tensor, seeded};

use super::models::number;

/// A layer that was made of `f32`, taken apart and put together again.
#[test]
fn a_layer_is_put_together_again() {
    for (inputs, outputs) in [(1, 1), (3, 2), (70, 33), (784, 128)] {
        let model = Sequential::<f32>::builder([inputs]).dense(outputs).build(&mut seeded(3)).unwrap();
        let small = model.quantized(&Quantization::int8()).unwrap();
        let tensor = |name: &str| small.param(name).unwrap().to_tensor().as_slice().to_vec();
        let weight: Vec<i8> = tensor("0.weight").into_iter().map(|weight| weight as i8).collect();
        let (scale, bias) = (tensor("0.weight_scale"), tensor("0.bias"));
        let again = QuantizedDense::from_parts(&weight, &scale, Some(&bias)).unwrap();
        assert_eq!((again.inputs(), again.outputs(), again.input_range()), (inputs, outputs, None));
        let again = Sequential::builder([inputs]).layer(again).build(&mut seeded(0)).unwrap();
        assert_eq!(again.state(), small.state());
        let x = Tensor::from_fn([5, inputs], number).unwrap();
        assert_eq!(again.predict(&x).unwrap(), small.predict(&x).unwrap());
    }
}

/// By the formula: every whole number there is, −128 too.
#[test]
fn all_bytes_are_weights() {
    let weight: Vec<i8> = (-128..=127).collect();
    let layer = QuantizedDense::from_parts(&weight, &[0.5, 2.0], None).unwrap();
    assert!(layer.bias().is_none());
    let expected = Tensor::from_fn([128, 2], |place| (place as f32 - 128.0) * [0.5, 2.0][place % 2]).unwrap();
    assert_eq!(layer.dequantized_weight(), expected);
    let layer = layer.with_input_range(-1.0, 1.0).unwrap();
    let model = Sequential::builder([128]).layer(layer).build(&mut seeded(0)).unwrap();
    let float = Dense::from_parts(&expected, None).unwrap();
    let float = Sequential::builder([128]).layer(float).build(&mut seeded(0)).unwrap();
    let x = Tensor::from_fn([1, 128], |place| (place % 2) as f32).unwrap();
    let (y, exact) = (model.predict(&x).unwrap(), float.predict(&x).unwrap());
    y.as_slice()
        .iter()
        .zip(exact.as_slice())
        .for_each(|(y, exact)| assert!((y - exact).abs() < 16.0, "{y} {exact}"));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let of = |weight: &[i8], scale: &[f32], bias: Option<&[f32]>| {
        QuantizedDense::from_parts(weight, scale, bias).unwrap_err()
    };
    for (error, text) in [
        (of(&[1, 2, 3], &[1.0, 1.0], None), "3 for 2 outputs"),
        (of(&[], &[1.0], None), "0 for 1 outputs"),
        (of(&[1], &[], None), "outputs"),
        (of(&[1, 2], &[1.0, 0.0], None), "0"),
        (of(&[1, 2], &[1.0, -1.0], None), "-1"),
        (of(&[1, 2], &[f32::NAN, 1.0], None), "NaN"),
        (of(&[1, 2], &[f32::INFINITY, 1.0], None), "inf"),
        (of(&vec![1; 65_794], &[1.0], None), "65794"),
    ] {
        assert!(matches!(error, Error::Setting { .. }) && error.to_string().contains(text), "{error}");
    }
    let error = of(&[1, 2], &[1.0, 1.0], Some(&[0.0]));
    assert!(matches!(error, Error::Length { expected: 2, got: 1, .. }), "{error}");
}
