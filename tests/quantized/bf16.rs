//! Models of weights in bf16, against sums in f64 of numbers rounded to bf16.

use taper::layers::{Backward, Channels, Conv1d, Conv2d, Forward, GradientSink, Memory, Window};
use taper::sequential::Quantization;
use taper::{
    Activation, Dense, Layer, Mode, Parallelism, Result, Sequential, Shape, Tensor, TensorView,
    TensorViewMut, seeded,
};

use crate::models::{network, number, off};

/// The nearest number in bf16, the even one of two.
pub(crate) fn rounded(value: f32) -> f64 {
    let (below, step) = (value.to_bits() & 0xffff_0000, 0x1_0000);
    let [down, up] = [below, below + step].map(|bits| f64::from(f32::from_bits(bits)));
    let middle = f64::midpoint(down, up);
    let value = f64::from(value);
    let is_up = value.abs() > middle.abs() || value == middle && below & step != 0;
    if is_up { up } else { down }
}

/// The sum of products of rounded numbers and a bias, and by how much an output may be off.
///
/// Products are exact, so n of them and a bias make n + 1 roundings of a sum that is no larger than that of magnitudes; one more where
/// a product and a sum are rounded apart.
fn exact(products: impl Iterator<Item = (f32, f32)>, bias: f32) -> (f64, f64) {
    let (mut sum, mut magnitude, mut count) = (f64::from(bias), f64::from(bias.abs()), 1.0);
    for (x, weight) in products {
        let product = rounded(x) * rounded(weight);
        (sum, magnitude, count) = (sum + product, magnitude + product.abs(), count + 1.0);
    }
    (sum, 3.0 * count * f64::from(f32::EPSILON / 2.0) * magnitude)
}

fn in_bf16(model: &Sequential<f32>) -> Sequential<f32> {
    model.quantized(&Quantization::bf16()).unwrap()
}

fn of_layer(layer: impl Layer<f32>, input: impl Into<taper::Shape>) -> Sequential<f32> {
    in_bf16(&Sequential::builder(input).layer(layer).build(&mut seeded(0)).unwrap())
}

fn check(got: &[f32], expected: &[(f64, f64)], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (place, (&got, (expected, bound))) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(got) - expected).abs();
        assert!(error <= *bound, "{what}, output {place}: {got} is off by {error:e} of {bound:e}");
    }
}

#[test]
fn a_dense_layer_sums_products_of_rounded_numbers() {
    for (inputs, outputs) in [(1, 1), (2, 5), (3, 32), (33, 31), (130, 65), (1001, 100)] {
        let dense = Dense::<f32>::new(inputs, outputs, &mut seeded(inputs as u64)).unwrap();
        let (weight, bias) = (dense.weight().to_tensor(), dense.bias().unwrap().to_tensor());
        for has_bias in [true, false] {
            let layer = Dense::from_parts(&weight, Some(&bias).filter(|_| has_bias)).unwrap();
            let model = of_layer(layer, [inputs]);
            for batch in [1, 2, 5, 13, 70] {
                let x = Tensor::from_fn([batch, inputs], number).unwrap();
                let expected: Vec<_> = (0..batch * outputs)
                    .map(|i| {
                        let (sample, output) = (i / outputs, i % outputs);
                        let row = x.as_slice()[sample * inputs..][..inputs].iter().copied();
                        let column = weight.as_slice().iter().copied().skip(output).step_by(outputs);
                        exact(row.zip(column), if has_bias { bias.as_slice()[output] } else { 0.0 })
                    })
                    .collect();
                let what = format!("{inputs} -> {outputs}, batch {batch}");
                check(model.predict(&x).unwrap().as_slice(), &expected, &what);
            }
        }
    }
}

