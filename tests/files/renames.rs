//! Names of a file become those of a model.

use serde_json::{Map, Value};
use taper::io::{Load, Orientation, Save};
use taper::sequential::Builder;
use taper::{Error, Sequential};

/// A small network of blocks, under the names that Keras gives its layers.
fn network(seed: u64) -> Sequential<f32> {
    let block = |builder: Builder<f32>, name: &str, outputs| {
        builder.conv2d(outputs, 1).without_bias().named(name).batch_norm().named(&format!("{name}_bn")).relu()
    };
    let mut builder = block(Sequential::builder([4, 4, 3]), "conv1", 4);
    for number in 1..=9 {
        builder = block(builder, &format!("conv_pw_{number}"), 5);
    }
    let builder = builder.global_avg_pool2d().dense(3).named("predictions");
    builder.build(&mut taper::seeded(seed)).unwrap()
}

/// The file of a model as another program would have written it: under other names, and without a description.
fn foreign(model: &Sequential<f32>, rename: impl Fn(&str) -> String) -> Vec<u8> {
    let bytes = model.to_bytes(&Save::new().with_orientation(Orientation::Keras)).unwrap();
    let (len, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*len) as usize);
    let tensors: Map<String, Value> = serde_json::from_slice(header).unwrap();
    let renamed: Map<String, Value> = tensors
        .into_iter()
        .filter(|(name, _)| name != "__metadata__")
        .map(|(name, value)| (rename(&name), value))
        .collect();
    let header = serde_json::to_vec(&renamed).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

/// As `weights` of `keras.applications` are called.
fn keras_name(name: &str) -> String {
    let (layer, parameter) = name.split_once('.').unwrap();
    let parameter = match (layer.ends_with("_bn"), parameter) {
        (true, "weight") => "gamma",
        (true, "bias") => "beta",
        (true, "running_mean") => "moving_mean",
        (true, "running_var") => "moving_variance",
        (false, "weight") => "kernel",
        (_, other) => other,
    };
    format!("{layer}/{parameter}")
}

/// Six rules for a network of any depth.
fn keras() -> Load {
    Load::new()
        .with_orientation(Orientation::Keras)
        .with_rename("*/kernel", "*.weight")
        .with_rename("*/gamma", "*.weight")
        .with_rename("*/beta", "*.bias")
        .with_rename("*/moving_mean", "*.running_mean")
        .with_rename("*/moving_variance", "*.running_var")
        .with_rename("*/bias", "*.bias")
}

#[test]
fn a_file_of_keras_takes_six_rules() {
    let original = network(1);
    let file = foreign(&original, keras_name);
    let mut model = network(2);
    let loaded = model.load_bytes(&file, &keras()).unwrap();
    assert_eq!(model.state(), original.state());
    assert_eq!(model.state().len(), 10 * 5 + 2);
    assert!(loaded.unused_renames.is_empty());
}

fn problems(load: &Load) -> Vec<String> {
    let mut model = network(2);
    let before = model.state();
    let error = model.load_bytes(&foreign(&network(1), keras_name), load).unwrap_err();
    assert_eq!(model.state(), before);
    match error {
        Error::Tensors { problems, .. } => problems,
        other => panic!("{other}"),
    }
}

#[test]
fn a_rule_that_fits_no_name_is_an_error_unless_it_is_allowed() {
    let load = keras().with_rename("*.kernel", "*.weight").with_rename("head.", "predictions.");
    let expected = [
        "`*.kernel` to `*.weight`: no name fits; a pattern is of a whole name",
        "`head.` to `predictions.`: no name begins so",
    ];
    assert_eq!(problems(&load), expected);
    let mut model = network(2);
    let file = foreign(&network(1), keras_name);
    let loaded = model.load_bytes(&file, &load.allow_unused_renames()).unwrap();
    assert_eq!(loaded.unused_renames, ["`*.kernel` to `*.weight`", "`head.` to `predictions.`"]);
    assert_eq!(model.state(), network(1).state());
}

#[test]
fn names_that_become_one_and_rules_that_cannot_be_are_told() {
    let load = keras().with_rename("*/gam*", "*.weight");
    assert_eq!(problems(&load)[0], "`*/gam*` to `*.weight`: expected as many `*` in each, got 2 and 1");
    let one = Load::new().with_orientation(Orientation::Keras).with_rename("*_1/kernel", "*_2/kernel");
    let told = problems(&one);
    assert!(
        told.contains(&"`conv_pw_1/kernel` and `conv_pw_2/kernel` are both `conv_pw_2/kernel`".to_owned())
            || told.contains(
                &"`conv_pw_2/kernel` and `conv_pw_1/kernel` are both `conv_pw_2/kernel`".to_owned()
            ),
        "{told:?}"
    );
}
