//! Files of another kind: the error says what they look like and what to do.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use taper::io::Load;
use taper::{Optimizer, Result, Sequential, Trainer, losses::CrossEntropy, optimizers::Sgd};

use super::hostile::file;

fn model() -> Sequential<f32> {
    Sequential::builder([3]).dense(2).named("fc1").build(&mut taper::seeded(1)).unwrap()
}

/// The texts of all calls that read a file, without the file's name.
fn texts(bytes: &[u8]) -> Vec<String> {
    let path = std::env::temp_dir().join(format!("taper-other-{}-{}", std::process::id(), bytes.len()));
    fs::write(&path, bytes).unwrap();
    let (mut loaded, mut resumed) = (model(), model());
    let optimizer = Optimizer::new(Sgd::new(0.1).unwrap());
    let results: [Result<()>; 5] = [
        loaded.load(&path),
        loaded.load_bytes(bytes, &Load::new()).map(drop),
        Sequential::<f32>::open(&path).map(drop),
        Sequential::<f32>::open_bytes(bytes).map(drop),
        Trainer::new(&mut resumed, CrossEntropy::new(), optimizer).resume(&path),
    ];
    fs::remove_file(&path).unwrap();
    assert_eq!(loaded.state(), model().state());
    assert_eq!(resumed.state(), model().state());
    let text = |result: Result<()>| {
        let text = result.unwrap_err().to_string();
        assert!(text.len() <= 1000, "{} bytes: {text}", text.len());
        text.split_once("`: ").unwrap_or_else(|| panic!("{text}")).1.to_owned()
    };
    results.into_iter().map(text).collect()
}

#[test]
fn files_of_other_programs_are_recognised() {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "others", "beginnings.jsonl"].iter().collect();
    let mut seen = 0;
    for row in fs::read_to_string(path).unwrap().lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let (what, start) = (row["what"].as_str().unwrap(), row["start"].as_str().unwrap());
        if what == "a safetensors file" {
            continue;
        }
        let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let bytes: Vec<u8> = start.as_bytes().chunks(2).map(digits).collect();
        for text in texts(&bytes) {
            let expected = format!("expected a safetensors file, got what looks like {what}; ");
            let advice = text.strip_prefix(&expected);
            assert!(advice.is_some_and(|advice| advice.len() > 10), "{what}: {text}");
        }
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn what_came_instead_of_a_file_is_recognised() {
    let cut = "it was not written to its end: get it again";
    for (bytes, expected) in [
        (&b""[..], format!("expected a safetensors file, got an empty file; {cut}")),
        (&[0; 100], format!("expected a safetensors file, got what looks like a file of zeros; {cut}")),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 102\n",
            "expected a safetensors file, got what looks like a pointer of Git LFS; get the file that it stands for: `git lfs pull`".to_owned(),
        ),
        (
            b"\n<!DOCTYPE HTML>\n<html><body>Please log in</body></html>",
            "expected a safetensors file, got what looks like a page of the web; download the file itself".to_owned(),
        ),
        (
            b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
            "expected a safetensors file, got what looks like a page of the web; download the file itself".to_owned(),
        ),
        (
            b"\xef\xbb\xbf{\"error\": \"not found\"}",
            "expected a safetensors file, got what looks like JSON; it may describe a model, whose weights are in another file".to_owned(),
        ),
        (
            b"{\n  \"metadata\": {\"total_size\": 1},\n  \"weight_map\": {\"a\": \"model-1.safetensors\"}\n}",
            "expected a safetensors file, got what looks like the index of a model in several files; load each of the files that it names".to_owned(),
        ),
        (
            b"GGUF\x03\0\0\0\x10\0\0\0\0\0\0\0",
            "expected a safetensors file, got what looks like a GGUF file; this crate does not read the quantised weights of language models".to_owned(),
        ),
        (
            b"weight,bias\n1,2\n",
            "expected a safetensors file, which begins with the length of its header, at most 4194304, got 7074157106452587895".to_owned(),
        ),
    ] {
        for text in texts(bytes) {
            assert_eq!(text, expected);
        }
    }
}

/// What a damaged file of the right kind is told does not change.
#[test]
fn a_damaged_file_is_not_taken_for_another() {
    let header = r#"{"fc1.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
    // Lengths which are also how a pickle, a gzip file, JSON and an ONNX file begin.
    for len in [0x0280, 0x0008_8b1f, 0x5b, 0x7b, 0x003a_0908] {
        let whole = file(&format!("{header}{}", " ".repeat(len - header.len())), 24);
        for (end, expected) in [
            (8, format!("expected a header of {len} bytes, got only 0 bytes")),
            (9, format!("expected a header of {len} bytes, got only 1 bytes")),
            (len + 7, format!("expected a header of {len} bytes, got only {} bytes", len - 1)),
            (len + 20, "expected 24 bytes of tensors, got 12".to_owned()),
        ] {
            for text in texts(&whole[..end]) {
                assert_eq!(text, expected);
            }
        }
    }
}

#[test]
fn a_folder_is_told() {
    let folder = std::env::temp_dir();
    let expected = format!(
        "read `{}`: expected a file, got a folder; name a file that is in it, such as `model.safetensors`",
        folder.display()
    );
    assert_eq!(model().load(&folder).unwrap_err().to_string(), expected);
    assert_eq!(Sequential::<f32>::open(&folder).unwrap_err().to_string(), expected);
}
