//! A file is opened and read.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::atomic::io_error;
use crate::Result;

/// The bytes of a file, which must be one and no device that never ends.
#[cfg(feature = "safetensors")]
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let (file, len) = open(path)?;
    read_bytes(file, len).map_err(|error| io_error("read", path, &error))
}

#[cfg(feature = "safetensors")]
fn read_bytes(file: File, len: u64) -> io::Result<Vec<u8>> {
    use std::io::Read;

    let mut bytes = Vec::new();
    let reserved = usize::try_from(len).map_err(|_| ErrorKind::OutOfMemory)?;
    bytes.try_reserve_exact(reserved).map_err(|_| ErrorKind::OutOfMemory)?;
    // Where somebody makes the file longer meanwhile, the rest is not read.
    file.take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a file to be read, with its length. It must be one and no device that never ends.
pub(super) fn open(path: &Path) -> Result<(File, u64)> {
    open_file(path).map_err(|error| io_error("read", path, &error))
}

fn open_file(path: &Path) -> io::Result<(File, u64)> {
    let metadata = fs::metadata(path)?;
    let another = |problem| Err(io::Error::new(ErrorKind::InvalidInput, problem));
    if metadata.is_dir() {
        return another(
            "expected a file, got a folder; name a file that is in it, such as `model.safetensors`",
        );
    }
    if !metadata.is_file() {
        return another("expected a file, got a device");
    }
    Ok((File::open(path)?, metadata.len()))
}
