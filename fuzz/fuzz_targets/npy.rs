//! NumPy's files that may be anything: an error of a bounded text or arrays that fit their bytes, and never a panic.
//!
//! The first byte of an input chooses `.npy` or `.npz`; the rest is the file.

#![no_main]

mod brief;

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use taper::io::npy::{self, Archive, NumpyArray};
use taper::{Result, Tensor};

use brief::is_brief;

/// A file is read from where files are: there is no way round the file system.
fn path() -> &'static Path {
    static PATH: OnceLock<std::path::PathBuf> = OnceLock::new();
    PATH.get_or_init(|| std::env::temp_dir().join(format!("taper-fuzz-npy-{}", std::process::id())))
}

fn look(array: Result<NumpyArray>, as_type: u8, bytes: usize) {
    let array = match array {
        Ok(array) => array,
        Err(error) => return is_brief(&error),
    };
    let shape = array.shape();
    let numbers: Result<Tensor<f64>> = match as_type % 4 {
        0 => array.tensor(),
        1 => array.integers(),
        2 => array.rounded(),
        _ => match array.labels() {
            Ok(labels) => return assert_eq!(labels.len(), shape.len()),
            Err(error) => return is_brief(&error),
        },
    };
    match numbers {
        Ok(tensor) => {
            assert_eq!(tensor.shape(), shape);
            // A byte of a file is at most a number, and in an archive what 1032 bytes deflate to.
            assert!(tensor.as_slice().len() <= bytes.saturating_mul(1032));
        }
        Err(error) => is_brief(&error),
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, file)) = input.split_first() else { return };
    std::fs::write(path(), file).unwrap();
    if choice & 1 == 0 {
        return look(npy::open(path()), choice >> 1, file.len());
    }
    match Archive::open(path()) {
        Err(error) => is_brief(&error),
        Ok(mut archive) => {
            let names: Vec<String> = archive.names().into_iter().map(str::to_owned).collect();
            for name in names {
                look(archive.array(&name), choice >> 1, file.len());
            }
        }
    }
});
