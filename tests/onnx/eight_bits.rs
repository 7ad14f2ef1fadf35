//! Networks in whole numbers of few bits, against ONNX Runtime and the networks before.

use super::graph::{LONG, Message, bytes, file, file_of_opset, floats, node, with_integer, with_output};
use super::{fixture, off, values};
use taper::io::{Save, TensorFile};
use taper::{Sequential, Tensor};

const I8: i64 = 3;
const U8: i64 = 2;

fn read(name: &str) -> Sequential<f32> {
    Sequential::from_onnx(fixture(&format!("{name}.onnx"))).unwrap_or_else(|error| panic!("{error}"))
}

/// The output of the network in floats.
fn before(name: &str) -> Tensor<f32> {
    TensorFile::open(fixture(&format!("{name}.safetensors"))).unwrap().tensor("float").unwrap()
}

/// How many layers of a summary are of a kind.
fn count(model: &Sequential<f32>, kind: &str) -> usize {
    model.summary().to_string().matches(kind).count()
}

/// Of each: how far it may be from the runtime's and from the network in floats, as a share of the largest output, and the layers of
/// eight bits. The runtime rounds each value between layers to 256 steps, and here it is rounded where a weighted sum takes it.
#[test]
fn what_a_runtime_quantised_has_layers_of_eight_bits() {
    for (name, of_runtime, of_floats, dense, convolutions) in [
        ("mlp_static", 0.01, 0.01, 3, 0),
        ("mlp_dynamic", 1e-4, 0.01, 3, 0),
        ("lenet_static", 0.02, 0.02, 2, 2),
        ("lenet_dynamic", 1e-4, 0.02, 2, 2),
        ("resnet_static", 0.02, 0.02, 1, 6),
        ("mobilenet_static", 0.02, 0.02, 1, 5),
        ("squeezenet_static", 0.02, 0.02, 0, 8),
    ] {
        let model = read(name);
        let (x, y) = values(name);
        let [own, floats] = [off(&model, &x, &y), off(&model, &x, &before(name))];
        println!("{name}: {own} from the runtime, {floats} from floats");
        let summary = model.summary().to_string();
        assert!(own <= of_runtime && floats <= of_floats, "{name}: {own}, {floats}\n{summary}");
        let of = [count(&model, "quantized_dense "), count(&model, "quantized_conv2d ")];
        assert_eq!(of, [dense, convolutions], "{name}\n{summary}");
        // A sample by itself is what it is in a batch, and a file keeps the bits.
        let again = Sequential::<f32>::open_bytes(&model.to_bytes(&Save::new()).unwrap()).unwrap();
        assert_eq!(again.predict(&x).unwrap(), model.predict(&x).unwrap(), "{name}");
    }
    assert!(read("mlp_dynamic").layers().any(|(name, _)| name == "1" || name == "4"));
}

/// In double precision they are numbers, and nothing is rounded.
#[test]
fn in_double_precision_whole_numbers_are_what_they_stand_for() {
    for (name, most) in [("weights", 1e-6), ("mlp_dynamic", 0.02), ("lenet_static", 0.03)] {
        let model = Sequential::<f64>::from_onnx(fixture(&format!("{name}.onnx"))).unwrap();
        let file = TensorFile::open(fixture(&format!("{name}.safetensors"))).unwrap();
        let (x, y) = (file.tensor::<f64>("x").unwrap(), file.tensor::<f64>("y").unwrap());
        let got = model.predict(&x).unwrap();
        let largest = y.as_slice().iter().fold(0.0_f64, |largest, y| largest.max(y.abs()));
        let off = got.as_slice().iter().zip(y.as_slice()).map(|(got, y)| (got - y).abs()).fold(0.0, f64::max);
        assert!(off <= most * largest, "{name}: {off} of {largest}");
    }
}

/// Weights alone: of eight bits with a zero point and of four bits they fit a layer, runs with scales of their own do not.
#[test]
fn weights_alone() {
    let model = read("weights");
    let summary = model.summary().to_string();
    assert_eq!(count(&model, "quantized_dense "), 3, "{summary}");
    let of = |name: &str| model.layers().find(|layer| layer.0 == name).unwrap().1.kind();
    assert_eq!(["fc1", "fc2", "fc3"].map(of), ["quantized_dense", "dense", "quantized_dense"], "{summary}");
    let (x, y) = values("weights");
    let off = off(&model, &x, &y);
    assert!(off < 0.02, "{off}");
}

fn with_scale(name: &str, scale: f32) -> Message {
    floats(name, &[], &[scale])
}

