//! Files that are broken, or made to break who reads them.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use taper::io::npy::{self, Archive};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{error, file, fixture, place};

/// A file with this dictionary and these bytes behind it.
fn array(dictionary: &str, numbers: &[u8]) -> Vec<u8> {
    let length = u16::try_from(dictionary.len() + 1).unwrap();
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], dictionary.as_bytes(), b"\n", numbers].concat()
}

fn dictionary(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")
}

/// A zip file with one member.
fn archive(name: &str, method: CompressionMethod, bytes: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Reads what there is; only a panic or an endless wait is wrong.
fn read(path: &Path) {
    drop(npy::open(path).map(npy::NumpyArray::rounded::<f32>));
    if let Ok(mut archive) = Archive::open(path) {
        drop(archive.tensors::<f64>());
        drop(archive.array("labels").map(npy::NumpyArray::labels));
    }
}

#[test]
fn another_file_is_an_error() {
    let other = "expected a NumPy array, which begins with `\\x93NUMPY`, got another file";
    let cut = "expected a complete header, got the end of the file";
    for (name, bytes, expected) in [
        (
            "empty",
            &b""[..],
            "expected a NumPy array, got an empty file; it was not written to its end: get it again",
        ),
        ("text", b"x,y\n1,2\n", other),
        ("magic-begun", b"\x93NUM", other),
        ("magic-alone", b"\x93NUMPY", cut),
        ("version-alone", b"\x93NUMPY\x01\x00", cut),
        ("length-begun", b"\x93NUMPY\x01\x00\x76", cut),
        ("dictionary-begun", b"\x93NUMPY\x01\x00\x76\x00{'descr'", cut),
        (
            "long-header",
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
            "expected a header of at most 10000 bytes, got one of 4294967295",
        ),
        (
            "version-4",
            b"\x93NUMPY\x04\x00\x02\x00\x00\x00{}\n",
            "expected a header of NumPy's version 1.0, 2.0 or 3.0, got [4, 0]",
        ),
    ] {
        assert_eq!(error(npy::open(file(name, bytes))), expected, "{name}");
    }
    let text = error(Archive::open(file("not-zip", b"PK but no more")));
    assert!(text.starts_with("expected an archive of NumPy arrays, got another file ("), "{text}");
}

#[test]
fn files_of_other_programs_are_recognised() {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "others", "beginnings.jsonl"].iter().collect();
    for row in fs::read_to_string(path).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let (what, start) = (row["what"].as_str().unwrap(), row["start"].as_str().unwrap());
        let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let path = file("other", &start.as_bytes().chunks(2).map(digits).collect::<Vec<u8>>());
        let opened = [
            ("a NumPy array", npy::open(&path).map(drop)),
            ("an archive of NumPy arrays", Archive::open(&path).map(drop)),
        ];
        // An archive of nothing is one of no arrays.
        let is_empty = start.starts_with("504b0506");
        for (expected, opened) in opened {
            if what != expected && !(is_empty && opened.is_ok()) {
                let text = error(opened);
                let known = format!("expected {expected}, got what looks like {what}; ");
                assert!(text.starts_with(&known), "{text}");
            }
        }
    }
    // A whole zip file of others is one, too.
    let torch = archive("model/data.pkl", CompressionMethod::Stored, b"\x80\x02}q\x00.");
    let text = error(Archive::open(file("other.npz", &torch)));
    let expected =
        "expected an archive of NumPy arrays, got what looks like a file of `torch.save`; in Python: ";
    assert!(text.starts_with(expected), "{text}");
}

