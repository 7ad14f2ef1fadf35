//! Operations that few exporters write, by their definitions in ONNX's list of operators, and what is not read of them.

use taper::{Sequential, Tensor};

use super::graph::{
    Message, file, file_of_opset, floats, integers, node, with_float, with_integer, with_integers,
    with_output, with_text,
};

/// What a graph makes of these samples.
fn outputs(bytes: &[u8], samples: [&[f64]; 2], axes: &[usize]) -> Vec<f64> {
    let model = Sequential::<f64>::from_onnx_bytes(bytes).unwrap();
    let shape = taper::Shape::new(&[&[2], axes].concat()).unwrap();
    model.predict(&Tensor::from_vec(shape, samples.concat()).unwrap()).unwrap().into_vec()
}

fn compare(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    let is_near = |(got, expected): (&f64, &f64)| (got - expected).abs() <= 1e-9 * (1.0 + expected.abs());
    assert!(got.iter().zip(expected).all(is_near), "expected {expected:?}, got {got:?}");
}

/// y = (x − mean) / √(variance + ε) over the numbers of a group.
fn normalized(group: &[f64], epsilon: f64) -> Vec<f64> {
    let mean = group.iter().sum::<f64>() / group.len() as f64;
    let variance = group.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / group.len() as f64;
    group.iter().map(|x| (x - mean) / (variance + epsilon).sqrt()).collect()
}

/// Before opset 21 scale and bias are those of groups, from then on those of channels.
#[test]
fn group_normalization() {
    // Four channels of two numbers, two groups.
    let samples: [&[f64]; 2] =
        [&[1.0, 2.0, 4.0, 0.0, -1.0, 3.0, 2.0, 2.0], &[0.0, 1.0, 5.0, 2.0, 7.0, -3.0, 1.0, 0.5]];
    for (opset, scale, bias) in [
        (18, &[2.0, -1.0][..], &[0.5, 1.0][..]),
        (21, &[2.0, 3.0, -1.0, 0.25][..], &[0.5, 0.0, 1.0, -2.0][..]),
    ] {
        let group = node("GroupNormalization", &["x", "scale", "bias"], "y");
        let group = with_float(with_integer(group, "num_groups", 2), "epsilon", 0.125);
        let len = [i64::try_from(scale.len()).unwrap()];
        let constants = [floats("scale", &len, scale), floats("bias", &len, bias)];
        let got = outputs(&file_of_opset(opset, &[4, 2], &[group], &constants), samples, &[4, 2]);
        let mut expected = Vec::new();
        for group in samples.concat().chunks(4) {
            expected.extend(normalized(group, 0.125));
        }
        for (place, y) in expected.iter_mut().enumerate() {
            let at = place / 2 % 4 * scale.len() / 4;
            *y = *y * f64::from(scale[at]) + f64::from(bias[at]);
        }
        compare(&got, &expected);
    }
}

#[test]
fn rms_normalization() {
    let samples: [&[f64]; 2] = [&[1.0, -2.0, 4.0], &[0.5, 0.25, -3.0]];
    let scale = [2.0_f32, -1.0, 0.5];
    let rms = with_float(node("RMSNormalization", &["x", "scale"], "y"), "epsilon", 0.5);
    let got = outputs(&file_of_opset(23, &[3], &[rms], &[floats("scale", &[3], &scale)]), samples, &[3]);
    let of = |sample: &&[f64]| {
        let rms = (sample.iter().map(|x| x * x).sum::<f64>() / 3.0 + 0.5).sqrt();
        sample.iter().zip(scale).map(|(x, scale)| x / rms * f64::from(scale)).collect::<Vec<_>>()
    };
    compare(&got, &samples.iter().flat_map(of).collect::<Vec<_>>());
}

