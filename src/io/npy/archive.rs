//! `.npz`: a zip file with a `.npy` file for each array.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::array::NumpyArray;
use super::entry::Entry;
use super::origin::Origin;
use crate::io::atomic::write_atomically;
use crate::io::file;
use crate::io::recognise::{NUMPY_ARCHIVE, START, recognise};
use crate::{Error, Result, Scalar, Tensor};

const EXTENSION: &str = ".npy";

/// A byte of deflated data becomes at most so many: two bits stand for 258 bytes.
const MOST_INFLATION: u64 = 1032;

/// Larger members need longer fields in a zip file.
const MOST_SHORT_BYTES: u64 = 0xffff_0000;

/// The arrays of a `.npz` file, by name.
///
/// ```
/// use taper::{Tensor, io::npy::{self, Archive, Entry}};
///
/// # let path = std::env::temp_dir().join(format!("taper-archive-{}.npz", std::process::id()));
/// let (weight, bias) = (Tensor::from([[1.0_f32, 2.0]]), Tensor::from([3.0_f32, 4.0]));
/// npy::write_archive(&path, [("weight", Entry::from(&weight)), ("bias", Entry::from(&bias))])?;
/// let tensors = Archive::open(&path)?.tensors::<f32>()?;
/// assert_eq!(tensors, [("weight".to_owned(), weight), ("bias".to_owned(), bias)]);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug)]
pub struct Archive {
    origin: Origin,
    zip: ZipArchive<BufReader<File>>,
    bytes: u64,
}

impl Archive {
    /// Opens a file and reads the names of its arrays.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, [`Error::File`] where it is not a zip file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let origin = Origin::file(path.as_ref());
        let (mut file, bytes) = file::open(path.as_ref())?;
        let mut start = Vec::new();
        let read =
            Read::by_ref(&mut file).take(START as u64).read_to_end(&mut start).and_then(|_| file.rewind());
        read.map_err(|error| origin.failed(&error))?;
        let another = || recognise(&start, NUMPY_ARCHIVE).map(|problem| origin.problem(problem));
        let zip = ZipArchive::new(BufReader::new(file));
        let zip = zip.map_err(|error| another().unwrap_or_else(|| failed(&origin, error)))?;
        let archive = Self { origin: origin.clone(), zip, bytes };
        match another() {
            Some(error) if archive.names().is_empty() && !archive.zip.is_empty() => Err(error),
            _ => Ok(archive),
        }
    }

    /// The names of the arrays, in the order of the file.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.zip.file_names().filter_map(|name| name.strip_suffix(EXTENSION)).collect()
    }

    /// The array of this name.
    ///
    /// # Errors
    /// [`Error::File`] where there is none, or it is not an array of numbers; [`Error::Io`] where the file cannot be read.
    pub fn array(&mut self, name: &str) -> Result<NumpyArray<'_>> {
        let Some(index) = self.zip.index_for_name(&format!("{name}{EXTENSION}")) else {
            return Err(self.origin.problem(Error::unknown_name("array name", self.names(), name)));
        };
        let origin = self.origin.array(name);
        let member = self.zip.by_index(index).map_err(|error| failed(&origin, error))?;
        let (size, stored) = (member.size(), member.compressed_size().min(self.bytes));
        let most = match member.compression() {
            CompressionMethod::Stored => stored,
            _ => stored.saturating_mul(MOST_INFLATION),
        };
        if size > most {
            let problem = format!("expected at most {most} bytes in {stored} bytes of the file, got {size}");
            return Err(origin.problem(problem));
        }
        NumpyArray::new(origin, Box::new(member), size)
    }

    /// All arrays, each as [`NumpyArray::tensor`] reads it.
    ///
    /// # Errors
    /// [`Error::File`] where one of them is of another type, or is not an array of numbers; [`Error::Io`] where the file cannot be read.
    pub fn tensors<T: Scalar>(&mut self) -> Result<Vec<(String, Tensor<T>)>> {
        let names: Vec<String> = self.names().into_iter().map(str::to_owned).collect();
        let mut tensors = Vec::with_capacity(names.len());
        for name in names {
            let tensor = self.array(&name)?.tensor()?;
            tensors.push((name, tensor));
        }
        Ok(tensors)
    }
}

/// Writes arrays with their names to a `.npz` file, in place of one that is there: `numpy.savez`. They are not compressed: weights
/// hardly get smaller.
///
/// # Errors
/// [`Error::File`] where two have the same name, [`Error::Io`] where the file cannot be written, and for a label of 2⁶³ or more; one
/// that was there is unchanged then.
pub fn write_archive<'a, N: AsRef<str>>(
    path: impl AsRef<Path>,
    entries: impl IntoIterator<Item = (N, Entry<'a>)>,
) -> Result<()> {
    let entries: Vec<(N, Entry<'a>)> = entries.into_iter().collect();
    let mut names = HashSet::new();
    for (name, _) in &entries {
        if !names.insert(name.as_ref()) {
            let problem =
                format!("array name `{}`: expected a name of its own, got one twice", name.as_ref());
            return Err(Origin::file(path.as_ref()).problem(problem));
        }
    }
    write_atomically(path.as_ref(), &mut |file| {
        let mut zip = ZipWriter::new(BufWriter::new(file));
        for (name, entry) in &entries {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .large_file(entry.bytes() > MOST_SHORT_BYTES);
            zip.start_file(format!("{}{EXTENSION}", name.as_ref()), options)?;
            entry.write(&mut zip)?;
        }
        zip.finish()?.flush()
    })
}

fn failed(origin: &Origin, error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => origin.failed(&error),
        error => origin.problem(format!("expected an archive of NumPy arrays, got another file ({error})")),
    }
}