/// No text grows with what a file has in it, and none has lines.
#[test]
fn errors_are_brief() {
    let long = "x".repeat(9000);
    let lines = "\x1b[2J\u{85}".repeat(1000);
    for (dictionary, numbers) in [
        (dictionary("'<f4'", &format!("({})", "1, ".repeat(3000))), &[0; 4][..]),
        (dictionary("'<f4'", &format!("({})", "9".repeat(9000))), &[]),
        (dictionary("'<f4'", &long), &[]),
        (dictionary(&format!("'{long}'"), "(1,)"), &[]),
        (dictionary(&format!("'{lines}'"), "(1,)"), &[]),
        (dictionary(&format!("'<f4', '{long}': 1"), "(1,)"), &[]),
        (lines.clone(), &[]),
    ] {
        let bytes = array(&dictionary, numbers);
        let text = error(npy::open(file("brief", &bytes)));
        assert!(text.len() < 800 && !text.chars().any(char::is_control), "{} bytes: {text:?}", text.len());
        let name = "n".repeat(60_000);
        let bytes = archive(&format!("{name}.npy"), CompressionMethod::Stored, &bytes);
        let mut archive = Archive::open(file("brief.npz", &bytes)).unwrap();
        for text in
            [archive.array(&name).unwrap_err().to_string(), archive.array("x").unwrap_err().to_string()]
        {
            assert!(
                text.len() <= 1000 && !text.chars().any(char::is_control),
                "{} bytes: {text:?}",
                text.len()
            );
        }
    }
}

#[test]
fn a_wrong_header_is_an_error() {
    for (dictionary, expected) in [
        (dictionary("'<f4'", "(-1,)"), "`shape` is no tuple of lengths"),
        (dictionary("'<f4'", "(99999999999999999999999,)"), "`shape` is no tuple of lengths"),
        (dictionary("'<f4'", "(1.0,)"), "expected a whole number, got `1.0`"),
        (dictionary("'<f4'", "3"), "`shape` is no tuple of lengths"),
        (dictionary("'<f4'", "(3"), "expected a value, got `}`"),
        (dictionary("'<f4'", "(__import__('os'),)"), "expected a value, got `__import__`"),
        (dictionary("'<f4', 'more': 1", "(1,)"), "unknown key `more`"),
        (dictionary("'<g4'", "(1,)"), "expected real numbers, got `<g4`"),
        (dictionary("'é'", "(1,)"), "expected real numbers, got `Ã©`"),
        (dictionary("4", "(1,)"), "expected real numbers, got a `descr` that is no text"),
        (dictionary("''", "(1,)"), "expected real numbers, got ``"),
        ("{'descr': '<f4', 'shape': (1,)}".to_owned(), "missing key `fortran_order`"),
        ("[1]".to_owned(), "no dictionary"),
        (String::new(), "expected a value, got the end"),
    ] {
        let text = error(npy::open(file("header", &array(&dictionary, &[0; 4]))));
        assert!(text.contains(expected), "{dictionary}: {text}");
    }
}

