//! Reads an array, header and numbers.

use std::fmt;
use std::io::{self, Read};

use num_traits::NumCast;

use super::super::Verdict;
use super::super::half::half;
use super::dtype::{ByteOrder, Dtype};
use super::header::Header;
use super::origin::Origin;
use crate::{Result, Scalar, Shape, Tensor};

/// So many bytes are turned into numbers at a time; a multiple of every number's.
const BLOCK: usize = 1 << 16;

/// An array in a `.npy` file or in an [`Archive`](super::Archive): its header has been read, its numbers have not.
///
/// ```
/// use taper::{Tensor, io::npy};
///
/// # let path = std::env::temp_dir().join(format!("taper-array-{}.npy", std::process::id()));
/// npy::write(&path, &Tensor::from([0.1_f64, 0.2]))?;
/// let array = npy::open(&path)?;
/// assert_eq!((array.dtype(), array.shape().axes()), ("float64", &[2][..]));
/// let tensor: Tensor<f32> = array.rounded()?; // `tensor` would not round
/// assert_eq!(tensor.as_slice(), [0.1, 0.2]);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), taper::Error>(())
/// ```
pub struct NumpyArray<'a> {
    origin: Origin,
    header: Header,
    /// The file from the first number on.
    reader: Box<dyn Read + 'a>,
}

impl<'a> NumpyArray<'a> {
    /// The array that is the next `bytes` bytes of the reader.
    pub(super) fn new(origin: Origin, mut reader: Box<dyn Read + 'a>, bytes: u64) -> Result<Self> {
        let header = Header::read(&mut reader, &origin)?;
        let (name, shape) = (header.dtype.name(), header.shape);
        let expected = shape.len().saturating_mul(header.dtype.bytes()) as u64;
        // What lies behind the array is none of its business.
        let got = bytes.saturating_sub(header.len as u64);
        if got < expected {
            return Err(origin.problem(format!("expected {expected} bytes for {name} {shape}, got {got}")));
        }
        Ok(Self { origin, header, reader })
    }

