//! Weights in bf16 in files.

use taper::io::{Load, Save, TensorFile};
use taper::layers::Window;
use taper::sequential::Quantization;
use taper::{Sequential, Tensor, seeded};

fn model() -> Sequential<f32> {
    let builder =
        Sequential::<f32>::builder([6, 6, 3]).conv2d(5, Window::new(3).with_padding(1)).named("conv");
    let builder = builder.relu().flatten().reshape([6, 30]).conv1d(4, 3).flatten().dense(7).named("fc");
    builder.build(&mut seeded(4)).unwrap()
}

fn x() -> Tensor<f32> {
    Tensor::from_fn([5, 6, 6, 3], |i| (i as f32 * 0.37).sin()).unwrap()
}

#[test]
fn a_model_in_bf16_comes_back_with_the_same_bits() {
    let small = model().quantized(&Quantization::bf16()).unwrap();
    let bytes = small.to_bytes(&Save::new()).unwrap();
    let opened = Sequential::<f32>::open_bytes(&bytes).unwrap();
    assert_eq!(opened.predict(&x()).unwrap(), small.predict(&x()).unwrap());
    assert_eq!(opened.state(), small.state());
    for (name, dtype) in [("fc.weight", "bf16"), ("conv.weight", "bf16"), ("fc.bias", "f32")] {
        assert_eq!(opened.param(name).unwrap().number_type(), dtype);
        let file = TensorFile::from_bytes(bytes.clone()).unwrap();
        assert_eq!(file.number_type(name).as_deref(), Some(dtype));
    }
    // Numbers of f32 are rounded on their way into such a model, and those in bf16 are what they are in one of f32.
    let whole = model().to_bytes(&Save::new()).unwrap();
    let mut zeros = small.clone();
    let zero = Tensor::zeros(zeros.param("fc.weight").unwrap().shape()).unwrap();
    zeros.param_mut("fc.weight").unwrap().set(&zero).unwrap();
    zeros.load_bytes(&whole, &Load::new()).unwrap();
    assert_eq!(zeros.state(), small.state());
    let mut large = model();
    large.param_mut("fc.weight").unwrap().set(&Tensor::full(zero.shape(), f32::MAX).unwrap()).unwrap();
    let large = large.to_bytes(&Save::new()).unwrap();
    let error = zeros.load_bytes(&large, &Load::new()).unwrap_err().to_string();
    assert!(error.contains("`fc.weight`: expected finite values in bf16, got 3402823"), "{error}");
    assert_eq!(zeros.state(), small.state());
    let mut wide = model();
    wide.load_bytes(&bytes, &Load::new()).unwrap();
    assert_eq!(wide.state(), small.state());
    // A type that is none of them, and one of a model of f64, are told.
    let mut other = bytes.clone();
    let place = bytes.windows(6).position(|text| text == b"\"bf16\\").expect("the layer's entry tells it");
    other[place + 1..][..4].copy_from_slice(b"bf61");
    let error = Sequential::<f32>::open_bytes(&other).unwrap_err().to_string();
    assert!(error.contains("dtype: expected `bf16` in a model of `f32`, got `bf61`"), "{error}");
    let error = Sequential::<f64>::open_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("expected `bf16` in a model of `f32`, got `bf16` in one of `f64`"), "{error}");
}