/// Halves of which one is the gate of the other (PyTorch's `GLU`), the sizes told in three ways.
#[test]
fn split() {
    let samples: [&[f64]; 2] = [&[1.0, 2.0, 3.0, -4.0], &[-5.0, 6.0, 0.0, 8.0]];
    let split = |inputs: &[&str]| with_integer(with_output(node("Split", inputs, "a"), "b"), "axis", -1);
    for (opset, split) in [
        (17, split(&["x", "sizes"])),
        (17, split(&["x"])),
        (11, with_integers(split(&["x"]), "split", &[2, 2])),
        (18, with_integer(split(&["x"]), "num_outputs", 2)),
    ] {
        let nodes = [split, node("Sigmoid", &["b"], "gate"), node("Mul", &["a", "gate"], "y")];
        let bytes = file_of_opset(opset, &[4], &nodes, &[integers("sizes", &[2, 2])]);
        let gated = |sample: &&[f64]| [0, 1].map(|place| sample[place] / (1.0 + (-sample[place + 2]).exp()));
        compare(&outputs(&bytes, samples, &[4]), &samples.iter().flat_map(gated).collect::<Vec<_>>());
    }
}

/// What is in inference, in this shape or in this type already, is the input itself.
#[test]
fn nothing_to_do() {
    let samples: [&[f64]; 2] = [&[1.0, -2.0], &[3.0, 0.0]];
    let constants = [integers("shape", &[1, 2]), floats("ratio", &[], &[0.5]), floats("like", &[1], &[0.0])];
    for operation in [
        node("Dropout", &["x", "ratio"], "z"),
        node("Expand", &["x", "shape"], "z"),
        node("CastLike", &["x", "like"], "z"),
        with_integers(node("Pad", &["x"], "z"), "pads", &[0, 0, 0, 0]),
        with_integers(with_integers(node("Slice", &["x"], "z"), "starts", &[0]), "ends", &[i64::MAX]),
    ] {
        let nodes = [operation, node("Neg", &["z"], "y")];
        assert_eq!(outputs(&file(&[2], &nodes, &constants), samples, &[2]), [-1.0, 2.0, -3.0, 0.0]);
    }
}

/// What would be another network is an error that says what is not read.
#[test]
fn refused() {
    let pad = |pads: &[i64]| with_integers(node("Pad", &["x"], "y"), "pads", pads);
    let slice = |starts: &[i64], ends: &[i64]| {
        with_integers(with_integers(node("Slice", &["x"], "y"), "starts", starts), "ends", ends)
    };
    let cases: [(Message, &str); 14] = [
        (node("Dropout", &["x", "ratio", "yes"], "y"), "one of inference, got one that trains"),
        (node("Expand", &["x", "larger"], "y"), "the axes of the input, [batch, 4, 6], got [1, 4, 12]"),
        (node("CastLike", &["x", "larger"], "y"), "fractions, got I64"),
        (with_integer(node("Cast", &["x"], "y"), "to", 7), "fractions, got I64"),
        (with_integer(node("Cast", &["x"], "y"), "to", 8), "fractions, got texts"),
        (with_integer(node("Cast", &["x"], "y"), "to", 14), "fractions, got complex numbers"),
        (with_text(pad(&[0, 1, 0, 0, 1, 0]), "mode", "reflect"), "`mode`, constant, got reflect"),
        (with_float(pad(&[0, 1, 0, 0, 1, 0]), "value", 1.0), "zeros around an image, got 1"),
        (pad(&[0, 1, 0, 1]), "`pads`, 6 numbers, got 4"),
        (pad(&[1, 0, 0, 0, 0, 0]), "zeros around each sample, got more samples"),
        (with_integers(slice(&[0], &[4]), "axes", &[0]), "a part of each sample, got a part of the samples"),
        (slice(&[0, 1, 1], &[i64::MAX, 3, 3]), "a part of one axis, got one of several"),
        (with_integers(node("Squeeze", &["x"], "y"), "axes", &[1]), "axes of length 1, got axis 1"),
        (
            with_integers(with_integer(node("Split", &["x"], "y"), "axis", 1), "split", &[3]),
            "1 parts of 4 together, got [3]",
        ),
    ];
    let constants =
        [floats("ratio", &[], &[0.5]), floats("yes", &[], &[1.0]), integers("larger", &[1, 4, 12])];
    for (operation, expected) in cases {
        let error = Sequential::<f64>::from_onnx_bytes(&file_of_opset(11, &[4, 6], &[operation], &constants));
        let text = error.unwrap_err().to_string();
        assert!(text.contains(expected), "expected {expected}, got {text}");
    }
}