#[test]
fn a_pair_keeps_values_in_its_range() {
    let nodes =
        [node("QuantizeLinear", &["x", "s", "z"], "q"), node("DequantizeLinear", &["q", "s", "z"], "y")];
    let range = |element: i64, zero: &[u8]| {
        let file = file(&[3], &nodes, &[with_scale("s", 0.5), bytes("z", &[], element, zero)]);
        let model = Sequential::<f32>::from_onnx_bytes(&file).unwrap();
        model.predict(&Tensor::from([[-1000.0, 3.0, 1000.0]])).unwrap().as_slice().to_vec()
    };
    assert_eq!(range(U8, &[0]), [0.0, 3.0, 127.5]);
    assert_eq!(range(U8, &[28]), [-14.0, 3.0, 113.5]);
    assert_eq!(range(I8, &[0]), [-64.0, 3.0, 63.5]);
    // Of sixteen bits.
    assert_eq!(range(5, &[0, 0]), [-1000.0, 3.0, 1000.0]);
}

/// (64·3 − 127·4)/64 and so on: products of whole numbers, in steps that the file has.
#[test]
fn sums_are_of_the_steps_of_the_file() {
    let nodes = [
        node("QuantizeLinear", &["x", "s", "z"], "q"),
        node("DequantizeLinear", &["q", "s", "z"], "d"),
        with_integer(node("DequantizeLinear", &["w", "t"], "v"), "axis", 1),
        node("MatMul", &["d", "v"], "y"),
    ];
    let tensors = [
        with_scale("s", 0.25),
        bytes("z", &[], U8, &[8]),
        bytes("w", &[2, 2], I8, &[3, 0x80, 0xff, 127]),
        floats("t", &[2], &[0.5, 0.125]),
    ];
    let model = Sequential::<f32>::from_onnx_bytes(&file(&[2], &nodes, &tensors)).unwrap();
    assert_eq!(model.layers().count(), 1, "{}", model.summary());
    // 1.1 is 4 steps of a quarter, −5 is below the range and −8 steps, 0.125 is half a step: the even one, none.
    let y = model.predict(&Tensor::from([[1.1, -5.0], [0.125, 100.0]])).unwrap();
    let (first, second) = ([1.0, -2.0], [0.0, 61.75]);
    let sum = |[a, b]: [f32; 2]| [(a * 3.0 - b) * 0.5, (a * -128.0 + b * 127.0) * 0.125];
    assert_eq!(y.as_slice(), [sum(first), sum(second)].concat());
}

/// A value that goes apart behind the pair: one path sums it, the other one adds it.
#[test]
fn paths_behind_a_pair() {
    let nodes = [
        node("QuantizeLinear", &["x", "s", "z"], "q"),
        node("DequantizeLinear", &["q", "s", "z"], "d"),
        node("DequantizeLinear", &["w", "t"], "v"),
        node("MatMul", &["d", "v"], "m"),
        node("Add", &["m", "d"], "y"),
    ];
    let tensors = [
        with_scale("s", 0.5),
        bytes("z", &[], U8, &[0]),
        bytes("w", &[2, 2], I8, &[2, 0, 0, 2]),
        with_scale("t", 0.5),
    ];
    let model = Sequential::<f32>::from_onnx_bytes(&file(&[2], &nodes, &tensors)).unwrap();
    // 300 is above the range, which ends at 127.5.
    let y = model.predict(&Tensor::from([[2.0, 300.0], [-1.0, 0.5]])).unwrap();
    assert_eq!(y.as_slice(), [4.0, 255.0, 0.0, 1.0], "{}", model.summary());
}

/// With a scale for each output exporters tell a zero point for each, all of them 0.
#[test]
fn a_zero_point_for_each_output() {
    let read = |zeros: &[Message], inputs: &[&str]| {
        let quantize = with_output(with_output(node("DynamicQuantizeLinear", &["x"], "q"), "f"), "z");
        let nodes = [
            quantize,
            node("MatMulInteger", inputs, "m"),
            with_integer(node("Cast", &["m"], "c"), "to", 1),
            node("Mul", &["f", "t"], "g"),
            node("Mul", &["c", "g"], "y"),
        ];
        let mut tensors =
            vec![bytes("w", &[3, 2], I8, &[1, 2, 3, 4, 5, 6]), floats("t", &[2], &[0.5, 0.125])];
        tensors.extend_from_slice(zeros);
        let model = Sequential::<f32>::from_onnx_bytes(&file_of_opset(21, &[3], &nodes, &tensors)).unwrap();
        model.predict(&Tensor::from([[1.0, -2.0, 0.5], [0.0, 3.0, 7.0]])).unwrap()
    };
    let expected = read(&[], &["q", "w", "z"]);
    assert_eq!(read(&[bytes("o", &[2], I8, &[0, 0])], &["q", "w", "z", "o"]), expected);
    // 1·(1, 2) − 2·(3, 4) + 0.5·(5, 6), times (0.5, 0.125).
    assert!((expected.as_slice()[0] - -1.25).abs() < 0.03 && (expected.as_slice()[1] - -0.375).abs() < 0.03);
}

