//! Files of NumPy's are read and written, and whatever else a file may hold is an error.

mod headers;
mod hostile;
mod reading;
mod writing;

use std::fs;
use std::path::PathBuf;

use taper::Result;

/// A file that NumPy wrote.
fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "numpy", name].iter().collect()
}

/// A place for a file of this test's.
fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("npy-{name}"))
}

/// A file with these bytes.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = place(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// The text of an error, without the path that it begins with.
fn error<T>(result: Result<T>) -> String {
    let text = result.map_or_else(|error| error.to_string(), |_| "no error".to_owned());
    assert!(text.starts_with("file `") || text.starts_with("read `"), "{text}");
    text.split_once("`: ").unwrap().1.to_owned()
}
