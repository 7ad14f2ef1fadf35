//! The tensors and texts of a safetensors file, without a model.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::archive::{Dtype, Entry};
use super::atomic::io_error;
use super::file::open;
use super::header::{Described, Header, LENGTH_BYTES, header, header_len};
use super::recognise::{SAFETENSORS, START, recognise};
use super::{IN_MEMORY, Verdict};
use crate::{Error, Result, Scalar, Shape, Tensor};

/// A safetensors file: its tensors by name, and its metadata. Only the header is read until a tensor is asked for: the `safe_open` of
/// the Python package `safetensors`.
///
/// ```
/// use taper::io::{Save, TensorFile};
/// use taper::{Sequential, Shape};
///
/// # let path = std::env::temp_dir().join(format!("taper-tensor-file-{}.safetensors", std::process::id()));
/// let model = Sequential::<f32>::builder([4]).dense(3).named("fc").build(&mut taper::seeded(7))?;
/// model.save_with(&path, &Save::new().with_entry("licence", "CC-BY-4.0")?)?;
///
/// let file = TensorFile::open(&path)?;
/// assert_eq!(file.metadata()["licence"], "CC-BY-4.0");
/// for name in file.names() {
///     println!("{name} {}", file.shape(name).unwrap()); // fc.weight [3, 4], fc.bias [3]
/// }
/// let weight = file.tensor::<f64>("fc.weight")?;
/// assert_eq!(weight.shape(), Shape::from([3, 4]));
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), taper::Error>(())
/// ```
pub struct TensorFile {
    source: Source,
    /// Where the tensors begin.
    start: usize,
    header: Header,
}

enum Source {
    /// Whoever reads moves the place in it, so one at a time.
    File(PathBuf, Mutex<File>),
    Bytes(Vec<u8>),
}

impl TensorFile {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, [`Error::File`] where it is none or is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (mut file, len) = open(path)?;
        let failed = |error: io::Error| io_error("read", path, &error);
        let wrong = |problem: String| Error::file(&path.display().to_string(), &problem);
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(START as u64).read_to_end(&mut bytes).map_err(failed)?;
        let recognised = |bytes: &[u8], problem| wrong(recognise(bytes, SAFETENSORS).unwrap_or(problem));
        let start = LENGTH_BYTES + header_len(&bytes).map_err(|problem| recognised(&bytes, problem))?;
        let rest = start.saturating_sub(bytes.len()) as u64;
        Read::by_ref(&mut file).take(rest).read_to_end(&mut bytes).map_err(failed)?;
        let data = usize::try_from(len.saturating_sub(start as u64))
            .map_err(|_| failed(ErrorKind::OutOfMemory.into()))?;
        let parsed = header(&bytes).and_then(|text| Header::parse(text, data));
        let header = parsed.map_err(|problem| recognised(&bytes, problem))?;
        Ok(Self { source: Source::File(path.to_owned(), Mutex::new(file)), start, header })
    }

    /// [`TensorFile::open`] of the bytes of a file.
    ///
    /// # Errors
    /// [`Error::File`] where they are no safetensors file.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        let parsed = header(&bytes).and_then(|text| {
            let start = LENGTH_BYTES + text.len();
            Ok((start, Header::parse(text, bytes.len() - start)?))
        });
        let parsed = parsed.map_err(|problem| recognise(&bytes, SAFETENSORS).unwrap_or(problem));
        let (start, header) = parsed.map_err(|problem| Error::file(IN_MEMORY, &problem))?;
        Ok(Self { source: Source::Bytes(bytes), start, header })
    }

    /// The texts in the file's metadata: those of [`Save::with_entry`](super::Save::with_entry), or whatever another program wrote.
    /// What this crate writes of a model, `taper`, is among them.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.header.texts
    }

    /// The names of all tensors, in the order in which they lie in the file.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.header.tensors.iter().map(|(name, _)| name.as_str())
    }

    /// The shape of a tensor as it lies in the file, where it is there.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<Shape> {
        self.described(name).map(|described| described.shape)
    }

    /// The type of a tensor's numbers, where it is there: `f32`, `bf16`, `i64`, ….
    #[must_use]
    pub fn number_type(&self, name: &str) -> Option<String> {
        self.described(name).map(|described| described.dtype.to_string().to_lowercase())
    }

    /// A tensor of `f64`, `f32`, `f16` or `bf16` as it lies in the file, rounded to `T`; NaN and infinity stay. No other is
    /// read.
    ///
    /// # Errors
    /// [`Error::UnknownName`] where there is none of this name; [`Error::File`] for numbers of another type, and for one that
    /// is too large for `T`; [`Error::Io`] where the file cannot be read.
    pub fn tensor<T: Scalar>(&self, name: &str) -> Result<Tensor<T>> {
        let Some(described) = self.described(name) else {
            return Err(Error::unknown_name("name of a tensor", self.names(), name));
        };
        let path = match &self.source {
            Source::Bytes(_) => IN_MEMORY.to_owned(),
            Source::File(path, _) => path.display().to_string(),
        };
        let bytes = self.bytes(described.place.clone())?;
        tensor(name, described, &bytes).map_err(|problem| Error::file(&path, &problem))
    }

    /// What the file says of itself.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes at a place behind the header.
    pub(super) fn bytes(&self, place: Range<usize>) -> Result<Cow<'_, [u8]>> {
        let (start, end) = (self.start + place.start, self.start + place.end);
        match &self.source {
            Source::Bytes(bytes) => Ok(Cow::Borrowed(&bytes[start..end])),
            Source::File(path, file) => {
                // Where another reader has panicked, the place is set anew.
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let bytes = read(&mut file, start as u64, end - start);
                bytes.map(Cow::Owned).map_err(|error| io_error("read", path, &error))
            }
        }
    }

    fn described(&self, name: &str) -> Option<&Described> {
        self.header.tensors.iter().find(|(known, _)| known == name).map(|(_, described)| described)
    }
}

fn read(file: &mut File, start: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| ErrorKind::OutOfMemory)?;
    bytes.resize(len, 0);
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn tensor<T: Scalar>(name: &str, described: &Described, bytes: &[u8]) -> Verdict<Tensor<T>> {
    let &Described { dtype, shape, .. } = described;
    let entry = Entry { name: name.to_owned(), dtype, shape, bytes };
    let numbers = entry.numbers().map_err(|problem| format!("tensor `{name}`: {problem}"))?;
    let tensor = entry.tensor::<T>()?;
    // Only a number of double precision can be too large.
    if dtype == Dtype::F64 {
        let infinite = tensor.as_slice().iter().enumerate().filter(|(_, value)| value.is_infinite());
        for (place, value) in infinite {
            let wide: f64 = numbers.at(place);
            if wide.is_finite() {
                return Err(format!(
                    "tensor `{name}`: expected numbers that {} has, got {wide} at {place}, which is {value} there",
                    T::NAME
                ));
            }
        }
    }
    Ok(tensor)
}

impl fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tensors = self.header.tensors.iter().map(|(name, described)| (name, described.shape));
        f.debug_map().entries(tensors).finish()
    }
}
