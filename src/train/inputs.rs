//! The inputs of a data set: numbers, bytes, or something that gives one sample after the other.

use std::fmt;

use super::Pixels;
use crate::kernels::{Buffer, Gather};
use crate::{Error, Parallelism, Result, Scalar, Shape, Tensor, TensorView};

/// Something that gives the inputs of a data set, each by its number: files that are mapped, data larger than memory, samples
/// that are made on the fly.
///
/// Tensors, views and [`Pixels`] are such sources, which lie in memory; a data set takes them as they lie. Of any other, a
/// batch is read when it is needed, and ahead of that on other threads where [`Parallelism`] allows some: so a source may be
/// asked from several threads at once, in any order. What it gives for a number must always be the same, or a training
/// cannot be repeated to the bit.
///
/// ```
/// use taper::{Result, Shape, train::{Dataset, Samples}};
///
/// /// Sample i is the binary digits of i.
/// struct Digits;
///
/// impl Samples<f32> for Digits {
///     fn shape(&self) -> Shape {
///         [256, 8].into()
///     }
///
///     fn read(&self, index: usize, into: &mut [f32]) -> Result<()> {
///         for (bit, value) in into.iter_mut().enumerate() {
///             *value = (index >> bit & 1) as f32;
///         }
///         Ok(())
///     }
/// }
///
/// let is_odd: Vec<usize> = (0..256).map(|number| number % 2).collect();
/// let data = Dataset::new(&Digits, &is_odd)?;
/// assert_eq!(data.len(), 256);
/// # Ok::<(), taper::Error>(())
/// ```
pub trait Samples<T: Scalar>: Sync {
    /// The lengths of the axes of all samples together, the number of samples first: `[60_000, 28, 28]`. Asked for once by each data set.
    fn shape(&self) -> Shape;

    /// Writes all numbers of sample `index`, from 0, in row-major order. `into` is as long as a sample, and may hold anything before.
    ///
    /// # Errors
    /// What is wrong with the sample. It ends the training or the evaluation that asked for it, which gives back this error with
    /// the number of the sample; the model is as it was before the step.
    fn read(&self, index: usize, into: &mut [T]) -> Result<()>;

    /// Whether this rank has the sample, where several [train together](crate::Trainer::with_communicator) and each holds a shard of
    /// the data: it is asked to read no others. Every sample has to be on all ranks or on exactly one; targets are on all of them.
    /// True unless written.
    ///
    /// The numbers are those of the whole data set on every rank, and so is the order in which samples are shuffled: of each batch,
    /// a rank takes what it has. So k ranks compute what one does that has everything, but for dropout, whose masks go by the place
    /// in the batch, where the samples of rank 0 lie first. How many of a batch a rank has is chance: in a batch of 256 on two
    /// ranks 128 ± 8, so one waits for the other some 5 % of the time. What goes through all samples by itself, as
    /// [`Dataset::normalization`](super::Dataset::normalization) does, needs all of them.
    ///
    /// ```
    /// use taper::{Result, Shape, Tensor, train::Samples};
    ///
    /// /// Every `of`th of so many samples of 784 numbers.
    /// struct Shard { rank: usize, of: usize, samples: usize, own: Tensor<f32> }
    ///
    /// impl Samples<f32> for Shard {
    ///     fn shape(&self) -> Shape {
    ///         [self.samples, 784].into()
    ///     }
    ///
    ///     fn has(&self, index: usize) -> bool {
    ///         index % self.of == self.rank
    ///     }
    ///
    ///     fn read(&self, index: usize, into: &mut [f32]) -> Result<()> {
    ///         into.copy_from_slice(self.own.view().sample(index / self.of));
    ///         Ok(())
    ///     }
    /// }
    /// ```
    fn has(&self, index: usize) -> bool {
        let _ = index;
        true
    }

    /// How a data set takes these samples. Not to be written: it is for what lies in memory.
    #[doc(hidden)]
    fn as_inputs(&self) -> Inputs<'_, T>
    where
        Self: Sized,
    {
        Inputs::Source(self, self.shape())
    }
}

