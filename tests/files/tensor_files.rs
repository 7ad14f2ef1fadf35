//! Entries of the user's own, and tensors without a model.

use std::io::Write;
use std::path::PathBuf;

use taper::io::{Load, Orientation, Save, TensorFile};
use taper::{Error, Sequential, Tensor};

use crate::hand_made::HandMade;

fn model(seed: u64) -> Sequential<f32> {
    let builder = Sequential::builder([4]).dense(3).named("fc1").relu().dense(2).named("fc2");
    builder.build(&mut taper::seeded(seed)).unwrap()
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("taper-tensor-files-{}-{name}", std::process::id()))
}

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/files/{name}.safetensors", env!("CARGO_MANIFEST_DIR"))
}

/// A file opened from disk and from memory.
fn both(bytes: &[u8], name: &str) -> [Result<TensorFile, Error>; 2] {
    let path = path(name);
    std::fs::write(&path, bytes).unwrap();
    let opened = TensorFile::open(&path);
    std::fs::remove_file(&path).unwrap();
    [opened, TensorFile::from_bytes(bytes.to_vec())]
}

fn save() -> Save<f32> {
    let keys = ["z", "licence", "a", "größe", "format", "\"quoted\"\n"];
    keys.iter().fold(Save::new(), |save, key| save.with_entry(key, &format!("text of {key}")).unwrap())
}

#[test]
fn entries_come_back_without_a_model_and_do_not_disturb_one() {
    let original = model(1);
    let bytes = original.to_bytes(&save()).unwrap();
    for file in both(&bytes, "entries") {
        let file = file.unwrap();
        let metadata = file.metadata();
        assert_eq!(metadata.len(), 7);
        assert_eq!(metadata["größe"], "text of größe");
        assert_eq!(metadata["\"quoted\"\n"], "text of \"quoted\"\n");
        assert!(metadata["taper"].contains("orientation"));
    }
    assert_eq!(Sequential::<f32>::open_bytes(&bytes).unwrap().state(), original.state());
    model(2).load_bytes(&bytes, &Load::new()).unwrap();
    // Their order is not that of some map, but always the same.
    for _ in 0..20 {
        assert_eq!(original.to_bytes(&save()).unwrap(), bytes);
    }
    let twice = save().with_entry("a", "another").unwrap();
    let file = TensorFile::from_bytes(original.to_bytes(&twice).unwrap()).unwrap();
    assert_eq!(file.metadata()["a"], "another");
}

