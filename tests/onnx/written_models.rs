//! Models of several layers, and layers of one's own, written as ONNX.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use super::written::inputs;
use super::{fixture, off, values};
use taper::io::ToOnnx;
use taper::layers::{Backward, Forward, GradientSink, OnnxGraph, OnnxValue, Window};
use taper::sequential::{Builder, Join, Quantization};
use taper::{Error, Layer, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, seeded};

/// What a layer of one's own says of its operations.
#[derive(Debug, Clone, Copy)]
enum Says {
    Nothing,
    Relu,
    AnotherShape,
    AnotherGraph(OnnxValue),
    ValueOfAnotherGraph(OnnxValue),
    /// Keeps the value that it got.
    WhatItGot(&'static Mutex<Option<OnnxValue>>),
}

/// A rectifier.
#[derive(Debug, Clone)]
struct Own(Says);

impl Layer<f32> for Own {
    fn kind(&self) -> &'static str {
        "own"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        x: TensorView<'_, f32>,
        mut y: TensorViewMut<'_, f32>,
        _: &mut Forward<'_, f32>,
    ) -> Result<()> {
        y.as_mut_slice().iter_mut().zip(x.as_slice()).for_each(|(y, x)| *y = x.max(0.0));
        Ok(())
    }

    fn backward(&mut self, _: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
        Ok(())
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, f32>) -> Result<OnnxValue> {
        match self.0 {
            Says::Nothing => Err(Error::Empty { what: "operations" }),
            Says::Relu => {
                let zero = graph.constant("zero", Tensor::from([0.0]));
                Ok(graph.node("Max", &[x, zero], &[], x.shape()))
            }
            Says::AnotherShape => Ok(graph.node("Relu", &[x], &[], [1])),
            Says::AnotherGraph(value) => Ok(graph.node("Relu", &[value], &[], x.shape())),
            Says::ValueOfAnotherGraph(value) => Ok(value),
            Says::WhatItGot(got) => Ok(*got.lock().unwrap().insert(x)),
        }
    }
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("taper-onnx-{name}-{}.onnx", std::process::id()))
}

fn again(model: &Sequential<f32>) -> Sequential<f32> {
    Sequential::from_onnx_bytes(&model.to_onnx_bytes(&ToOnnx::new()).unwrap()).unwrap()
}

fn image() -> Builder<f32> {
    Sequential::builder([6, 5, 3])
}

/// Models of several layers, with names and without.
pub(crate) fn models() -> Vec<(&'static str, Sequential<f32>)> {
    let same = || Window::new(3).with_padding(1);
    let rng = &mut seeded(7);
    let nets: Vec<(&str, Builder<f32>)> = vec![
        (
            "mlp",
            Sequential::builder([4])
                .dense(8)
                .named("fc1")
                .gelu()
                .dropout(0.5)
                .dense(3)
                .named("fc2")
                .softmax(),
        ),
        (
            "lenet",
            image()
                .conv2d(4, same())
                .relu()
                .max_pool2d(2)
                .conv2d(5, 2)
                .batch_norm()
                .silu()
                .flatten()
                .dense(3),
        ),
        (
            "residual",
            image()
                .conv2d(4, same())
                .named("stem")
                .relu()
                .residual(|block| {
                    block.conv2d(4, same()).named("conv1").batch_norm().relu().conv2d(4, same())
                })
                .named("block1")
                .relu()
                .branches(Join::Concat, |paths| {
                    paths
                        .path(|path| path.conv2d(2, 1))
                        .named("one")
                        .path(|path| path.conv2d(3, same()))
                        .input()
                })
                .global_avg_pool2d()
                .dense(2),
        ),
        (
            "channels",
            image().channels_first().relu().channels_last().conv2d(2, 2).channels_first().flatten().dense(2),
        ),
        ("rows", Sequential::builder([5, 4]).dense(6).layer_norm().gelu().dense(2)),
        (
            "sequence",
            Sequential::builder([9, 3]).conv1d(4, 3).relu().max_pool1d(2).flatten().dense(2).log_softmax(),
        ),
        ("words", Sequential::builder([5]).embedding(11, 4).conv1d(3, 2).relu().flatten().dense(2)),
    ];
    nets.into_iter().map(|(name, net)| (name, net.build(rng).unwrap())).collect()
}

