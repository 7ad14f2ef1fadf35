//! Files that are there as a whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Writes a file beside the one at `path`, and puts it in its place when it is complete.
pub(crate) fn write_atomically(
    path: &Path,
    write: &mut dyn FnMut(&mut File) -> io::Result<()>,
) -> Result<()> {
    let mut name = OsString::from(path);
    name.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(name);
    let written = File::create(&beside).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    written.map_err(|error| {
        drop(fs::remove_file(&beside));
        Error::Io {
            action: "writing",
            path: path.display().to_string(),
            kind: error.kind(),
            problem: error.to_string(),
        }
    })
}
