//! Whole models.

use taper::layers::{Normalization, Window};
use taper::sequential::{Join, Quantization};
use taper::{Mode, Sequential, Tensor, seeded};

pub(crate) fn number(i: usize) -> f32 {
    ((i * 37 + 11) % 101) as f32 / 50.0 - 0.997
}

/// Layers of all kinds, in models of all kinds.
pub(crate) fn network() -> Sequential<f32> {
    let same = Window::new(3).with_padding(1);
    let head = Sequential::builder([24]).dense(16).named("fc1").relu().dense(12).named("fc2");
    Sequential::builder([8, 8, 4])
        .conv2d(6, same)
        .named("stem")
        .batch_norm()
        .named("norm")
        .relu()
        .residual(|block| {
            block.conv2d(6, same).named("conv1").batch_norm().relu().conv2d(6, same).named("conv2")
        })
        .named("block1")
        .branches(Join::Concat, |paths| {
            paths.path(|path| path.conv2d(2, 1).named("squeeze")).named("one").input()
        })
        .named("fire")
        .global_avg_pool2d()
        .dropout(0.5)
        .dense(24)
        .named("wide")
        .relu()
        .layer(head.build(&mut seeded(8)).unwrap())
        .named("head")
        .dense(5)
        .named("logits")
        .build(&mut seeded(7))
        .unwrap()
}

/// The largest difference, as a share of the range of what is expected.
pub(crate) fn off(got: &Tensor<f32>, expected: &Tensor<f32>) -> f32 {
    let range = |values: &[f32]| {
        let [least, largest] =
            values.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[a, b], &v| [a.min(v), b.max(v)]);
        largest - least
    };
    let pairs = got.as_slice().iter().zip(expected.as_slice());
    pairs.map(|(got, expected)| (got - expected).abs()).fold(0.0, f32::max) / range(expected.as_slice())
}

#[test]
fn every_dense_layer_and_convolution_has_eight_bits() {
    let model = network();
    let small = model.quantized(&Quantization::int8()).unwrap();
    let text = small.summary().to_string();
    assert_eq!(text.matches("quantized_dense").count(), 4, "{text}");
    assert_eq!(text.matches("quantized_conv2d").count(), 4, "{text}");
    assert!(!text.contains("batch_norm") && !text.contains("dropout"), "{text}");
    let x = Tensor::from_fn([9, 8, 8, 4], number).unwrap();
    let share = off(&small.predict(&x).unwrap(), &model.predict(&x).unwrap());
    assert!(share < 0.03, "{share}");
    assert_eq!(small.param("block1.conv1.weight").unwrap().number_type(), "i8");
    assert_eq!(small.param("head.fc2.weight_scale").unwrap().shape().axes(), [12, 1]);
    assert_eq!(small.param("fire.one.squeeze.bias").unwrap().number_type(), "f32");
}

#[test]
fn layers_are_left_out_by_name() {
    let model = network();
    let x = Tensor::from_fn([9, 8, 8, 4], number).unwrap();
    for (names, count) in [
        (&["logits"][..], 7),
        (&["head"], 6),
        (&["block1.conv2"], 7),
        (&["block1"], 6),
        (&["fire.one.squeeze", "stem"], 6),
        (&["fire.one", "wide"], 6),
    ] {
        let quantization = names.iter().fold(Quantization::int8(), |all, name| all.without(name));
        let small = model.quantized(&quantization).unwrap();
        assert_eq!(small.summary().to_string().matches("quantized").count(), count, "{names:?}");
        small.predict(&x).unwrap();
    }
}

#[test]
fn ranges_of_a_calibration_are_nearly_as_good() {
    let model = network();
    let inputs = Tensor::from_fn([70, 8, 8, 4], number).unwrap();
    let small = model.quantized(&Quantization::int8().calibrated(&inputs)).unwrap();
    let share = off(&small.predict(&inputs).unwrap(), &model.predict(&inputs).unwrap());
    assert!(share < 0.03, "{share}");
    assert_eq!(small.param("wide.input_scale").unwrap().shape().axes(), [1]);
    // What is outside of the range becomes its end.
    let far = Tensor::full([1, 8, 8, 4], 1e6).unwrap();
    let y = small.predict(&far).unwrap();
    assert!(y.as_slice().iter().all(|y| y.abs() < 100.0), "{y:?}");
}

#[test]
fn a_model_of_eight_bits_does_what_models_do() {
    let mut model = network();
    model.set_classes(["a", "b", "c", "d", "e"]).unwrap();
    let small = model.quantized(&Quantization::int8()).unwrap();
    assert_eq!(small.classes().map(<[String]>::len), Some(5));
    assert_eq!(format!("{:?}", small.clone()), format!("{small:?}"));
    let x = Tensor::from_fn([3, 8, 8, 4], number).unwrap();
    let (body, head) = small.split_at("wide").unwrap();
    assert_eq!(head.predict(&body.predict(&x).unwrap()).unwrap(), small.predict(&x).unwrap());
    let mut other = small.clone();
    other.set_state(&small.state()).unwrap();
    assert_eq!(other.predict(&x).unwrap(), small.predict(&x).unwrap());
    let mut workspace = small.workspace(Mode::Infer, 3).unwrap();
    assert_eq!(small.infer(&x, &mut workspace).unwrap(), small.predict(&x).unwrap().view());
    // A model that is quantized already, and nothing else, has nothing to quantize.
    let error = small.quantized(&Quantization::int8()).unwrap_err().to_string();
    assert!(error.contains("expected a model with a dense layer or a convolution in f32"), "{error}");
}

/// One feature a thousand times larger than the others takes all the steps, and the others become 0. A normalisation in front gives
/// all of them the same size.
#[test]
fn a_feature_a_thousand_times_larger_drowns_the_others_until_it_is_scaled() {
    let x = Tensor::from_fn([50, 20], |i| if i % 20 == 3 { 1000.0 * number(i) } else { number(i) }).unwrap();
    let model = Sequential::<f32>::builder([20]).dense(64).relu().dense(4).build(&mut seeded(3)).unwrap();
    let head = model.clone();
    // The weight of the large feature is as much smaller, as it would be learned.
    let mut plain = model;
    let mut weight = plain.param("0.weight").unwrap().to_tensor();
    weight.as_mut_slice()[3 * 64..4 * 64].iter_mut().for_each(|weight| *weight /= 1000.0);
    plain.param_mut("0.weight").unwrap().set(&weight).unwrap();
    // The same function, with the features brought to one size first.
    let mut variance = [1.0; 20];
    variance[3] = 1e6;
    let scaled =
        Sequential::builder([20]).layer(Normalization::new(&[0.0; 20], &variance).unwrap()).layer(head);
    let scaled = scaled.build(&mut seeded(0)).unwrap();
    assert!(off(&scaled.predict(&x).unwrap(), &plain.predict(&x).unwrap()) < 1e-4);

    let lost = |model: &Sequential<f32>, quantization: &Quantization| {
        off(&model.quantized(quantization).unwrap().predict(&x).unwrap(), &model.predict(&x).unwrap())
    };
    let shares = [
        lost(&plain, &Quantization::int8()),
        lost(&plain, &Quantization::int8().without("0")),
        lost(&scaled, &Quantization::int8()),
    ];
    println!("lost {shares:?}");
    assert!(shares[0] > 0.2 && shares[1] < 0.02 && shares[2] < 0.02, "{shares:?}");
}
