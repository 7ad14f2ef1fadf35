//! PyTorch keeps images with their channels first, and what lies along their features: files come in right or are refused,
//! and go out as PyTorch would have written them.

use safetensors::{Dtype, SafeTensors};
use taper::io::{Load, Orientation, Save};
use taper::layers::{Layer, LayerNorm, Padding, Param, Window};
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::sequential::Builder;
use taper::{Optimizer, Sequential, Shape, Tensor, Trainer};

use crate::hand_made::HandMade;
use crate::pytorch::{fixture, tensor};

/// The networks of `make_order.py` in which the order makes a difference, with features that tell it: channels, height, width.
const NETWORKS: [(&str, [usize; 3]); 9] = [
    ("plain", [5, 4, 2]),
    ("batch_norm", [5, 4, 2]),
    ("layer_norm", [5, 4, 2]),
    ("image_norm", [5, 4, 3]),
    ("cube", [3, 3, 3]),
    ("deep", [5, 4, 3]),
    ("sequence", [3, 5, 1]),
    ("one_axis", [6, 8, 1]),
    ("transposed", [6, 5, 6]),
];

pub(crate) fn image(name: &str) -> Shape {
    let values = tensor::<f64>(&fixture(&format!("order_{name}_values")), "inputs");
    Shape::new(&values.shape().axes()[1..]).unwrap()
}

/// The layers of a network behind what there is already.
pub(crate) fn layers(name: &str, builder: Builder<f64>) -> Builder<f64> {
    let window = Window::new(3).with_padding(Padding::Same);
    let norm = |axes: [usize; 3]| LayerNorm::<f64>::new(axes).unwrap();
    let fc = |builder: Builder<f64>| builder.dense(4).named("fc");
    let conv = |builder: Builder<f64>, channels| builder.conv2d(channels, window).named("conv");
    match name {
        "plain" => fc(conv(builder, 5).relu().flatten()),
        "batch_norm" => fc(conv(builder, 5).relu().flatten().batch_norm().named("norm")),
        "layer_norm" => fc(conv(builder, 5).flatten().named("flat").layer_norm().named("norm")),
        "image_norm" => fc(conv(builder, 5).layer(norm([4, 3, 5])).named("norm").flatten()),
        "cube" => fc(conv(builder, 3).layer(norm([3, 3, 3])).named("norm").flatten()),
        "gray" => fc(conv(builder, 1).layer(norm([4, 3, 1])).named("norm").flatten()),
        "sequence" => fc(builder.batch_norm().named("norm").flatten()),
        "one_axis" => {
            let builder = builder.conv1d(4, Window::new(3).with_padding(1)).named("conv1").max_pool1d(2);
            let builder = builder.conv_transpose1d(6, Window::new(2).with_stride(2)).groups(2).named("conv2");
            fc(builder.flatten())
        }
        "transposed" => {
            let window = Window::new([3, 2]).with_stride(2);
            fc(builder.conv_transpose2d(6, window).groups(2).named("conv").flatten())
        }
        "deep" => builder
            .conv2d(4, window)
            .named("conv1")
            .batch_norm()
            .named("norm1")
            .relu()
            .layer(norm([8, 6, 4]))
            .named("image_norm")
            .max_pool2d(2)
            .conv2d(5, window)
            .named("conv2")
            .flatten()
            .named("flat")
            .batch_norm()
            .named("norm2")
            .relu()
            .dropout(0.5)
            .dense(7)
            .named("fc1")
            .batch_norm()
            .named("norm3")
            .dense(4)
            .named("fc2"),
        other => panic!("{other}"),
    }
}

pub(crate) fn network(name: &str) -> Sequential<f64> {
    layers(name, Sequential::builder(image(name))).build(&mut taper::seeded(1)).unwrap()
}

pub(crate) fn file(name: &str) -> Vec<u8> {
    fixture(&format!("order_{name}"))
}

pub(crate) fn told([channels, height, width]: [usize; 3]) -> Load {
    Load::new().from_channels_first([channels, height, width])
}

pub(crate) fn trained(name: &str, features: [usize; 3]) -> Sequential<f64> {
    let mut model = network(name);
    model.load_bytes(&file(name), &told(features)).unwrap_or_else(|error| panic!("{name}: {error}"));
    model
}