/// The same in fewer bits.
pub(crate) fn models_of_fewer_bits() -> Vec<(String, Sequential<f32>)> {
    let mut fewer = Vec::new();
    for (name, model) in models() {
        let x = inputs(&model, 16);
        let kinds = [
            ("int8", Quantization::int8()),
            ("int8 calibrated", Quantization::int8().calibrated(&x)),
            ("bf16", Quantization::bf16()),
        ];
        for (kind, quantization) in kinds {
            fewer.push((format!("{name} {kind}"), model.quantized(&quantization).unwrap()));
        }
    }
    fewer
}

#[test]
fn models_come_back() {
    for (name, model) in models() {
        let x = inputs(&model, 7);
        let (got, expected) = (again(&model).predict(&x).unwrap(), model.predict(&x).unwrap());
        if name == "channels" {
            // The rows of a dense layer behind an image with its channels first lie as the image does inside, and so do its sums.
            assert!(off(&again(&model), &x, &expected) < 1e-6);
        } else {
            assert_eq!(got, expected, "{name}");
        }
    }
}

#[test]
fn names_and_parameters_are_kept() {
    let models = models();
    let mlp = again(&models[0].1);
    assert_eq!(mlp.layers().map(|(name, _)| name).next(), Some("fc1"));
    for name in ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"] {
        let (got, expected) = (mlp.param(name).unwrap(), models[0].1.param(name).unwrap());
        assert_eq!(got.to_tensor(), expected.to_tensor());
    }
    let bytes = models[2].1.to_onnx_bytes(&ToOnnx::new()).unwrap();
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for name in [
        "stem.weight",
        "block1.conv1.weight",
        "block1.conv1/Conv",
        "input",
        "output",
        "batch",
        "4.one.0.bias",
    ] {
        assert!(has(name), "{name}");
    }
}

/// Whatever a name is, values keep apart.
#[test]
fn names_of_all_kinds() {
    let long = "x".repeat(10_000);
    let names = ["input", "output", "größe 猫", "a/b", "line\nend", &long, "\u{0}", "Gemm", "fc/Gemm"];
    let mut builder = Sequential::<f32>::builder([3]);
    for name in names {
        builder = builder.dense(3).named(name).tanh();
    }
    let mut model = builder.build(&mut seeded(1)).unwrap();
    let classes = ["a \"b\" \\", "größe 猫", "line\nend\u{7f}"];
    model.set_classes(classes).unwrap();
    let (read, x) = (again(&model), inputs(&model, 4));
    assert_eq!(read.predict(&x).unwrap(), model.predict(&x).unwrap());
    assert_eq!(read.classes().unwrap(), classes);
    assert_eq!(
        read.param("größe 猫.weight").unwrap().to_tensor(),
        model.param("größe 猫.weight").unwrap().to_tensor()
    );
    // Parameters of one name, in a model that has no other way to tell them apart.
    let inner = Sequential::<f32>::builder([3]).dense(3).build(&mut seeded(2)).unwrap();
    let model = Sequential::builder([3]).layer(inner.clone()).layer(inner).build(&mut seeded(3)).unwrap();
    assert_eq!(again(&model).predict(&x).unwrap(), model.predict(&x).unwrap());
}