#[test]
fn entries_have_limits_and_leave_the_crate_its_own() {
    let text = "x".repeat(1 << 20);
    for (key, text, expected) in [
        ("", "", "entry: expected a key of 1 to 1024 bytes, got one of 0"),
        (&text[..1025], "", "a key of 1 to 1024 bytes, got one of 1025"),
        ("taper", "", "entry: expected a key that is not this crate's, got `taper`"),
        ("taper.later", "", "a key that is not this crate's"),
        ("a", &format!("{text}x"), "a text of at most 1048576 bytes, got one of 1048577"),
    ] {
        let error = Save::<f32>::new().with_entry(key, text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let save = |count: usize| {
        (0..count).try_fold(Save::<f32>::new(), |save, entry| save.with_entry(&format!("taper{entry}"), ""))
    };
    model(1).to_bytes(&save(1024).unwrap()).unwrap();
    assert!(save(1025).is_err());
    // What could not be read again is not written.
    let full = (0..4).fold(Save::new(), |save, entry| save.with_entry(&entry.to_string(), &text).unwrap());
    let error = model(1).to_bytes(&full).unwrap_err().to_string();
    assert!(error.contains("4194304 bytes of names and texts"), "{error}");
}

#[test]
fn tensors_are_what_a_model_loads() {
    for (name, number_type) in
        [("torch_f64", "f64"), ("torch_f32", "f32"), ("torch_f16", "f16"), ("torch_bf16", "bf16")]
    {
        let file = TensorFile::open(fixture(name)).unwrap();
        let layers = [(16, "fc1"), (8, "fc2"), (3, "fc3")];
        let builder = layers.iter().fold(Sequential::<f64>::builder([24]), |builder, (width, layer)| {
            builder.dense(*width).named(layer)
        });
        let mut model = builder.build(&mut taper::seeded(1)).unwrap();
        let names: Vec<&str> = file.names().collect();
        assert_eq!(names.len(), 6);
        let renames = [("1.", "fc1."), ("3.", "fc2."), ("5.", "fc3.")];
        let load = renames
            .iter()
            .fold(Load::new().allow_unused_renames(), |load, (from, to)| load.with_rename(from, to));
        model.load_with(fixture(name), &load).unwrap();
        let state = model.state();
        for tensor in names {
            assert_eq!(file.number_type(tensor).unwrap(), number_type);
            let got = file.tensor::<f64>(tensor).unwrap();
            assert_eq!(Some(got.shape()), file.shape(tensor));
            let own =
                renames.iter().fold(tensor.to_owned(), |name, (from, to)| match name.strip_prefix(from) {
                    Some(rest) => format!("{to}{rest}"),
                    None => name,
                });
            assert_eq!(Some(&got), state.get(&own), "{name} {tensor}");
        }
    }
}

#[test]
fn numbers_stay_as_they_are_or_are_an_error() {
    let bytes = HandMade::new()
        .f64("wide", &[2], &[1.5, 1e300])
        .f64("infinite", &[3], &[f64::INFINITY, f64::NAN, 0.1])
        .tensor("count", "I64", &[], &3_i64.to_le_bytes())
        .f32("scalar", &[], &[2.5])
        .f32("nothing", &[0, 3], &[])
        .bytes();
    for file in both(&bytes, "numbers") {
        let file = file.unwrap();
        assert_eq!(file.names().collect::<Vec<_>>(), ["wide", "infinite", "count", "scalar", "nothing"]);
        assert!(file.metadata().is_empty());
        assert_eq!(file.tensor::<f64>("wide").unwrap(), Tensor::from([1.5, 1e300]));
        let error = file.tensor::<f32>("wide").unwrap_err().to_string();
        let expected = "tensor `wide`: expected numbers that f32 has, got 1e300 at 1, which is inf there";
        assert!(error.replace(&format!("1{}", "0".repeat(300)), "1e300").contains(expected), "{error}");
        let values = file.tensor::<f32>("infinite").unwrap().into_vec();
        assert!(values[0].is_infinite() && values[1].is_nan() && values[2].to_bits() == 0.1_f32.to_bits());
        let error = file.tensor::<f32>("count").unwrap_err().to_string();
        assert!(error.contains("tensor `count`: expected f64, f32, f16 or bf16, got I64"), "{error}");
        assert_eq!(file.number_type("count").unwrap(), "i64");
        assert_eq!(file.tensor::<f32>("scalar").unwrap().as_slice(), [2.5]);
        assert_eq!(file.tensor::<f32>("nothing").unwrap().shape().axes(), [0, 3]);
        let error = file.tensor::<f32>("wid").unwrap_err().to_string();
        assert_eq!(
            error,
            "name of a tensor: expected one of `wide`, `infinite`, `count`, `scalar`, `nothing`; got `wid`"
        );
        assert_eq!((file.shape("wid"), file.number_type("wid")), (None, None));
    }
}

#[test]
fn a_file_lies_as_it_says() {
    let original = model(1);
    let weight = |orientation| {
        let bytes = original.to_bytes(&Save::new().with_orientation(orientation)).unwrap();
        TensorFile::from_bytes(bytes).unwrap().tensor::<f32>("fc1.weight").unwrap()
    };
    let own = original.param("fc1.weight").unwrap().to_tensor();
    assert_eq!(weight(Orientation::Keras), own);
    assert_eq!(weight(Orientation::PyTorch), own.transpose().unwrap());
}

/// A gigabyte with a hole in it: only the tensor that is asked for is read. A quarter where a count of bits has 32.
#[test]
fn one_tensor_is_read_without_the_others() {
    let large = if usize::BITS < 64 { 1_usize << 28 } else { 1 << 30 };
    let header = format!(
        r#"{{"large":{{"dtype":"F32","shape":[{}],"data_offsets":[0,{large}]}},"small":{{"dtype":"F32","shape":[1],"data_offsets":[{large},{}]}}}}"#,
        large / 4,
        large + 4
    );
    let path = path("large");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&[&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()).unwrap();
    file.set_len((8 + header.len() + large + 4) as u64).unwrap();
    let opened = TensorFile::open(&path).unwrap();
    assert_eq!(opened.tensor::<f32>("small").unwrap().as_slice(), [0.0]);
    // Somebody cuts the file off meanwhile.
    file.set_len(1000).unwrap();
    let error = opened.tensor::<f32>("small").unwrap_err();
    assert!(matches!(error, Error::Io { action: "read", .. }), "{error}");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn what_is_no_such_file_is_refused() {
    let bytes = model(1).to_bytes(&save()).unwrap();
    for len in (0..bytes.len()).step_by(7) {
        assert!(both(&bytes[..len], "cut").iter().all(Result::is_err), "{len}");
    }
    let from_zip = [&b"PK\x03\x04"[..], &[0; 40]].concat();
    for (bytes, text) in [
        (&from_zip[..], "expected a safetensors file, got what looks like a zip archive"),
        (&[], "got an empty file"),
        (&[1, 2, 3], "expected a safetensors file, got 3 bytes"),
    ] {
        for file in both(bytes, "other") {
            let error = file.unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
    let error = TensorFile::open(path("none")).unwrap_err();
    assert!(matches!(error, Error::Io { action: "read", .. }), "{error}");
}