/// The parameters of a model in a file, changed by a function.
pub(crate) fn with_params(
    mut file: HandMade,
    model: &Sequential<f64>,
    change: impl Fn(&Tensor<f64>) -> Tensor<f64>,
) -> HandMade {
    model.params(&mut |param| {
        let tensor = change(&param.to_tensor());
        file = std::mem::take(&mut file).f64(param.name(), tensor.shape().axes(), tensor.as_slice());
    });
    file
}

/// How far the outputs for PyTorch's inputs are from PyTorch's, as a share of the largest.
pub(crate) fn off(model: &Sequential<f64>, name: &str) -> f64 {
    let values = fixture(&format!("order_{name}_values"));
    let (inputs, expected) = (tensor::<f64>(&values, "inputs"), tensor::<f64>(&values, "outputs"));
    let inputs =
        Tensor::from_vec(model.input().with_batch(inputs.shape().axes()[0]).unwrap(), inputs.into_vec());
    let outputs = model.predict(&inputs.unwrap()).unwrap();
    let pairs = || outputs.as_slice().iter().zip(expected.as_slice());
    pairs().fold(0.0, |off: f64, (a, b)| off.max((a - b).abs()))
        / pairs().fold(0.0, |top: f64, (_, b)| top.max(b.abs()))
}

/// Whether these are, name by name and bit by bit, the tensors that PyTorch wrote.
fn assert_as_pytorch_wrote(bytes: &[u8], name: &str, prefix: &str) {
    let (original, written) = (file(name), SafeTensors::deserialize(bytes).unwrap());
    for (key, expected) in SafeTensors::deserialize(&original).unwrap().tensors() {
        if expected.dtype() == Dtype::F64 {
            let got = written.tensor(&format!("{prefix}{key}")).unwrap();
            assert_eq!((got.shape(), got.data()), (expected.shape(), expected.data()), "{name}: {key}");
        }
    }
}

#[test]
fn a_file_of_pytorch_comes_in_right_when_its_order_is_told() {
    for (name, features) in NETWORKS {
        let model = trained(name, features);
        assert!(off(&model, name) < 1e-12, "{name}: {}", off(&model, name));
        assert!(off(&model.for_inference().unwrap(), name) < 1e-12, "{name}");
    }
    // Any of the sizes that are flattened or normalised over tells it.
    assert!(off(&trained("deep", [4, 8, 6]), "deep") < 1e-12);
}

#[test]
fn a_file_that_does_not_say_its_order_is_refused_where_it_matters() {
    for (name, [channels, height, width]) in NETWORKS {
        let mut model = network(name);
        let before = model.state();
        let error = model.load_bytes(&file(name), &Load::new()).unwrap_err().to_string();
        if name != "deep" {
            let features = if name == "sequence" { [3, 5, 1] } else { [channels, height, width] };
            let [channels, height, width] = features;
            assert!(
                error.contains(&format!("`from_channels_first([{channels}, {height}, {width}])`")),
                "{error}"
            );
            assert!(
                error.contains(&format!("`from_channels_last([{height}, {width}, {channels}])`")),
                "{error}"
            );
        }
        assert_eq!(error.matches("from_channels_first").count(), 1, "{name}: it is told once: {error}");
        assert_eq!(model.state(), before);
        // PyTorch's orientation of weights says nothing of the order in which somebody flattened.
        let load = Load::new().with_orientation(Orientation::PyTorch);
        assert!(model.load_bytes(&file(name), &load).is_err(), "{name}");
        // Sizes that are not the model's are an error.
        assert!(model.load_bytes(&file(name), &told([channels + 1, height, width])).is_err(), "{name}");
        assert_eq!(model.state(), before);
    }
}

#[test]
fn where_the_order_cannot_matter_nothing_has_to_be_told() {
    let mut model = network("gray");
    model.load_bytes(&file("gray"), &Load::new()).unwrap();
    assert!(off(&model, "gray") < 1e-12);
    assert_as_pytorch_wrote(&model.to_bytes(&Save::new()).unwrap(), "gray", "");
    // Nor where channels are first here too.
    let image = image("plain");
    let builder =
        Sequential::<f64>::builder(image).conv2d(5, Window::new(3).with_padding(Padding::Same)).named("conv");
    let builder = builder.relu().channels_first().flatten().dense(4).named("fc");
    let mut model = builder.build(&mut taper::seeded(1)).unwrap();
    model.load_bytes(&file("plain"), &Load::new()).unwrap();
    assert!(off(&model, "plain") < 1e-12);
    assert_as_pytorch_wrote(&model.to_bytes(&Save::new()).unwrap(), "plain", "");
}

