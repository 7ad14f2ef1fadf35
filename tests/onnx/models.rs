//! What is read is a model like any other.

use super::graph::{
    Message, file, file_of_opset, floats, integers, node, with_integer, with_integers, with_output, with_text,
};
use super::{fixture, off, values};
use taper::io::Save;
use taper::layers::{Channels, ChannelsLast, Conv2d, GlobalAvgPool2d, MaxPool2d, Window};
use taper::losses::CrossEntropy;
use taper::optimizers::Sgd;
use taper::sequential::{Branches, Builder, Join, SummaryRow};
use taper::train::{Dataset, Fit};
use taper::{Optimizer, Sequential, Tensor, Trainer};

#[test]
fn it_is_saved_opened_and_made_leaner() {
    for name in [
        "resnet_script",
        "densenet_dynamo",
        "mobilenet_dynamo",
        "keras_vgg",
        "sequence_script",
        "convnext_script",
    ] {
        let model = Sequential::<f32>::from_onnx(fixture(&format!("{name}.onnx"))).unwrap();
        let (x, y) = values(name);
        let bytes = model.to_bytes(&Save::new()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = Sequential::<f32>::open_bytes(&bytes).unwrap();
        assert_eq!(model.predict(&x).unwrap(), again.predict(&x).unwrap(), "{name}");
        assert!(off(&model.for_inference().unwrap(), &x, &y) < 1e-5, "{name}");
    }
}

/// What a layer and those inside of it are, under whatever names.
fn flat(row: &SummaryRow, depth: usize, layers: &mut Vec<(usize, String, usize)>) {
    layers.push((depth, format!("{} -> {}", row.layer, row.output), row.parameters));
    row.inner.iter().for_each(|row| flat(row, depth + 1, layers));
}

/// All layers of a model.
fn flattened(model: &Sequential<f32>) -> Vec<(usize, String, usize)> {
    let mut layers = Vec::new();
    model.summary().rows.iter().for_each(|row| flat(row, 0, &mut layers));
    layers
}

fn conv([inputs, outputs]: [usize; 2], window: Window) -> Conv2d<f32> {
    Conv2d::new(Channels::new(inputs, outputs), window, &mut taper::seeded(0)).unwrap()
}

/// A window whose middle goes over each place.
fn same(size: usize) -> Window {
    Window::new(size).with_padding(size / 2)
}

/// That of `make_torch.py`.
fn resnet() -> Builder<f32> {
    let mut rng = taper::seeded(0);
    let block =
        Sequential::builder([6, 6, 4]).layer(conv([4, 4], same(3))).relu().layer(conv([4, 4], same(3)));
    let narrow = Sequential::builder([6, 6, 4]).layer(conv([4, 8], same(3).with_stride(2))).relu();
    let narrow = narrow.layer(conv([8, 8], same(3))).build(&mut rng).unwrap();
    let short = Sequential::builder([6, 6, 4]).layer(conv([4, 8], Window::new(1).with_stride(2)));
    let paths = [("0".to_owned(), Some(narrow)), ("1".to_owned(), Some(short.build(&mut rng).unwrap()))];
    Sequential::builder([3, 24, 24])
        .layer(ChannelsLast)
        .layer(conv([3, 4], same(7).with_stride(2)))
        .relu()
        .layer(MaxPool2d::new(same(3).with_stride(2)).unwrap())
        .layer(Branches::residual(block.build(&mut rng).unwrap()).unwrap())
        .relu()
        .layer(Branches::new(Join::Add, paths).unwrap())
        .relu()
        .layer(GlobalAvgPool2d)
        .dense(5)
}

/// For inference a network that was read has the layers of one that was built by hand: normalisations are folded, and nothing is
/// left of the file's layout but the layer that turns the input. So it takes the same time.
#[test]
fn for_inference_it_is_the_network_that_one_builds_by_hand() {
    let mlp = || {
        let hidden = Sequential::builder([3, 4]).flatten().dense(8).relu().dense(6).relu();
        hidden.dense(3).softmax()
    };
    let lenet = || {
        let features = Sequential::builder([1, 20, 20]).reshape([20, 20, 1]).conv2d(4, same(5)).tanh();
        let features = features.avg_pool2d(2).conv2d(6, 5).tanh().max_pool2d(2);
        features.flatten().dense(12).tanh().dense(10)
    };
    let networks: [(&str, &dyn Fn() -> Builder<f32>); 3] =
        [("mlp", &mlp), ("lenet", &lenet), ("resnet", &resnet)];
    for (name, built) in networks {
        let built = built().build(&mut taper::seeded(0)).unwrap();
        for exporter in ["script", "dynamo"] {
            let read = Sequential::<f32>::from_onnx(fixture(&format!("{name}_{exporter}.onnx"))).unwrap();
            let read = read.for_inference().unwrap();
            assert_eq!(flattened(&read), flattened(&built), "{name}_{exporter}\n{}", read.summary());
        }
    }
}

/// What was added to the input lies as the file has it, and the sum of a convolution as layers have it.
#[test]
fn a_convolution_of_the_input_is_added_to_it() {
    let weight = floats("w", &[2, 2, 1, 1], &[1.0, 10.0, 100.0, 1000.0]);
    for inputs in [["c", "x"], ["x", "c"]] {
        let nodes = [node("Conv", &["x", "w"], "c"), node("Add", &inputs, "y")];
        let model =
            Sequential::<f32>::from_onnx_bytes(&file(&[2, 1, 3], &nodes, std::slice::from_ref(&weight)))
                .unwrap();
        let x = Tensor::from_vec([1, 2, 1, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let y = model.predict(&x).unwrap();
        assert_eq!(y.as_slice(), [42.0, 54.0, 66.0, 4104.0, 5205.0, 6306.0], "{}", model.summary());
    }
}

#[test]
fn it_learns() {
    let mut model = Sequential::<f32>::from_onnx(fixture("lenet_script.onnx")).unwrap();
    let (x, _) = values("lenet_script");
    let labels = [1_usize, 4, 7];
    let data = Dataset::new(&x, &labels).unwrap();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Sgd::new(0.1).unwrap()));
    let before = trainer.evaluate(data).unwrap().loss;
    trainer.fit(data, Fit::epochs(20)).unwrap();
    assert!(trainer.evaluate(data).unwrap().loss < before / 2.0);
}

#[test]
fn names_are_those_of_the_graph() {
    let mixer = Sequential::<f32>::from_onnx(fixture("mixer_script.onnx")).unwrap();
    assert_eq!(mixer.param("head.weight").unwrap().shape().axes(), [5, 3]);
    let vgg = Sequential::<f32>::from_onnx(fixture("keras_vgg.onnx")).unwrap();
    assert!(vgg.layers().any(|(name, _)| name == "conv2d_1"), "{}", vgg.summary());
    let iris = Sequential::<f32>::from_onnx(fixture("sklearn_mlp.onnx")).unwrap();
    assert_eq!(iris.classes().unwrap(), ["setosa", "versicolor", "virginica"]);
}

/// The rows of a weight lie along a flattened image of the graph, which lies in another order here.
#[test]
fn flattened_images_keep_their_order() {
    let weight: Vec<f32> = (0..24).map(|place| place as f32).collect();
    let nodes = [
        node("Relu", &["x"], "a"),
        with_integers(node("MaxPool", &["a"], "b"), "kernel_shape", &[1, 1]),
        node("Flatten", &["b"], "c"),
        node("MatMul", &["c", "w"], "y"),
    ];
    let model =
        Sequential::<f64>::from_onnx_bytes(&file(&[2, 3, 4], &nodes, &[floats("w", &[24, 1], &weight)]))
            .unwrap();
    for place in 0..24 {
        let mut x = Tensor::<f64>::zeros([1, 2, 3, 4]).unwrap();
        x.as_mut_slice()[place] = 1.0;
        assert_eq!(model.predict(&x).unwrap().as_slice(), [place as f64]);
    }
}

/// Axes that are joined and cut again, with transposes between that cancel.
#[test]
fn transposes_that_cancel_leave_nothing() {
    let there = with_integers(node("Transpose", &["x"], "a"), "perm", &[0, 2, 3, 1]);
    let back = with_integers(node("Transpose", &["b"], "y"), "perm", &[0, 3, 1, 2]);
    let model =
        Sequential::<f32>::from_onnx_bytes(&file(&[2, 3, 4], &[there, node("Relu", &["a"], "b"), back], &[]));
    let model = model.unwrap();
    assert_eq!((model.len(), model.output().axes()), (1, &[2, 3, 4][..]));
    let shape = integers("s", &[0, 3, 2, 4]);
    let nodes = [node("Reshape", &["x", "s"], "a"), node("Relu", &["a"], "y")];
    let model = Sequential::<f32>::from_onnx_bytes(&file(&[6, 4], &nodes, &[shape])).unwrap();
    let x = Tensor::from_fn([2, 6, 4], |place| place as f32 - 20.0).unwrap();
    let expected: Vec<f32> = x.as_slice().iter().map(|x| x.max(0.0)).collect();
    assert_eq!(model.predict(&x).unwrap().as_slice(), expected);
}

/// (x − mean)·(γ/√(variance + ε)), with the mean and the variance of one axis, and γ along it or along another.
fn normalised(gamma: &[i64], multiplied_out: bool) -> taper::Result<Sequential<f64>> {
    let mean = |from: &str, to: &str| with_integers(node("ReduceMean", &[from], to), "axes", &[2]);
    let mut nodes = vec![
        mean("x", "m"),
        node("Sub", &["x", "m"], "d"),
        node("Mul", &["d", "d"], "s"),
        mean("s", "v"),
        node("Add", &["v", "e"], "w"),
        node("Sqrt", &["w"], "r"),
        node("Reciprocal", &["r"], "i"),
        node("Mul", &["i", "g"], "k"),
    ];
    if multiplied_out {
        nodes.extend([
            node("Mul", &["x", "k"], "a"),
            node("Mul", &["m", "k"], "b"),
            node("Sub", &["h", "b"], "c"),
            node("Add", &["a", "c"], "y"),
        ]);
    } else {
        nodes.push(node("Mul", &["d", "k"], "y"));
    }
    let numbers = [1.0, 2.0, 3.0, 4.0];
    let constants =
        [floats("e", &[], &[1e-3]), floats("g", gamma, &numbers), floats("h", gamma, &[0.5, -0.5, 1.5, 0.0])];
    Sequential::from_onnx_bytes(&file(&[4, 4], &nodes, &constants))
}

/// Scales along other axes than those of the mean are no part of a layer, and nothing is guessed.
#[test]
fn scales_of_normalisations_lie_along_their_axes() {
    let x = Tensor::from_fn([2, 4, 4], |place| f64::from((place * 7 % 11) as u8)).unwrap();
    for multiplied_out in [false, true] {
        let y = normalised(&[4], multiplied_out).unwrap().predict(&x).unwrap();
        for (row, got) in x.as_slice().chunks(4).zip(y.as_slice().chunks(4)) {
            let mean = row.iter().sum::<f64>() / 4.0;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4.0;
            for (place, (x, got)) in row.iter().zip(got).enumerate() {
                let shift = if multiplied_out { [0.5, -0.5, 1.5, 0.0][place] } else { 0.0 };
                let expected = (x - mean) * (place as f64 + 1.0) / (variance + 1e-3).sqrt() + shift;
                assert!((got - expected).abs() < 1e-6, "{got} {expected}");
            }
        }
        let error = normalised(&[4, 1], multiplied_out).unwrap_err().to_string();
        assert!(error.contains("no layer does this to two values"), "{error}");
    }
}

/// A window of ceil mode begins in zeros of the graph, and never in padding behind an image.
#[test]
fn zeros_before_a_pool_of_ceil_mode_are_no_padding() {
    for pool in ["MaxPool", "AveragePool"] {
        for ceil_mode in [0, 1] {
            let window = with_integers(node(pool, &["b"], "y"), "kernel_shape", &[2, 2]);
            let nodes = [
                node("Relu", &["x"], "a"),
                node("Pad", &["a", "p"], "b"),
                with_integer(with_integers(window, "strides", &[2, 2]), "ceil_mode", ceil_mode),
            ];
            let pads = integers("p", &[0, 0, 0, 0, 0, 0, 1, 1]);
            let model = Sequential::<f32>::from_onnx_bytes(&file(&[1, 4, 4], &nodes, &[pads]));
            match model {
                Ok(model) => assert_eq!((ceil_mode, model.output().axes()), (0, &[1, 2, 2][..])),
                Err(error) => assert!(ceil_mode == 1 && error.to_string().contains("(Pad)"), "{error}"),
            }
        }
    }
}

/// Of places that no window covers, runtimes do not agree where they are; of one alone they do.
#[test]
fn transposed_convolutions_are_no_larger_than_their_windows_cover() {
    let weight = floats("w", &[1, 1, 2], &[1.0, 10.0]);
    let read = |stride: i64, auto_pad: Option<&str>, output: Option<i64>| {
        let mut conv = with_integers(node("ConvTranspose", &["x", "w"], "y"), "strides", &[stride]);
        conv = output.map_or(conv.clone(), |output| with_integers(conv, "output_shape", &[output]));
        conv = auto_pad.map_or(conv.clone(), |auto_pad| with_text(conv, "auto_pad", auto_pad));
        Sequential::<f32>::from_onnx_bytes(&file(&[1, 3], &[conv], std::slice::from_ref(&weight)))
    };
    // The windows cover 6 places, and with strides of 3 there are 8.
    let x = Tensor::from_vec([1, 1, 3], vec![1.0, 2.0, 3.0]).unwrap();
    let y = |model: Sequential<f32>| model.predict(&x).unwrap().as_slice().to_vec();
    assert_eq!(y(read(2, Some("SAME_UPPER"), None).unwrap()), [1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
    assert_eq!(y(read(2, None, Some(7)).unwrap()), [1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 0.0]);
    for (auto_pad, stride, output) in [
        (Some("SAME_UPPER"), 3, None),
        (Some("SAME_LOWER"), 3, None),
        (None, 2, Some(8)),
        (Some("SAME_UPPER"), 2, Some(7)),
    ] {
        let error = read(stride, auto_pad, output).unwrap_err().to_string();
        assert!(error.contains("which the windows cover"), "{error}");
    }
}

/// Up to opset 13 a normalisation trains that gives more than its result: it would take the batch's own statistics.
#[test]
fn a_normalisation_that_trains_is_refused() {
    let numbers: Vec<Message> =
        ["scale", "shift", "mean", "variance"].map(|name| floats(name, &[2], &[1.0; 2])).into();
    let read = |opset: i64, more: &[&str]| {
        let norm = node("BatchNormalization", &["x", "scale", "shift", "mean", "variance"], "y");
        let norm = more.iter().fold(norm, |norm, output| with_output(norm, output));
        Sequential::<f32>::from_onnx_bytes(&file_of_opset(opset, &[2, 3, 3], &[norm], &numbers))
    };
    for more in [&[][..], &["", ""]] {
        assert_eq!(read(9, more).unwrap().output().axes(), [2, 3, 3]);
    }
    let error = read(9, &["mean_out", "variance_out"]).unwrap_err().to_string();
    assert!(error.contains("expected one of inference"), "{error}");
}
