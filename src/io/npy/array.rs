//! An array in a file, from its header to its numbers.

use std::fmt;
use std::io::Read;

use ndarray::ArrayD;
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement};
use num_traits::NumCast;

use super::super::half::half;
use super::dtype::Dtype;
use super::header::Header;
use super::origin::Origin;
use crate::{Result, Scalar, Shape, Tensor};

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
        let (dtype, shape) = (header.dtype, header.shape);
        let array = Self { origin, header, reader };
        let (expected, got) = (array.bytes(), bytes.saturating_sub(array.header.bytes.len() as u64));
        if expected as u64 != got {
            let name = dtype.name();
            let problem = format!("expected {expected} bytes for {name} {shape}, got {got}");
            return Err(array.origin.problem(problem));
        }
        // At the widest the file's numbers and their eight bytes each in a tensor are there at once.
        let most = expected.saturating_add(shape.len().saturating_mul(8));
        if Vec::<u8>::new().try_reserve_exact(most).is_err() {
            return Err(array
                .origin
                .problem(format!("expected an array that fits into memory, got {shape}")));
        }
        Ok(array)
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
    /// [`Error::File`](crate::Error::File) where the numbers are of another type.
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
    /// not whole ones.
    pub fn integers<T: Scalar>(self) -> Result<Tensor<T>> {
        let shape = self.shape();
        let exact = |value: i128| cast::<T>(value).filter(|number| number.to_i128() == Some(value));
        Tensor::from_vec(shape, self.whole(exact, &format!("a number that {} can hold", T::NAME))?)
    }

    /// An array of real numbers of any type, each rounded to the nearest number of the tensor's type; beyond the
    /// largest that is infinity.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) where the file does not hold what its header says.
    pub fn rounded<T: Scalar>(self) -> Result<Tensor<T>> {
        match self.header.dtype {
            Dtype::Float16 | Dtype::Float32 | Dtype::Float64 => self.floats(),
            _ => Tensor::from_vec(self.shape(), self.whole(cast::<T>, "a whole number")?),
        }
    }

    /// Whole numbers as the classes of samples, one after another; axes of length 1 behind the first do not matter.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) where the numbers are not whole ones from 0, or there is more than one for each
    /// sample.
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
            Dtype::Float16 => narrow(self.halves()?, half),
            Dtype::Float32 => narrow(self.values()?, |value: f32| value),
            _ => self.values::<f64>()?.into_iter().map(T::of).collect(),
        };
        Tensor::from_vec(shape, values)
    }

    /// Whole numbers of any type, each as what `convert` makes of it.
    fn whole<N>(self, convert: impl Fn(i128) -> Option<N>, expected: &str) -> Result<Vec<N>> {
        match self.header.dtype {
            Dtype::Bool => self.converted::<bool, N>(convert, expected),
            Dtype::Int8 => self.converted::<i8, N>(convert, expected),
            Dtype::Int16 => self.converted::<i16, N>(convert, expected),
            Dtype::Int32 => self.converted::<i32, N>(convert, expected),
            Dtype::Int64 => self.converted::<i64, N>(convert, expected),
            Dtype::Uint8 => self.converted::<u8, N>(convert, expected),
            Dtype::Uint16 => self.converted::<u16, N>(convert, expected),
            Dtype::Uint32 => self.converted::<u32, N>(convert, expected),
            Dtype::Uint64 => self.converted::<u64, N>(convert, expected),
            Dtype::Float16 | Dtype::Float32 | Dtype::Float64 => {
                Err(self.origin.problem(format!("expected whole numbers, got {}", self.header.dtype.name())))
            }
        }
    }

    fn converted<E, N>(self, convert: impl Fn(i128) -> Option<N>, expected: &str) -> Result<Vec<N>>
    where
        E: ReadableElement + Copy + Into<i128>,
    {
        let origin = self.origin.clone();
        let values = self.values::<E>()?.into_iter().map(Into::into).enumerate();
        let converted = values.map(|(index, value)| {
            let problem = || origin.problem(format!("number {index}: expected {expected}, got {value}"));
            convert(value).ok_or_else(problem)
        });
        converted.collect()
    }

    /// The bits of halves. For the crate that reads them they are whole numbers of two bytes.
    fn halves(mut self) -> Result<Vec<u16>> {
        let bytes = &mut self.header.bytes;
        let descr = bytes.windows(2).position(|pair| pair == b"f2").expect("the header says so");
        bytes[descr] = b'u';
        self.values()
    }

    /// The numbers in row-major order.
    fn values<E: ReadableElement + Copy>(mut self) -> Result<Vec<E>> {
        let bytes = self.bytes() as u64;
        let numbers = self.reader.by_ref().take(bytes);
        let array = ArrayD::<E>::read_npy(self.header.bytes.chain(numbers)).map_err(|error| match error {
            ReadNpyError::Io(error) => self.origin.failed(&error),
            ReadNpyError::MissingData => self.origin.problem("expected more bytes, got the end of the file"),
            error => {
                self.origin.problem(format!("expected numbers of the header's type, got others ({error})"))
            }
        })?;
        // The end of the bytes is where an archive compares its checksum.
        match self.reader.read(&mut [0]) {
            Ok(0) => {}
            Ok(_) => return Err(self.origin.problem("expected the end of the numbers, got more bytes")),
            Err(error) => return Err(self.origin.failed(&error)),
        }
        if array.is_standard_layout() {
            return Ok(array.into_raw_vec_and_offset().0);
        }
        Ok(array.iter().copied().collect())
    }

    /// How many bytes the numbers take.
    fn bytes(&self) -> usize {
        self.header.shape.len().saturating_mul(self.header.dtype.bytes())
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

/// Numbers that `f32` holds in a type that holds those of `f32`. Of `f32` itself they keep all bits.
fn narrow<E, T: Scalar>(values: Vec<E>, number: impl Fn(E) -> f32) -> Vec<T> {
    let exact = |value: E| <T as NumCast>::from(number(value)).expect("f32 and f64 hold every f32");
    values.into_iter().map(exact).collect()
}