impl<T: Scalar> Samples<T> for TensorView<'_, T> {
    fn shape(&self) -> Shape {
        TensorView::shape(self)
    }

    fn read(&self, index: usize, into: &mut [T]) -> Result<()> {
        into.copy_from_slice(self.sample(index));
        Ok(())
    }

    fn as_inputs(&self) -> Inputs<'_, T> {
        Inputs::Values(*self)
    }
}

impl<T: Scalar> Samples<T> for Tensor<T> {
    fn shape(&self) -> Shape {
        Tensor::shape(self)
    }

    fn read(&self, index: usize, into: &mut [T]) -> Result<()> {
        self.view().read(index, into)
    }

    fn as_inputs(&self) -> Inputs<'_, T> {
        Inputs::Values(self.view())
    }
}

impl<T: Scalar> Samples<T> for Pixels<'_> {
    fn shape(&self) -> Shape {
        Pixels::shape(self)
    }

    fn read(&self, index: usize, into: &mut [T]) -> Result<()> {
        let (matrix, columns) = (self.as_bytes(), into.len());
        self.rescale(Gather { matrix, columns, rows: &[index], parallelism: Parallelism::Threads(1) }, into);
        Ok(())
    }

    fn as_inputs(&self) -> Inputs<'_, T> {
        Inputs::Pixels(*self)
    }
}

/// What the samples of a [`Dataset`](super::Dataset) are taken from.
///
/// Made from a tensor, a view, [`Pixels`], or a reference to any other [`Samples`].
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Inputs<'a, T> {
    /// The numbers that the model takes.
    Values(TensorView<'a, T>),
    /// Bytes, which become numbers batch by batch.
    Pixels(Pixels<'a>),
    /// Something that gives one sample after the other, and the shape that it told.
    Source(&'a dyn Samples<T>, Shape),
}

impl<T: Scalar> Inputs<'_, T> {
    /// The lengths of the axes, that of the samples first.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Self::Values(values) => values.shape(),
            Self::Pixels(pixels) => pixels.shape(),
            Self::Source(_, shape) => *shape,
        }
    }

    /// Puts these samples together, which have so many numbers each.
    pub(crate) fn gather(
        &self,
        samples: &[usize],
        columns: usize,
        parallelism: Parallelism,
        to: &mut Buffer<T>,
    ) -> Result<()> {
        let len = samples.len() * columns;
        if to.len() < len {
            *to = Buffer::zeroed(len);
        }
        let to = &mut to[..len];
        match self {
            Self::Values(values) => {
                Gather { matrix: values.as_slice(), columns, rows: samples, parallelism }.copy(to);
            }
            Self::Pixels(pixels) => {
                let rows = Gather { matrix: pixels.as_bytes(), columns, rows: samples, parallelism };
                pixels.rescale(rows, to);
            }
            Self::Source(source, _) => {
                for (row, &sample) in samples.iter().enumerate() {
                    let into = &mut to[row * columns..][..columns];
                    source.read(sample, into).map_err(|error| in_sample(error, sample))?;
                }
            }
        }
        Ok(())
    }
}

/// An error that came while this sample was made.
pub(super) fn in_sample(error: Error, sample: usize) -> Error {
    error.in_data(format!("sample {sample} of the data set"))
}

impl<T: Scalar> fmt::Debug for Inputs<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values(values) => values.fmt(f),
            Self::Pixels(pixels) => pixels.fmt(f),
            Self::Source(_, shape) => write!(f, "samples {shape}"),
        }
    }
}

impl<'a, T> From<TensorView<'a, T>> for Inputs<'a, T> {
    fn from(values: TensorView<'a, T>) -> Self {
        Self::Values(values)
    }
}

impl<'a, T> From<Pixels<'a>> for Inputs<'a, T> {
    fn from(pixels: Pixels<'a>) -> Self {
        Self::Pixels(pixels)
    }
}

impl<'a, T: Scalar, S: Samples<T>> From<&'a S> for Inputs<'a, T> {
    fn from(samples: &'a S) -> Self {
        samples.as_inputs()
    }
}

impl<'a, T: Scalar> From<&'a (dyn Samples<T> + 'a)> for Inputs<'a, T> {
    fn from(samples: &'a (dyn Samples<T> + 'a)) -> Self {
        Self::Source(samples, samples.shape())
    }
}
