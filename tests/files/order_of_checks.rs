//! Files of the first format, and files that check themselves, where the order of features matters.

use safetensors::SafeTensors;
use serde_json::json;
use taper::io::{Check, Load, Orientation, Save};
use taper::layers::{Padding, Window};
use taper::{Sequential, Tensor};

use crate::hand_made::HandMade;
use crate::order::{file, image, layers, network, off, told, trained, with_params};
use crate::pytorch::{fixture, tensor};

/// Files of the first format have everything in the model's order.
#[test]
fn a_file_of_the_first_format_opens_right() {
    let model = trained("batch_norm", [5, 4, 2]);
    let bytes = model.to_bytes(&Save::new().with_orientation(Orientation::Keras)).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let text = &header.metadata().as_ref().unwrap()["taper"];
    let mut described: serde_json::Value = serde_json::from_str(text).unwrap();
    described["format"] = json!(1);
    described.as_object_mut().unwrap().remove("features");
    described["flattened"] = json!([4, 2, 5]);
    let old = with_params(HandMade::new().described(&described), &model, Tensor::clone);
    let opened = Sequential::<f64>::open_bytes(&old.bytes()).unwrap();
    assert_eq!(opened.state(), model.state());
    assert!(off(&opened, "batch_norm") < 1e-12);
    let mut loaded = network("batch_norm");
    loaded.load_bytes(&old.bytes(), &Load::new()).unwrap();
    assert_eq!(loaded.state(), model.state());
    // What is told against what it says is refused.
    let error = loaded.load_bytes(&old.bytes(), &told([5, 4, 2])).unwrap_err().to_string();
    assert!(error.contains("expected features [4, 2, 5] as the file says, got [5, 4, 2]"), "{error}");
}

#[test]
fn the_check_runs_on_images_whatever_is_told() {
    let name = "batch_norm";
    let model = trained(name, [5, 4, 2]);
    let inputs = tensor::<f64>(&fixture("order_batch_norm_values"), "inputs");
    // A file of features with channels first, which says so by its layers.
    let window = Window::new(3).with_padding(Padding::Same);
    let first =
        Sequential::<f64>::builder(image(name)).conv2d(5, window).named("conv").relu().channels_first();
    let first = first.flatten().batch_norm().named("norm").dense(4).named("fc");
    let mut first = first.build(&mut taper::seeded(5)).unwrap();
    first.load_bytes(&file(name), &Load::new()).unwrap();
    let bytes = first.to_bytes(&Save::new().with_check(&inputs)).unwrap();
    let mut last = network(name);
    let loaded = last.load_bytes(&bytes, &told([5, 4, 2])).unwrap();
    assert_eq!((loaded.check, last.state()), (Check::Passed, model.state()));
    // Half of the numbers negated: refused.
    let mut damaged = bytes.clone();
    let half = bytes.len() - 160 * 8 / 2;
    for number in damaged[half..].as_chunks_mut::<8>().0 {
        number[7] ^= 0x80;
    }
    for (mut other, load) in [(network(name), told([5, 4, 2])), (first.clone(), Load::new())] {
        let before = other.state();
        let error = other.load_bytes(&damaged, &load).unwrap_err().to_string();
        assert!(error.contains("check: expected output"), "{error}");
        assert_eq!(other.state(), before);
    }
    // Without a check, and where it cannot be made.
    let absent = last.load_bytes(&model.to_bytes(&Save::new()).unwrap(), &Load::new()).unwrap();
    assert_eq!(absent.check, Check::Absent);
    let (_, mut head) = network(name).split_at("norm").unwrap();
    let loaded = head.load_bytes(&bytes, &told([5, 4, 2]).allow_left_over()).unwrap();
    assert!(
        matches!(&loaded.check, Check::LeftOut(why) if why.contains("lacks 2 tensors")),
        "{:?}",
        loaded.check
    );
    let turned = layers(name, Sequential::builder([3, 4, 2]).channels_last()).build(&mut taper::seeded(6));
    let loaded = turned.unwrap().load_bytes(&bytes, &told([5, 4, 2])).unwrap();
    let expected = Check::LeftOut("it is of inputs [4, 2, 3], the model takes [3, 4, 2]".into());
    assert_eq!(loaded.check, expected);
}

/// What a file says of features is a claim like any other.
#[test]
fn features_that_a_parameter_cannot_lie_along_are_refused() {
    let model = trained("plain", [5, 4, 2]);
    let bytes = model.to_bytes(&Save::new()).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let described: serde_json::Value =
        serde_json::from_str(&header.metadata().as_ref().unwrap()["taper"]).unwrap();
    for (name, axes) in [
        ("fc.weight", json!([2, 2, 2])),
        ("fc.weight", json!([1 << 20, 2, 3])),
        ("fc.bias", json!([3, 4, 5])),
        ("fc.bias", json!([2, 1])),
        ("conv.weight", json!([3, 3])),
        ("conv.weight", json!([3, 1])),
        ("conv.bias", json!([1 << 30, 1 << 30])),
    ] {
        let mut lying = described.clone();
        lying["features"][name] = axes.clone();
        let mut file = HandMade::new().described(&lying);
        for (key, tensor) in model.state().iter() {
            file = file.f64(key, tensor.shape().axes(), tensor.as_slice());
        }
        for load in [Load::new(), Load::new().with_orientation(Orientation::Keras), told([5, 4, 2])] {
            let error = network("plain").load_bytes(&file.bytes(), &load).unwrap_err().to_string();
            let is_told = error.contains(name) || error.contains("as the file says, got [5, 4, 2]");
            assert!(is_told, "{name} {axes}: {error}");
        }
        assert!(Sequential::<f64>::open_bytes(&file.bytes()).is_err(), "{name} {axes}");
    }
}