#[test]
fn layers_of_ones_own() {
    let model = |says| {
        let net = Sequential::<f32>::builder([6, 5, 3]).conv2d(2, 3).layer(Own(says)).named("mine");
        net.conv2d(2, 1).build(&mut seeded(7)).unwrap()
    };
    let right = model(Says::Relu);
    let x = inputs(&right, 2);
    assert_eq!(again(&right).predict(&x).unwrap(), right.predict(&x).unwrap());

    let net = Sequential::<f32>::builder([3])
        .layer(Own(Says::Nothing))
        .named("first")
        .residual(|block| block.dense(3).layer(Own(Says::Nothing)).named("inner"));
    let net = net.named("block").layer(Own(Says::AnotherShape)).build(&mut seeded(7)).unwrap();
    let path = path("own");
    fs::write(&path, "before").unwrap();
    let error = net.to_onnx(&path).unwrap_err();
    let Error::NotWritten { problems, .. } = &error else { panic!("{error}") };
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(
        problems[0].starts_with("layer `first` (own): ") && problems[0].contains("operations"),
        "{}",
        problems[0]
    );
    assert!(problems[1].starts_with("layer `block.inner` (own): "), "{}", problems[1]);
    assert!(problems[2].contains("expected a value of the shape of its output, [batch, 3], got [batch, 1]"));
    assert!(error.to_string().contains("is not written: layer `first`"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    fs::remove_file(&path).unwrap();
    assert!(net.to_onnx(&path).is_err() && !path.exists());
}

/// A layer that says nothing of its operations has the default.
#[test]
fn without_a_word() {
    #[derive(Debug, Clone)]
    struct Silent;
    impl Layer<f32> for Silent {
        fn kind(&self) -> &'static str {
            "silent"
        }
        fn output_shape(&self, input: &Shape) -> Result<Shape> {
            Ok(*input)
        }
        fn forward(
            &self,
            _: TensorView<'_, f32>,
            _: TensorViewMut<'_, f32>,
            _: &mut Forward<'_, f32>,
        ) -> Result<()> {
            Ok(())
        }
        fn backward(&mut self, _: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
            Ok(())
        }
    }
    let model = Sequential::builder([3]).layer(Silent).build(&mut seeded(0)).unwrap();
    let error = model.to_onnx_bytes(&ToOnnx::new()).unwrap_err().to_string();
    let expected = "layer `0` (silent): layer: expected one of which it is known how operations of ONNX do it, got silent";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn values_of_another_graph() {
    // A value that a larger graph has.
    static GOT: Mutex<Option<OnnxValue>> = Mutex::new(None);
    let large = Sequential::builder([3])
        .gelu()
        .gelu()
        .layer(Own(Says::WhatItGot(&GOT)))
        .build(&mut seeded(0))
        .unwrap();
    large.to_onnx_bytes(&ToOnnx::new()).unwrap();
    let value = GOT.lock().unwrap().unwrap();
    for says in [Says::AnotherGraph(value), Says::ValueOfAnotherGraph(value)] {
        let small = Sequential::builder([3]).layer(Own(says)).build(&mut seeded(0)).unwrap();
        let error = small.to_onnx_bytes(&ToOnnx::new()).unwrap_err().to_string();
        assert!(error.contains("expected values of this graph, got one of another"), "{error}");
    }
}

/// Weights in bf16 are widened, and come back as numbers of `f32`.
#[test]
fn fewer_bits() {
    for (name, model) in models_of_fewer_bits().into_iter().filter(|(name, _)| name.ends_with("bf16")) {
        let x = inputs(&model, 3);
        assert!(off(&again(&model), &x, &model.predict(&x).unwrap()) < 0.05, "{name}");
    }
}

#[test]
fn files_that_cannot_be_written() {
    let (_, model) = models().remove(0);
    let missing = path("missing").join("network.onnx");
    assert!(matches!(model.to_onnx(&missing), Err(Error::Io { .. })));
    let path = path("whole");
    model.to_onnx(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), model.to_onnx_bytes(&ToOnnx::new()).unwrap());
    fs::remove_file(path).unwrap();
    let mut changed = model.clone();
    changed.params_mut(&mut |param| *param = taper::Param::new("other", &Tensor::from([1.0])));
    assert!(changed.to_onnx_bytes(&ToOnnx::new()).is_err());
}

/// What others wrote, read, written and read again.
#[test]
fn networks_of_others_come_back() {
    let mut files: Vec<_> = fs::read_dir(fixture("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    let mut problems = Vec::new();
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let model = Sequential::<f32>::from_onnx(&path).unwrap();
        let bytes = model.to_onnx_bytes(&ToOnnx::new()).unwrap();
        match Sequential::<f32>::from_onnx_bytes(&bytes) {
            Ok(read) => {
                let off = off(&read, &values(&name).0, &model.predict(&values(&name).0).unwrap());
                if off.is_nan() || off > 1e-6 || read.classes() != model.classes() {
                    problems.push(format!("{name} is off by {off}: {}", read.summary()));
                }
            }
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