#[test]
fn what_is_saved_is_what_pytorch_wrote() {
    for (name, features) in NETWORKS {
        let model = trained(name, features);
        let bytes = model.to_bytes(&Save::new()).unwrap();
        assert_as_pytorch_wrote(&bytes, name, "");
        let opened = Sequential::<f64>::open_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(opened.state(), model.state(), "{name}");
        assert_eq!(off(&opened, name), off(&model, name));
        // The file says its order: nothing has to be told, and what is told has to agree.
        let mut again = network(name);
        again.load_bytes(&bytes, &Load::new()).unwrap();
        again.load_bytes(&bytes, &told(features)).unwrap();
        assert_eq!(again.state(), model.state(), "{name}");
        assert!(
            again.load_bytes(&bytes, &told([1, features[0], features[1] * features[2]])).is_err(),
            "{name}"
        );
        // The state is PyTorch's too.
        again.set_state(&model.state()).unwrap();
        assert_eq!(off(&again, name), off(&model, name));
        for (key, tensor) in model.state().iter() {
            let file = crate::pytorch::tensor::<f64>(&bytes, key);
            assert_eq!((tensor.shape(), tensor.as_slice()), (file.shape(), file.as_slice()), "{name}: {key}");
        }
    }
}

/// In Keras's orientation everything lies as here.
#[test]
fn a_file_in_the_way_of_keras_is_not_turned() {
    for (name, features) in NETWORKS {
        let model = trained(name, features);
        let bytes = model.to_bytes(&Save::new().with_orientation(Orientation::Keras)).unwrap();
        Layer::params(&model, &mut |param: &Param<f64>| {
            let file = tensor::<f64>(&bytes, param.name());
            assert_eq!(file, param.to_tensor(), "{name}: {}", param.name());
        });
        assert_eq!(Sequential::<f64>::open_bytes(&bytes).unwrap().state(), model.state());
        // Without the description it is Keras's when that is told.
        let plain = with_params(HandMade::new(), &model, Tensor::clone);
        let mut again = network(name);
        again.load_bytes(&plain.bytes(), &Load::new().with_orientation(Orientation::Keras)).unwrap();
        assert_eq!(again.state(), model.state(), "{name}");
    }
}

/// A network that flattens as here, with PyTorch's weights: `from_channels_last`.
#[test]
fn features_that_are_flattened_as_here_stay() {
    let model = trained("batch_norm", [5, 4, 2]);
    let plain = with_params(HandMade::new(), &model, |tensor| match *tensor.shape().axes() {
        [_, _] => tensor.transpose().unwrap(),
        [height, width, inputs, outputs] => Tensor::from_fn([outputs, inputs, height, width], |place| {
            let (tap, rest) = (place % (height * width), place / (height * width));
            tensor.as_slice()[(tap * inputs + rest % inputs) * outputs + rest / inputs]
        })
        .unwrap(),
        _ => tensor.clone(),
    });
    let mut again = network("batch_norm");
    assert!(again.load_bytes(&plain.bytes(), &Load::new()).is_err());
    again.load_bytes(&plain.bytes(), &Load::new().from_channels_last([4, 2, 5])).unwrap();
    assert_eq!(again.state(), model.state());
}