#[test]
fn a_convolution_sums_products_of_rounded_numbers() {
    for (groups, kernel, border, stride) in [(1, 3, 1, 1), (1, 1, 0, 1), (2, 3, 1, 2), (1, 5, 2, 1)] {
        let channels = Channels::new(6, 34).with_groups(groups);
        let window = Window::new(kernel).with_padding(border).with_stride(stride);
        let conv = Conv2d::<f32>::new(channels, window, &mut seeded(3)).unwrap();
        let (weight, bias) = (conv.weight().to_tensor(), conv.bias().unwrap().to_tensor());
        let x = Tensor::from_fn([3, 7, 9, 6], number).unwrap();
        let y = of_layer(conv, [7, 9, 6]).predict(&x).unwrap();
        let &[_, rows, columns, outputs] = y.shape().axes() else { panic!() };
        let (own, each) = (6 / groups, 34 / groups);
        let expected: Vec<_> = (0..y.len())
            .map(|i| {
                let (o, place) = (i % outputs, i / outputs);
                let (column, row, sample) = (place % columns, place / columns % rows, place / columns / rows);
                let products = (0..kernel * kernel * own).filter_map(|tap| {
                    let (down, right, k) = (tap / own / kernel, tap / own % kernel, tap % own);
                    let r = (row * stride + down).checked_sub(border).filter(|&r| r < 7)?;
                    let c = (column * stride + right).checked_sub(border).filter(|&c| c < 9)?;
                    let pixel = x.as_slice()[((sample * 7 + r) * 9 + c) * 6 + o / each * own + k];
                    Some((pixel, weight.as_slice()[tap * outputs + o]))
                });
                exact(products, bias.as_slice()[o])
            })
            .collect();
        check(y.as_slice(), &expected, &format!("{groups} groups, {kernel}, {border}, {stride}"));
    }
    let channels = Channels::new(6, 34);
    let conv = Conv1d::<f32>::new(channels, Window::new(3), &mut seeded(3)).unwrap();
    let weight = conv.weight().to_tensor();
    let images = Conv2d::from_parts(
        Window::new([1, 3]),
        1,
        &weight.clone().reshape([1, 3, 6, 34]).unwrap(),
        conv.bias().map(taper::Param::to_tensor).as_ref(),
    );
    let x = Tensor::from_fn([3, 11, 6], number).unwrap();
    let y = of_layer(conv, [11, 6]).predict(&x).unwrap();
    let of_images = of_layer(images.unwrap(), [1, 11, 6]);
    let y_of_images = of_images.predict(&x.reshape([3, 1, 11, 6]).unwrap()).unwrap();
    assert_eq!(y.as_slice(), y_of_images.as_slice());
}

#[test]
fn a_sample_has_the_same_bits_in_any_batch_and_on_any_number_of_threads() {
    let model = in_bf16(&network());
    let x = Tensor::from_fn([33, 8, 8, 4], number).unwrap();
    let mut alone = Vec::new();
    for sample in x.as_slice().chunks(8 * 8 * 4) {
        let sample = Tensor::from_vec([1, 8, 8, 4], sample.to_vec()).unwrap();
        alone.extend_from_slice(model.predict(&sample).unwrap().as_slice());
    }
    for threads in [1, 2, 3, 4] {
        let parallelism = Parallelism::Threads(threads);
        let mut workspace = model.workspace(Mode::Infer, 33).unwrap().with_parallelism(parallelism);
        let y = model.infer(&x, &mut workspace).unwrap();
        let same = y.as_slice().iter().zip(&alone).all(|(y, alone)| y.to_bits() == alone.to_bits());
        assert!(same, "{threads} threads");
    }
}

#[test]
fn every_dense_layer_and_convolution_is_in_bf16() {
    let model = network();
    let small = in_bf16(&model);
    let x = Tensor::from_fn([9, 8, 8, 4], number).unwrap();
    let share = off(&small.predict(&x).unwrap(), &model.predict(&x).unwrap());
    assert!(share < 0.01, "{share}");
    let mut weights = 0;
    small.params(&mut |param| {
        let name = param.name();
        let is_weight = name.ends_with("weight");
        assert_eq!(param.number_type(), if is_weight { "bf16" } else { "f32" }, "{name}");
        assert_eq!(param.bytes(), param.count() * if is_weight { 2 } else { 4 }, "{name}");
        weights += usize::from(is_weight);
    });
    assert_eq!(weights, 8);
    let some = model.quantized(&Quantization::bf16().without("head").without("stem")).unwrap();
    assert_eq!(some.param("head.fc1.weight").unwrap().number_type(), "f32");
    assert_eq!(some.param("wide.weight").unwrap().number_type(), "bf16");
    // What is in bf16 stays so.
    let error = small.quantized(&Quantization::int8()).unwrap_err().to_string();
    assert!(error.contains("expected a model with a dense layer or a convolution in f32"), "{error}");
    assert_eq!(format!("{:?}", small.clone()), format!("{small:?}"));
    let (body, head) = small.split_at("wide").unwrap();
    assert_eq!(head.predict(&body.predict(&x).unwrap()).unwrap(), small.predict(&x).unwrap());
}