/// Zero points that differ, and none.
#[test]
fn zero_points_that_are_no_zero_point() {
    for zeros in [floats("o", &[3], &[0.0, 0.0, 1.0]), floats("o", &[0], &[])] {
        let quantize = with_output(with_output(node("DynamicQuantizeLinear", &["x"], "q"), "f"), "z");
        let nodes = [quantize, node("MatMulInteger", &["q", "w", "z", "o"], "y")];
        let tensors = [bytes("w", &[3, 2], I8, &[1, 2, 3, 4, 5, 6]), zeros];
        let error =
            Sequential::<f32>::from_onnx_bytes(&file_of_opset(21, &[3], &nodes, &tensors)).unwrap_err();
        assert!(error.to_string().contains("one zero point of the weight"), "{error}");
    }
}

/// The axes of a sample, operations and tensors, and what the error has in it.
type Case<'c> = (&'c [i64], Vec<Message>, Vec<Message>, &'c str);

#[test]
fn what_is_no_layer_is_told() {
    let scale = || with_scale("s", 0.5);
    let weight = || bytes("w", &[3, 2], I8, &[1, 2, 3, 4, 5, 6]);
    let dynamic = || {
        let quantize = node("DynamicQuantizeLinear", &["x"], "q");
        with_output(with_output(quantize, "f"), "z")
    };
    let cases: &[Case] = &[
        (
            &[3],
            vec![node("QuantizeLinear", &["x", "s"], "y")],
            vec![scale()],
            "expected a `DequantizeLinear` behind it",
        ),
        (
            &[3],
            vec![node("QuantizeLinear", &["x", "s"], "q"), node("DequantizeLinear", &["q", "t"], "y")],
            vec![scale(), with_scale("t", 0.25)],
            "expected the scale and the zero point of the `QuantizeLinear` before, 0.5 and 0, got 0.25 and 0",
        ),
        (
            &[3],
            vec![node("DequantizeLinear", &["x", "s"], "y")],
            vec![scale()],
            "what a `QuantizeLinear` made",
        ),
        (
            &[3],
            vec![node("QuantizeLinear", &["x", "s"], "q"), node("DequantizeLinear", &["q", "s"], "y")],
            vec![floats("s", &[3], &[1.0, 2.0, 3.0])],
            "one scale for the whole value",
        ),
        (
            &[3],
            vec![node("QuantizeLinear", &["x", "s"], "q"), node("DequantizeLinear", &["q", "s"], "y")],
            vec![with_scale("s", 0.0)],
            "a scale above 0",
        ),
        (&[3], vec![node("QLinearMatMul", &["x", "s"], "y")], vec![scale()], "QDQ format"),
        (
            &[3],
            vec![node("MatMulInteger", &["x", "w"], "y")],
            vec![weight()],
            "what a `DynamicQuantizeLinear` made",
        ),
        // Sums without their scale, and with half of it.
        (
            &[3],
            vec![dynamic(), node("MatMulInteger", &["q", "w", "z"], "y")],
            vec![weight()],
            "and their scale, behind it",
        ),
        (&[3], vec![dynamic(), node("Relu", &["q"], "y")], vec![], "and their scale, behind it"),
        (
            &[4, 3],
            vec![dynamic(), node("MatMulInteger", &["q", "w", "z"], "y")],
            vec![weight()],
            "expected rows of features",
        ),
        (
            &[3],
            vec![
                dynamic(),
                node("MatMulInteger", &["q", "w", "z"], "m"),
                node("Mul", &["f", "t"], "g"),
                node("Mul", &["m", "g"], "y"),
            ],
            vec![weight(), floats("t", &[3], &[1.0, 2.0, 3.0])],
            "a scale of the weight, or one for each output",
        ),
        // No element, of axes that are as long as a file says.
        (
            &[3],
            vec![
                with_integer(node("DequantizeLinear", &["e", "t"], "v"), "axis", 0),
                node("Add", &["x", "v"], "y"),
            ],
            vec![floats("e", &[0, LONG, LONG], &[]), floats("t", &[0], &[])],
            "operation `y` (Add)",
        ),
        // A scale for each of two, where there are three.
        (
            &[3],
            vec![
                with_integer(node("DequantizeLinear", &["w", "s"], "v"), "axis", 0),
                node("MatMul", &["x", "v"], "y"),
            ],
            vec![weight(), floats("s", &[2], &[1.0, 2.0])],
            "one for each index of axis 0",
        ),
    ];
    for (axes, nodes, tensors, text) in cases {
        let error = Sequential::<f32>::from_onnx_bytes(&file_of_opset(21, axes, nodes, tensors))
            .unwrap_err()
            .to_string();
        assert!(error.contains(text), "{text}: {error}");
    }
}
