//! Numbers in another file: in the folder of the model, and nowhere else.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use crate::io::Verdict;

/// Where other files may be.
#[derive(Debug)]
pub(super) struct External<'a> {
    /// None where the model has no folder, as it came as bytes.
    folder: Option<&'a Path>,
    /// How many bytes have been read, of each file.
    read: RefCell<HashMap<PathBuf, u64>>,
}

impl<'a> External<'a> {
    pub(super) fn of_folder(folder: Option<&'a Path>) -> Self {
        Self { folder, read: RefCell::default() }
    }

    /// How many bytes have been read.
    pub(super) fn read_so_far(&self) -> usize {
        let read = self.read.borrow().values().fold(0_u64, |sum, &read| sum.saturating_add(read));
        usize::try_from(read).unwrap_or(usize::MAX)
    }

    /// The bytes that the entries of a tensor tell of, which must be so many.
    pub(super) fn read(&self, entries: &[(&str, &str)], size: usize) -> Verdict<Vec<u8>> {
        let entry = |key: &str| entries.iter().find(|entry| entry.0 == key).map(|entry| entry.1);
        let number = |key: &str| {
            let number = entry(key).map(str::parse::<u64>).transpose();
            number.map_err(|_| {
                format!("external data: expected `{key}`, a whole number, got `{}`", entry(key).unwrap_or(""))
            })
        };
        let location = entry("location").ok_or("external data: expected `location`, got none")?;
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        if length.is_some_and(|length| length != size as u64) {
            return Err(format!(
                "external data `{location}`: expected {size} bytes, got {}",
                length.unwrap_or(0)
            ));
        }
        let told = |problem: String| format!("external data `{location}`: {problem}");
        let mut file = self.open(location).map_err(told)?;
        let metadata = file.metadata().map_err(|error| told(error.to_string()))?;
        let end = offset.checked_add(size as u64).filter(|&end| end <= metadata.len());
        // Tensors may share bytes; what they take together is bounded by what is there.
        let mut of_files = self.read.borrow_mut();
        let before = of_files.entry(Path::new(location).components().collect()).or_default();
        let read = before.saturating_add(size as u64);
        if end.is_none() || !metadata.is_file() || read > metadata.len().saturating_mul(2).max(1 << 20) {
            return Err(told(format!(
                "expected a file with {size} bytes from {offset} on that no other tensor has, got one of {}",
                metadata.len()
            )));
        }
        *before = read;
        let mut bytes = vec![0; size];
        let got = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes));
        got.map(|()| bytes).map_err(|error| told(error.to_string()))
    }

    /// Opens a file of the folder. What leads out of it is refused before anything is opened: an absolute path, a folder above, a link.
    fn open(&self, location: &str) -> Verdict<File> {
        let folder =
            self.folder.ok_or("expected a model in a file, as the numbers are beside it, got bytes")?;
        let path = Path::new(location);
        let is_inside =
            path.components().all(|part| matches!(part, Component::Normal(_))) && !location.is_empty();
        if !is_inside || location.contains('\0') || location.contains('\\') {
            return Err("expected a path in the folder of the model, got one that leads out of it".to_owned());
        }
        let mut whole = folder.to_path_buf();
        for part in path.components() {
            whole.push(part);
            let metadata = fs::symlink_metadata(&whole).map_err(|error| error.to_string())?;
            if metadata.is_symlink() {
                return Err("expected a file in the folder of the model, got a link".to_owned());
            }
        }
        if !whole.is_file() {
            return Err("expected a file, got a folder or a device".to_owned());
        }
        File::open(&whole).map_err(|error| error.to_string())
    }
}
