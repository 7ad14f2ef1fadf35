//! Layers of eight bits, written as ONNX and read again.

use std::any::Any;

use super::graph::{Message, bytes, file, floats, node, with_integer, with_integers};
use super::written::{channels_first, inputs};
use super::written_models::models_of_fewer_bits;
use taper::io::ToOnnx;
use taper::sequential::Branches;
use taper::{Sequential, Tensor};

/// Parameters of layers of eight bits, with the kinds of these layers.
fn eight_bits(model: &Sequential<f32>) -> Vec<(String, Vec<Tensor<f32>>)> {
    fn visit(model: &Sequential<f32>, found: &mut Vec<(String, Vec<Tensor<f32>>)>) {
        for (_, layer) in model.layers() {
            if let Some(branches) = (layer as &dyn Any).downcast_ref::<Branches<f32>>() {
                branches.paths().for_each(|(_, path)| path.into_iter().for_each(|path| visit(path, found)));
            } else if layer.kind().starts_with("quantized") {
                let mut params = Vec::new();
                layer.params(&mut |param| params.push(param.to_tensor()));
                found.push((layer.describe(), params));
            }
        }
    }
    let mut found = Vec::new();
    visit(model, &mut found);
    found
}

/// Layers of eight bits come back as such: the same whole numbers, scales, biases and ranges, and so the same bits of outputs.
#[test]
fn layers_of_eight_bits_come_back() {
    for (name, model) in models_of_fewer_bits().into_iter().filter(|(name, _)| name.contains("int8")) {
        for to_onnx in [ToOnnx::new(), ToOnnx::new().with_channels_first()] {
            let bytes = model.to_onnx_bytes(&to_onnx).unwrap();
            let read = Sequential::from_onnx_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            let (got, expected) = (eight_bits(&read), eight_bits(&model));
            // The rows of a dense layer behind an image with its channels first lie as the image does inside.
            let is_turned = name.starts_with("channels");
            assert!(!expected.is_empty() && got.len() == expected.len(), "{name}\n{}", read.summary());
            assert!(is_turned || got == expected, "{name}\n{}", read.summary());
            let (x, is_first) = (inputs(&model, 7), read.input() != model.input());
            let y = model.predict(&x).unwrap();
            let x = if is_first { channels_first(&x) } else { x };
            let got = read.predict(&x).unwrap();
            let y = if read.output() == model.output() { y } else { channels_first(&y) };
            assert_eq!(got, y, "{name}");
        }
    }
}

/// Rounding as it is written, step by step: one that is another is no layer's, and is told.
#[test]
fn rounding_that_is_no_layers_is_told() {
    let steps = |inverse: f32, ends: [f32; 2], weight: Message| {
        let nodes = [
            node("Mul", &["x", "i"], "a"),
            node("Clip", &["a", "l", "h"], "b"),
            node("Round", &["b"], "c"),
            node("Mul", &["c", "s"], "d"),
            with_integer(node("Cast", &["w"], "f"), "to", 1),
            node("Mul", &["f", "t"], "v"),
            node("MatMul", &["d", "v"], "y"),
        ];
        let one = |name: &str, number: f32| floats(name, &[], &[number]);
        let scales = floats("t", &[2], &[0.5, 0.125]);
        let numbers =
            [one("i", inverse), one("l", ends[0]), one("h", ends[1]), one("s", 0.25), scales, weight];
        Sequential::<f32>::from_onnx_bytes(&file(&[2], &nodes, &numbers))
    };
    let weight = || bytes("w", &[2, 2], 3, &[3, 0x80, 0xff, 127]);
    let model = steps(4.0, [-8.0, 247.0], weight()).unwrap();
    assert_eq!(model.layers().map(|(_, layer)| layer.kind()).collect::<Vec<_>>(), ["quantized_dense"]);
    // 1.1 is 4 steps of a quarter, −5 is below the range and −8 steps, 0.125 is half a step: the even one, none.
    let y = model.predict(&Tensor::from([[1.1, -5.0], [0.125, 100.0]])).unwrap();
    let (first, second) = ([1.0, -2.0], [0.0, 61.75]);
    let sum = |[a, b]: [f32; 2]| [(a * 3.0 - b) * 0.5, (a * -128.0 + b * 127.0) * 0.125];
    assert_eq!(y.as_slice(), [sum(first), sum(second)].concat());
    // Bytes without a sign that are as large as no weight is.
    assert!(steps(4.0, [-8.0, 247.0], bytes("w", &[2, 2], 2, &[3, 127, 0, 1])).is_err());
    let others = [
        steps(4.5, [-8.0, 247.0], weight()),
        steps(4.0, [-8.0, 246.0], weight()),
        steps(4.0, [-8.5, 246.5], weight()),
        steps(4.0, [-8.0, 247.0], floats("w", &[2, 2], &[3.0, -128.0, -1.0, 127.0])),
    ];
    for other in others {
        let error = other.unwrap_err().to_string();
        assert!(error.contains("(Round): no layer is this function"), "{error}");
    }
    let error = Sequential::<f64>::from_onnx_bytes(
        &models_of_fewer_bits()[0].1.to_onnx_bytes(&ToOnnx::new()).unwrap(),
    );
    assert!(error.unwrap_err().to_string().contains("in a model of f32, as their inputs are rounded"));
}

