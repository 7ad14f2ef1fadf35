//! NumPy's files: `.npy` for one array, `.npz` for several with names.
//!
//! | NumPy | here |
//! |---|---|
//! | `numpy.load("x.npy")` | [`read`], [`read_labels`], or [`open`] for an array whose type is not known |
//! | `numpy.save("x.npy", x)` | [`write()`] |
//! | `numpy.load("x.npz")` | [`Archive::open`] |
//! | `numpy.savez("x.npz", x=x, y=y)` | [`write_archive`] |
//!
//! ```
//! use taper::{Tensor, io::npy};
//!
//! # let folder = std::env::temp_dir().join(format!("taper-npy-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).unwrap();
//! # let (images, labels) = (folder.join("images.npy"), folder.join("labels.npy"));
//! npy::write(&images, &Tensor::from([[0.0_f32, 0.5], [1.0, 0.25]]))?; // numpy.load("images.npy")
//! npy::write(&labels, &[2, 0])?;
//!
//! let inputs: Tensor<f32> = npy::read(&images)?;
//! assert_eq!(inputs.as_slice(), [0.0, 0.5, 1.0, 0.25]);
//! assert_eq!(npy::read_labels(&labels)?, [2, 0]);
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok::<(), taper::Error>(())
//! ```
//!
//! NumPy's usual numbers are of other types than a network's. [`read`] takes only what the tensor's type holds without
//! a change; for the rest, [`open`] tells what is in the file, and a method says what is to become of it:
//!
//! | the file's dtype | [`NumpyArray::tensor`] | [`NumpyArray::integers`] | [`NumpyArray::rounded`] | [`NumpyArray::labels`] |
//! |---|---|---|---|---|
//! | float16, float32 | yes | | yes | |
//! | float64 | into `f64` | | to the nearest | |
//! | bool, int8 … uint64 | | each exactly, or an error | to the nearest | from 0 |
//!
//! Of these numbers all is read that NumPy's own reader takes: the versions 1.0, 2.0 and 3.0, either byte order or the
//! machine's, all names of the types, headers of Python 2 and of other writers. Arrays in Fortran order are put into
//! row-major order, and what lies behind an array is left alone. Strings, dates, complex numbers, structures and Python
//! objects are errors; nothing that a file holds is ever run.
//!
//! Several arrays lie in an [`Archive`], deflated or not:
//!
//! ```
//! use taper::{Tensor, io::npy::{self, Archive, Entry}};
//!
//! # let path = std::env::temp_dir().join(format!("taper-npz-{}.npz", std::process::id()));
//! let (images, labels) = (Tensor::from([[0.0_f32, 0.5], [1.0, 0.25]]), vec![2, 0]);
//! npy::write_archive(&path, [("images", Entry::from(&images)), ("labels", Entry::from(&labels))])?;
//!
//! let mut archive = Archive::open(&path)?;
//! assert_eq!(archive.names(), ["images", "labels"]);
//! assert_eq!(archive.array("images")?.tensor::<f32>()?, images);
//! assert_eq!(archive.array("labels")?.labels()?, labels);
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), taper::Error>(())
//! ```
//!
//! # Files that are not what they say
//!
//! A file may come from anywhere. What is wrong with it is an [`Error::File`](crate::Error::File) that names the file and
//! the array. Memory is taken only after the shape has been compared with the file's length; in an archive, with
//! what its bytes can become at most, which is 1032 times as many where they are deflated. A file whose bytes are
//! fewer than its shape needs is an error, and so is an archive with a wrong checksum.
//!
//! Files are written beside their place and moved there when they are complete. `.npy` files have the same bytes as
//! `numpy.save` would write.

mod archive;
mod array;
mod dtype;
mod entry;
mod header;
mod literal;
mod origin;

use std::io::{BufWriter, Write};
use std::path::Path;

use super::atomic::write_atomically;
use super::file;
use crate::{Result, Scalar, Tensor};
use origin::Origin;

pub use archive::{Archive, write_archive};
pub use array::NumpyArray;
pub use entry::Entry;

/// The array of a `.npy` file, whose numbers are all exactly numbers of the tensor's type.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) where the file cannot be read, [`Error::File`](crate::Error::File) where it does not
/// hold such an array.
pub fn read<T: Scalar>(path: impl AsRef<Path>) -> Result<Tensor<T>> {
    open(path)?.tensor()
}

/// The whole numbers of a `.npy` file, from 0, as classes of samples; see [`NumpyArray::labels`].
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) where the file cannot be read, [`Error::File`](crate::Error::File) where it does not
/// hold labels.
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<usize>> {
    open(path)?.labels()
}

/// The array of a `.npy` file, of which only the header has been read: it tells type and shape, and one of its methods reads the
/// numbers.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) where the file cannot be read, [`Error::File`](crate::Error::File) where it is not an
/// array of numbers.
pub fn open(path: impl AsRef<Path>) -> Result<NumpyArray<'static>> {
    let origin = Origin::file(path.as_ref());
    let (file, bytes) = file::open(path.as_ref())?;
    NumpyArray::new(origin, Box::new(file), bytes)
}

/// Writes a tensor, a view or labels to a `.npy` file, in place of one that is there: `numpy.save`.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) where the file cannot be written, and for a label of 2⁶³ or more; one that was there is unchanged then.
pub fn write<'a>(path: impl AsRef<Path>, entry: impl Into<Entry<'a>>) -> Result<()> {
    let entry = entry.into();
    write_atomically(path.as_ref(), &mut |file| {
        let mut writer = BufWriter::new(file);
        entry.write(&mut writer)?;
        writer.flush()
    })
}