/// Brackets in brackets take neither the stack nor time without end.
#[test]
fn a_deep_header_is_an_error() {
    for (open, close) in [("{", "}"), ("[", "]"), ("(", ",)"), ("{1:", "}")] {
        for depth in [3, 20, 2000] {
            let descr = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let text = error(npy::open(file("deep", &array(&dictionary(&descr, "(1,)"), &[0; 4]))));
            assert!(text.len() < 200, "{text}");
        }
    }
    let wide = format!("({})", "1, ".repeat(3000));
    read(&file("wide", &array(&dictionary("'<f4'", &wide), &[0; 4])));
    let signs = format!("({}1,)", "-".repeat(9000));
    read(&file("signs", &array(&dictionary("'<f4'", &signs), &[0; 4])));
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_shape_that_the_file_cannot_fill_is_an_error() {
    for (shape, expected) in [
        ("(3,)", "expected 12 bytes for float32 [3], got 8"),
        ("(1099511627776,)", "expected 4398046511104 bytes for float32 [1099511627776], got 8"),
        (
            "(9223372036854775807, 9223372036854775807)",
            "expected 18446744073709551615 bytes for float32 [9223372036854775807, 9223372036854775807], got 8",
        ),
    ] {
        let bytes = array(&dictionary("'<f4'", shape), &[0; 8]);
        assert_eq!(error(npy::open(file("shape.npy", &bytes))), expected);
        let bytes = archive("x.npy", CompressionMethod::Deflated, &bytes);
        let mut archive = Archive::open(file("shape.npz", &bytes)).unwrap();
        assert_eq!(error(archive.array("x")), format!("array `x`: {expected}"));
    }
    // Nothing of a length that does not fit beside an axis of none.
    let bytes = array(&dictionary("'<f4'", "(9223372036854775807, 9223372036854775807, 0)"), &[]);
    read(&file("nothing.npy", &bytes));
}

#[test]
#[cfg(target_pointer_width = "32")]
fn a_length_beyond_32_bits_is_an_error() {
    let bytes = array(&dictionary("'<f4'", "(1099511627776,)"), &[0; 8]);
    let text = error(npy::open(file("shape.npy", &bytes)));
    assert!(text.contains("`shape` is no tuple of lengths from 0 to 4294967295"), "{text}");
    let bytes = array(&dictionary("'<f4'", "(2147483648, 4)"), &[0; 8]);
    let text = error(npy::open(file("shape.npy", &bytes)));
    assert!(text.ends_with("for float32 [2147483648, 4], got 8"), "{text}");
}

/// The sizes that an archive states are compared with its own.
#[test]
fn an_archive_that_states_too_much_is_an_error() {
    let numbers = vec![0; 1 << 20];
    let bytes = array(&dictionary("'|u1'", "(1048576,)"), &numbers);
    let honest = archive("x.npy", CompressionMethod::Deflated, &bytes);
    assert!(honest.len() < 2048, "{}", honest.len());
    let path = file("honest.npz", &honest);
    assert_eq!(Archive::open(&path).unwrap().array("x").unwrap().labels(), Ok(vec![0; 1 << 20]));

    // The uncompressed size stands 24 bytes behind the beginning of the central directory's entry.
    let central = honest.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let mut boastful = honest.clone();
    boastful[central + 24..central + 28].copy_from_slice(&0xf000_0000_u32.to_le_bytes());
    let mut archive = Archive::open(file("boastful.npz", &boastful)).unwrap();
    let text = error(archive.array("x"));
    assert!(text.starts_with("array `x`: expected at most "), "{text}");
}

#[test]
fn a_wrong_checksum_is_an_error() {
    for (name, offset) in [("stored.npz", 200), ("deflated.npz", 0)] {
        let mut bytes = fs::read(fixture(name)).unwrap();
        if offset == 0 {
            // The checksum stands 16 bytes behind the beginning of the central directory's entry.
            let central = bytes.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
            bytes[central + 16] ^= 1;
        } else {
            bytes[offset] ^= 1;
        }
        let mut archive = Archive::open(file(&format!("checksum-{name}"), &bytes)).unwrap();
        let text = error(archive.tensors::<f32>());
        assert!(text.contains("checksum"), "{name}: {text}");
    }
}

/// Files of one changed byte each, and of each length.
#[test]
fn no_damage_is_a_panic() {
    // The numbers of an array are no different from each other: its first 200 bytes are all.
    for (name, step) in [
        ("float64_fortran.npy", 1),
        ("float16.npy", 1),
        ("bool.npy", 1),
        ("stored.npz", 3),
        ("deflated.npz", 1),
    ] {
        let bytes = fs::read(fixture(name)).unwrap();
        let path = place(&format!("damaged-{name}"));
        let end = if name.ends_with("npz") { bytes.len() } else { bytes.len().min(200) };
        for index in (0..end).step_by(step) {
            for value in [0xff, bytes[index] ^ 1] {
                let mut damaged = bytes.clone();
                damaged[index] = value;
                fs::write(&path, &damaged).unwrap();
                read(&path);
            }
            fs::write(&path, &bytes[..index]).unwrap();
            read(&path);
        }
    }
}