#[test]
fn models_in_models_and_parts_of_models_are_turned_too() {
    for (name, features) in NETWORKS {
        let mut outer = Sequential::builder(image(name))
            .layer(network(name))
            .named("inner")
            .build(&mut taper::seeded(2))
            .unwrap();
        let mut renamed = told(features);
        let file = file(name);
        for (key, _) in SafeTensors::deserialize(&file).unwrap().tensors() {
            renamed = renamed.with_rename(&key, &format!("inner.{key}"));
        }
        outer.load_bytes(&file, &renamed).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(off(&outer, name) < 1e-12, "{name}");
        let bytes = outer.to_bytes(&Save::new()).unwrap();
        assert_as_pytorch_wrote(&bytes, name, "inner.");
        assert_eq!(Sequential::<f64>::open_bytes(&bytes).unwrap().state(), outer.state());
    }
    // A head knows what its row of numbers is, alone, opened again, and in another model.
    for (name, features) in [("layer_norm", [5, 4, 2]), ("deep", [5, 4, 3])] {
        let model = trained(name, features);
        let after = if name == "deep" { "norm2" } else { "norm" };
        let (body, head) = model.split_at(after).unwrap();
        assert_eq!(head.input().rank(), 1);
        let bytes = head.to_bytes(&Save::new()).unwrap();
        let original = SafeTensors::deserialize(&bytes).unwrap();
        for (key, got) in original.tensors() {
            let whole = crate::pytorch::tensor::<f64>(&file(name), &key);
            assert_eq!(tensor::<f64>(&bytes, &key), whole, "{name}: {key} {:?}", got.shape());
        }
        let opened = Sequential::<f64>::open_bytes(&bytes).unwrap();
        assert_eq!(opened.state(), head.state());
        assert_eq!(opened.to_bytes(&Save::new()).unwrap(), bytes);
        let whole = Sequential::builder(body.input()).layer(body).named("body").layer(opened).named("head");
        let whole = whole.build(&mut taper::seeded(3)).unwrap();
        assert_eq!(off(&whole, name), off(&model, name));
        let again = Sequential::<f64>::open_bytes(&whole.to_bytes(&Save::new()).unwrap()).unwrap();
        assert_eq!(off(&again, name), off(&model, name));
    }
}

/// A head that takes a row of which nothing is known learns what it is from the telling, and from a file that says it.
#[test]
fn a_head_on_a_row_of_features_remembers_what_they_are() {
    let model = trained("layer_norm", [5, 4, 2]);
    let (body, _) = model.split_at("norm").unwrap();
    let head = || {
        let builder = Sequential::<f64>::builder([40]).layer_norm().named("norm").dense(4).named("fc");
        builder.build(&mut taper::seeded(4)).unwrap()
    };
    let values = fixture("order_layer_norm_values");
    let features = body.predict(&tensor::<f64>(&values, "inputs")).unwrap();
    let expected = model.predict(&tensor::<f64>(&values, "inputs")).unwrap();
    let mut told_head = head();
    let loaded = told_head.load_bytes(&file("layer_norm"), &told([5, 4, 2]).allow_left_over()).unwrap();
    assert_eq!(loaded.left_over, ["conv.bias", "conv.weight"]);
    assert_eq!(told_head.predict(&features).unwrap(), expected);
    let bytes = told_head.to_bytes(&Save::new()).unwrap();
    for key in ["norm.weight", "norm.bias", "fc.weight", "fc.bias"] {
        assert_eq!(tensor::<f64>(&bytes, key), tensor::<f64>(&file("layer_norm"), key), "{key}");
    }
    let mut from_described = head();
    from_described.load_bytes(&bytes, &Load::new()).unwrap();
    assert_eq!(from_described.predict(&features).unwrap(), expected);
    assert_eq!(from_described.to_bytes(&Save::new()).unwrap(), bytes);
    assert!(head().load_bytes(&file("layer_norm"), &told([5, 4, 3]).allow_left_over()).is_err());
}

#[test]
fn checkpoints_are_in_the_order_of_pytorch_and_go_on() {
    for (name, features) in NETWORKS {
        let path = std::env::temp_dir().join(format!("taper-order-{name}-{}.checkpoint", std::process::id()));
        let mut model = trained(name, features);
        let x =
            Tensor::from_fn(image(name).with_batch(6).unwrap(), |place| (place as f64 * 0.37).sin()).unwrap();
        let labels = vec![0, 1, 2, 3, 0, 1];
        let make = || Optimizer::new(Adam::new(0.01).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), make());
        trainer.save_checkpoint(&path).unwrap();
        assert_as_pytorch_wrote(&std::fs::read(&path).unwrap(), name, "");
        trainer.step(&x, &labels).unwrap();
        trainer.save_checkpoint(&path).unwrap();
        trainer.step(&x, &labels).unwrap();
        let mut other = network(name);
        let mut resumed = Trainer::new(&mut other, CrossEntropy::new(), make());
        resumed.resume(&path).unwrap();
        resumed.step(&x, &labels).unwrap();
        assert_eq!(other.state(), model.state(), "{name}");
        Sequential::<f64>::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
    }
}
