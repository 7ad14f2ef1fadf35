//! What can be written to `.npy` and `.npz` files.

use std::fmt;
use std::io::{self, Error, ErrorKind, Write};

use num_traits::ToPrimitive;

use super::header::header;
use crate::{Scalar, Shape, Tensor, TensorView};

/// So many numbers are turned into bytes at a time.
const BLOCK: usize = 8192;

/// What is written as an array: a tensor or a view, as float32 or float64, or labels, as int64.
///
/// Made with `Entry::from`, or by itself where a function takes `impl Into<Entry>`:
///
/// ```
/// use taper::{Tensor, io::npy::Entry};
///
/// let (images, labels) = (Tensor::<f32>::zeros([2, 28, 28])?, vec![0, 1]);
/// let entries = [("images", Entry::from(&images)), ("labels", Entry::from(&labels))]; // for `npy::write_archive`
/// # let _ = entries;
/// # Ok::<(), taper::Error>(())
/// ```
pub struct Entry<'a> {
    descr: &'static str,
    shape: Shape,
    numbers: Box<dyn Numbers + 'a>,
}

/// Writes the bytes of all numbers, the lowest first.
trait Numbers {
    fn write(&self, writer: &mut dyn Write) -> io::Result<()>;
}

impl Entry<'_> {
    /// The number of bytes in the file.
    pub(super) fn bytes(&self) -> u64 {
        (header(self.descr, self.shape).len() + self.shape.len() * 8) as u64
    }

    /// Writes a whole `.npy` file.
    pub(super) fn write(&self, writer: &mut dyn Write) -> io::Result<()> {
        writer.write_all(&header(self.descr, self.shape))?;
        self.numbers.write(writer)
    }
}

impl<T: Scalar> Numbers for &[T] {
    fn write(&self, writer: &mut dyn Write) -> io::Result<()> {
        // Between equal types the conversion is none, so that all bits stay.
        if T::NAME == "f32" {
            write_numbers(self, writer, |value| Some(value.to_f32()?.to_le_bytes()))
        } else {
            write_numbers(self, writer, |value| Some(value.to_f64()?.to_le_bytes()))
        }
    }
}

impl Numbers for &[usize] {
    fn write(&self, writer: &mut dyn Write) -> io::Result<()> {
        write_numbers(self, writer, |label| Some(label.to_i64()?.to_le_bytes()))
    }
}

fn write_numbers<T, const BYTES: usize>(
    numbers: &[T],
    writer: &mut dyn Write,
    bytes: impl Fn(&T) -> Option<[u8; BYTES]>,
) -> io::Result<()> {
    let mut block = Vec::with_capacity(BLOCK * BYTES);
    for numbers in numbers.chunks(BLOCK) {
        block.clear();
        for number in numbers {
            let too_large =
                || Error::new(ErrorKind::InvalidInput, "expected labels below 2^63, got a larger one");
            block.extend_from_slice(&bytes(number).ok_or_else(too_large)?);
        }
        writer.write_all(&block)?;
    }
    Ok(())
}

impl<'a, T: Scalar> From<TensorView<'a, T>> for Entry<'a> {
    fn from(view: TensorView<'a, T>) -> Self {
        let descr = if T::NAME == "f32" { "<f4" } else { "<f8" };
        Self { descr, shape: view.shape(), numbers: Box::new(view.as_slice()) }
    }
}

impl<'a, T: Scalar> From<&'a Tensor<T>> for Entry<'a> {
    fn from(tensor: &'a Tensor<T>) -> Self {
        tensor.view().into()
    }
}

impl<'a> From<&'a [usize]> for Entry<'a> {
    fn from(labels: &'a [usize]) -> Self {
        Self { descr: "<i8", shape: [labels.len()].into(), numbers: Box::new(labels) }
    }
}

impl<'a> From<&'a Vec<usize>> for Entry<'a> {
    fn from(labels: &'a Vec<usize>) -> Self {
        labels.as_slice().into()
    }
}

impl<'a, const N: usize> From<&'a [usize; N]> for Entry<'a> {
    fn from(labels: &'a [usize; N]) -> Self {
        labels.as_slice().into()
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry {} {}", self.descr, self.shape)
    }
}