    /// The lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.header.shape
    }

    /// NumPy's name for the type of the numbers: `float32`, `int64`, …
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        self.header.dtype.name()
    }

    /// The array as it is: numbers of the tensor's type, or of a narrower floating-point type.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) where the numbers are of another type, or the file does not hold what its header says;
    /// [`Error::Io`](crate::Error::Io) where it cannot be read.
    pub fn tensor<T: Scalar>(self) -> Result<Tensor<T>> {
        match self.header.dtype {
            Dtype::Float16 | Dtype::Float32 => self.floats(),
            Dtype::Float64 if T::NAME == "f64" => self.floats(),
            dtype => {
                let hint = match dtype {
                    Dtype::Float64 => "`rounded` reads it",
                    _ => "`integers` reads it as floating-point numbers, `labels` as classes",
                };
                let (narrow, got) =
                    (if T::NAME == "f64" { ", float32 or float64" } else { " or float32" }, dtype);
                let problem = format!("expected float16{narrow}, got {}; {hint}", got.name());
                Err(self.origin.problem(problem))
            }
        }
    }

    /// An array of whole numbers, or of truth values as 0 and 1.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) where a number cannot be told exactly in the tensor's type, or the numbers are
    /// not of a type of whole ones; otherwise as [`NumpyArray::tensor`].
    pub fn integers<T: Scalar>(self) -> Result<Tensor<T>> {
        let shape = self.shape();
        let exact = |value: i128| cast::<T>(value).filter(|number| number.to_i128() == Some(value));
        Tensor::from_vec(shape, self.whole(exact, &format!("a number that {} can hold", T::NAME))?)
    }

    /// An array of real numbers of any type, each rounded to the nearest number of the tensor's type; beyond the
    /// largest that is infinity.
    ///
    /// # Errors
    /// As [`NumpyArray::tensor`], but for the type.
    pub fn rounded<T: Scalar>(self) -> Result<Tensor<T>> {
        match self.header.dtype {
            Dtype::Float16 | Dtype::Float32 | Dtype::Float64 => self.floats(),
            _ => Tensor::from_vec(self.shape(), self.whole(cast::<T>, "a whole number")?),
        }
    }

    /// Whole numbers as the classes of samples, one after another; axes of length 1 behind the first do not matter.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) where the numbers are not of a type of whole ones or one is below 0, or there is more than
    /// one for each sample; otherwise as [`NumpyArray::tensor`].
    pub fn labels(self) -> Result<Vec<usize>> {
        let shape = self.shape();
        if shape.axes().iter().skip(1).any(|&length| length != 1) {
            let problem = format!("expected one label for each sample, [samples], got {shape}");
            return Err(self.origin.problem(problem));
        }
        self.whole(|value| usize::try_from(value).ok(), "a label from 0")
    }

    /// Floating-point numbers of any type, rounded where they are wider than the tensor's.
    fn floats<T: Scalar>(self) -> Result<Tensor<T>> {
        let shape = self.shape();
        let values = match self.header.dtype {
            Dtype::Float16 => self.numbers(|bytes| Ok(narrow(half(u16::from_le_bytes(bytes))))),
            Dtype::Float32 => self.numbers(|bytes| Ok(narrow(f32::from_le_bytes(bytes)))),
            _ => self.numbers(|bytes| Ok(T::of(f64::from_le_bytes(bytes)))),
        };
        Tensor::from_vec(shape, values?)
    }

    /// Whole numbers of any type, each as what `convert` makes of it.
    fn whole<N: Copy>(self, convert: impl Fn(i128) -> Option<N>, expected: &str) -> Result<Vec<N>> {
        let convert = |value: i128| convert(value).ok_or_else(|| format!("expected {expected}, got {value}"));
        match self.header.dtype {
            // As for NumPy, all but 0 is true.
            Dtype::Bool => self.numbers(|[byte]| convert((byte != 0).into())),
            Dtype::Int8 => self.numbers(|bytes| convert(i8::from_le_bytes(bytes).into())),
            Dtype::Int16 => self.numbers(|bytes| convert(i16::from_le_bytes(bytes).into())),
            Dtype::Int32 => self.numbers(|bytes| convert(i32::from_le_bytes(bytes).into())),
            Dtype::Int64 => self.numbers(|bytes| convert(i64::from_le_bytes(bytes).into())),
            Dtype::Uint8 => self.numbers(|bytes| convert(u8::from_le_bytes(bytes).into())),
            Dtype::Uint16 => self.numbers(|bytes| convert(u16::from_le_bytes(bytes).into())),
            Dtype::Uint32 => self.numbers(|bytes| convert(u32::from_le_bytes(bytes).into())),
            Dtype::Uint64 => self.numbers(|bytes| convert(u64::from_le_bytes(bytes).into())),
            Dtype::Float16 | Dtype::Float32 | Dtype::Float64 => {
                Err(self.origin.problem(format!("expected whole numbers, got {}", self.header.dtype.name())))
            }
        }
    }

    /// The numbers in row-major order, each made of its bytes, the lowest first.
    fn numbers<N: Copy, const BYTES: usize>(
        mut self,
        number: impl Fn([u8; BYTES]) -> Verdict<N>,
    ) -> Result<Vec<N>> {
        let (origin, shape) = (&self.origin, self.header.shape);
        let count = shape.len();
        let mut numbers = Vec::new();
        if numbers.try_reserve_exact(count).is_err() {
            return Err(origin.problem(format!("expected an array that fits into memory, got {shape}")));
        }
        let mut block = vec![0; BLOCK.min(count * BYTES)];
        while numbers.len() < count {
            let bytes = BLOCK.min((count - numbers.len()) * BYTES);
            let block = &mut block[..bytes];
            self.reader.read_exact(block).map_err(|error| origin.failed(&error))?;
            for bytes in block.as_chunks_mut::<BYTES>().0 {
                if self.header.byte_order == ByteOrder::Big {
                    bytes.reverse();
                }
                let problem = |problem| origin.problem(format!("number {}: {problem}", numbers.len()));
                numbers.push(number(*bytes).map_err(problem)?);
            }
        }
        if origin.is_in_archive() {
            // At the end of the bytes an archive compares its checksum.
            io::copy(&mut self.reader, &mut io::sink()).map_err(|error| origin.failed(&error))?;
        }
        Ok(if self.header.is_fortran { row_major(shape, &numbers) } else { numbers })
    }
}

impl fmt::Debug for NumpyArray<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NumpyArray {} {}", self.dtype(), self.shape())
    }
}

/// The nearest number.
fn cast<T: NumCast>(value: i128) -> Option<T> {
    T::from(value)
}

/// A number of `f32` in a type that holds all of those. In `f32` itself it keeps all bits.
fn narrow<T: Scalar>(number: f32) -> T {
    <T as NumCast>::from(number).expect("f32 and f64 hold every f32")
}

/// Numbers of which the first axis is the fastest, put so that the last one is.
fn row_major<N: Copy>(shape: Shape, numbers: &[N]) -> Vec<N> {
    if numbers.is_empty() {
        return Vec::new();
    }
    let axes = shape.axes();
    let stride = |axis: usize| axes[..axis].iter().product();
    let strides: Vec<usize> = (0..axes.len()).map(stride).collect();
    let (mut place, mut from) = (vec![0; axes.len()], 0);
    let next = |_| {
        let number = numbers[from];
        for axis in (0..axes.len()).rev() {
            place[axis] += 1;
            from += strides[axis];
            if place[axis] < axes[axis] {
                break;
            }
            from -= strides[axis] * axes[axis];
            place[axis] = 0;
        }
        number
    };
    (0..numbers.len()).map(next).collect()
}