#[test]
fn weights_are_rounded_where_they_are_set() {
    let mut model = of_layer(Dense::<f32>::new(3, 2, &mut seeded(1)).unwrap(), [3]);
    let weight = Tensor::from_fn([3, 2], |i| 1.0 + i as f32 / 1000.0).unwrap();
    model.param_mut("0.weight").unwrap().set(&weight).unwrap();
    let kept = model.param("0.weight").unwrap().to_tensor();
    for (kept, weight) in kept.as_slice().iter().zip(weight.as_slice()) {
        assert_eq!(f64::from(*kept), rounded(*weight));
    }
    let error =
        model.param_mut("0.weight").unwrap().set(&Tensor::full([3, 2], f32::MAX).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("parameter: expected numbers below 3.4e38"), "{error}");
    let state = model.state();
    model.set_state(&state).unwrap();
    assert_eq!(model.param("0.weight").unwrap().to_tensor(), kept);
    let param = model.param_mut("0.weight").unwrap();
    param.unfreeze();
    assert!(param.is_frozen() && param.buffer().is_empty());
}

#[test]
fn an_activation_behind_is_that_of_the_sums() {
    let dense = Dense::<f32>::new(20, 40, &mut seeded(5)).unwrap();
    let x = Tensor::from_fn([3, 20], number).unwrap();
    let sums = of_layer(dense.clone(), [20]).predict(&x).unwrap();
    for activation in [Activation::Relu, Activation::Tanh, Activation::Gelu] {
        let model = Sequential::builder([20]).layer(dense.clone()).layer(activation);
        let y = in_bf16(&model.build(&mut seeded(0)).unwrap()).predict(&x).unwrap();
        let alone = Sequential::builder([40]).layer(activation).build(&mut seeded(0)).unwrap();
        assert_eq!(y, alone.predict(&sums).unwrap(), "{activation:?}");
    }
}

#[test]
fn what_cannot_be_is_told() {
    let model =
        || Sequential::<f32>::builder([6]).dense(8).named("fc1").relu().dense(3).build(&mut seeded(1));
    let small = in_bf16(&model().unwrap());
    assert_eq!(
        small.workspace(Mode::Train, 4).unwrap_err().to_string(),
        "layer 0 `fc1` (dense 6 -> 8): mode: expected `Mode::Infer` (weights in bf16 have no gradients; train the model \
         that they were made of), got `Mode::Train`"
    );
    let calibrated = Quantization::bf16().calibrated(&Tensor::zeros([2, 6]).unwrap());
    let error = model().unwrap().quantized(&calibrated).unwrap_err().to_string();
    assert!(error.starts_with("calibration: expected none for bf16"), "{error}");
    for value in [f32::NAN, f32::INFINITY, f32::MAX] {
        let mut broken = model().unwrap();
        broken.param_mut("fc1.weight").unwrap().set(&Tensor::full([6, 8], value).unwrap()).unwrap();
        let error = broken.quantized(&Quantization::bf16()).unwrap_err().to_string();
        assert!(error.starts_with("layer 0 `fc1` (dense 6 -> 8): `fc1.weight` in bf16"), "{error}");
    }
    // A sample that is not finite has outputs that are not, and the others are as they are.
    let mut x = Tensor::from_fn([3, 6], number).unwrap();
    let before = small.predict(&x).unwrap();
    x.as_mut_slice()[6] = f32::NAN;
    let after = small.predict(&x).unwrap();
    for (i, (before, after)) in before.as_slice().iter().zip(after.as_slice()).enumerate() {
        assert!(if i / 3 == 1 { after.is_nan() } else { before == after }, "output {i}: {after}");
    }
}

/// A layer of one's own around a model, which does not say in which modes it can be used.
#[derive(Debug, Clone)]
struct Around(Sequential<f32>);

impl Layer<f32> for Around {
    fn kind(&self) -> &'static str {
        "around"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.0.output_shape(input)
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        self.0.memory(input, batch, mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, f32>,
        y: TensorViewMut<'_, f32>,
        context: &mut Forward<'_, f32>,
    ) -> Result<()> {
        self.0.forward(x, y, context)
    }

    fn backward(&mut self, pass: Backward<'_, f32>, sink: &mut dyn GradientSink<f32>) -> Result<()> {
        self.0.backward(pass, sink)
    }
}

#[test]
fn a_training_pass_is_refused_where_nobody_asked_before() {
    let small = Sequential::<f32>::builder([6]).dense(8).named("fc1").relu().dense(3).build(&mut seeded(1));
    let small = in_bf16(&small.unwrap());
    let outer = Sequential::builder([6]).layer(Around(small)).build(&mut seeded(0)).unwrap();
    let x = Tensor::from_fn([3, 6], number).unwrap();
    assert_eq!(outer.predict(&x).unwrap().shape().axes(), [3, 3]);
    let mut workspace = outer.workspace(Mode::Train, 3).unwrap();
    let error = outer.forward_pass(&x, &mut workspace).unwrap_err().to_string();
    assert!(error.contains("`fc1`") && error.contains("weights in bf16 have no gradients"), "{error}");
}