/// What a file multiplies out is a number, unless it rounds the inputs too.
#[test]
fn whole_numbers_that_are_multiplied_out_are_numbers() {
    let nodes = [
        with_integer(node("Cast", &["w"], "f"), "to", 1),
        node("Mul", &["t", "f"], "v"),
        node("MatMul", &["x", "v"], "y"),
    ];
    for (axes, scales) in [(&[2][..], &[0.5, 0.125][..]), (&[2, 1], &[0.5, 0.125]), (&[], &[0.5])] {
        let tensors = [bytes("w", &[2, 2], 3, &[3, 0x80, 0xff, 127]), floats("t", axes, scales)];
        let model = Sequential::<f32>::from_onnx_bytes(&file(&[2], &nodes, &tensors)).unwrap();
        assert_eq!(model.layers().map(|(_, layer)| layer.kind()).collect::<Vec<_>>(), ["dense"]);
        let at =
            |row: usize, column: usize| scales[if axes.len() == 2 { row } else { column } % scales.len()];
        let (a, b) = (1.1, -0.3);
        let sum = |column: usize, up: f32, low: f32| a * up * at(0, column) + b * low * at(1, column);
        let y = model.predict(&Tensor::from([[a, b]])).unwrap();
        let expected = [sum(0, 3.0, -1.0), sum(1, -128.0, 127.0)];
        assert!(
            y.as_slice().iter().zip(expected).all(|(y, expected)| (y - expected).abs() < 1e-4),
            "{axes:?}"
        );
    }
}

/// The least of each sample's numbers, over all places and over one axis.
#[test]
fn the_least_of_places() {
    let x = Tensor::from_fn([2, 3, 2, 2], |place| ((place * 7 % 24) as f32) - 9.0).unwrap();
    let least = with_integers(with_integer(node("ReduceMin", &["x"], "y"), "keepdims", 0), "axes", &[2, 3]);
    let model = Sequential::<f32>::from_onnx_bytes(&file(&[3, 2, 2], &[least], &[])).unwrap();
    let expected: Vec<f32> =
        x.as_slice().chunks(4).map(|places| places.iter().fold(f32::MAX, |a, &b| a.min(b))).collect();
    let got = model.predict(&x).unwrap();
    assert!(got.as_slice().iter().zip(&expected).all(|(got, expected)| (got - expected).abs() < 1e-4));
}

/// Rounding whose steps are those of all numbers along these axes of `[batch, 4, 3]`, and a product behind it.
fn rounded_along(axes: &[i64], least_of: &str, smallest: f32) -> taper::Result<Sequential<f32>> {
    let reduced =
        |operation: &str, of: &str, to: &str| with_integers(node(operation, &[of], to), "axes", axes);
    let nodes = [
        node("Neg", &["x"], "n"),
        reduced("ReduceMin", least_of, "a"),
        node("Min", &["a", "zero"], "least"),
        reduced("ReduceMax", "x", "b"),
        node("Max", &["b", "zero"], "most"),
        node("Div", &["most", "count"], "up"),
        node("Div", &["least", "count"], "down"),
        node("Sub", &["up", "down"], "difference"),
        node("Max", &["difference", "smallest"], "scale"),
        node("Reciprocal", &["scale"], "inverse"),
        node("Mul", &["least", "inverse"], "c"),
        node("Round", &["c"], "lowest"),
        node("Add", &["lowest", "count"], "highest"),
        node("Mul", &["x", "inverse"], "d"),
        node("Min", &["d", "highest"], "e"),
        node("Max", &["e", "lowest"], "f"),
        node("Round", &["f"], "g"),
        node("Mul", &["g", "scale"], "rounded"),
        with_integer(node("Cast", &["w"], "v"), "to", 1),
        node("MatMul", &["rounded", "v"], "y"),
    ];
    let one = |name: &str, number: f32| floats(name, &[], &[number]);
    let weight = bytes("w", &[3, 2], 3, &[1, 2, 3, 4, 5, 0xf0]);
    let constants = [one("zero", 0.0), one("count", 255.0), one("smallest", smallest), weight];
    Sequential::from_onnx_bytes(&file(&[4, 3], &nodes, &constants))
}

/// A layer rounds each row by itself: steps of other numbers, or made in another way, are not its own.
#[test]
fn steps_are_those_of_each_row() {
    let model = rounded_along(&[2], "x", f32::MIN_POSITIVE).unwrap();
    assert_eq!(model.layers().map(|(_, layer)| layer.kind()).collect::<Vec<_>>(), ["quantized_dense"]);
    // Each row has its own 256 steps, of which the ends are exact.
    let x =
        Tensor::from_fn([1, 4, 3], |place| [255.0, 0.0, 100.0][place % 3] * (place / 3 + 1) as f32).unwrap();
    let y = model.predict(&x).unwrap();
    let row = [755.0, -1090.0];
    let expected: Vec<f32> = (1_u8..=4).flat_map(|times| row.map(|sum| sum * f32::from(times))).collect();
    assert_eq!(y.as_slice(), expected);
    for other in [
        rounded_along(&[1, 2], "x", f32::MIN_POSITIVE),
        rounded_along(&[1], "x", f32::MIN_POSITIVE),
        rounded_along(&[2], "n", f32::MIN_POSITIVE),
        rounded_along(&[2], "x", 1e-3),
    ] {
        let error = other.unwrap_err().to_string();
        assert!(error.contains("no layer does this to two values"), "{error}");
    }
}
