//! Embedding: a learned row of numbers for each word of a vocabulary.

use core::ops::Range;

use rand::Rng;

use super::param_form::check_shapes;
use super::stored::{Entry, Restored, Stored};
use super::{
    Along, Backward, Forward, GradientSink, GradientSource, Layer, Memory, Mode, OnnxGraph, OnnxValue, Param,
    Settings,
};
use crate::getters::getters;
use crate::init::{Init, Initializer};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Embedding, y = weight\[x\]: each whole number of the input is replaced by the row of that number, `dimension` numbers that are
/// learned.
///
/// The input is a tensor of the model's own numbers, which hold whole numbers. One that is no whole number from 0 to
/// vocabulary − 1 is an error of the pass, which tells its place. As there are no whole numbers next to each other beyond
/// 2²⁴ in `f32`, a larger vocabulary is refused, and so is a training batch of more numbers (in `f64` it is 2⁵³).
///
/// The gradient of a row is the sum of dy over all places where its number stands, and 0 for numbers that do not occur.
/// There is none with respect to whole numbers: where it is asked for, dx is 0.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, length]`, or of any other axes |
/// | y | the axes of x, and `dimension` |
/// | `weight` | `[vocabulary, dimension]` |
///
/// ```
/// use taper::{Sequential, Tensor, layers::Embedding};
///
/// let rows = Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
/// let model = Sequential::builder([2]).layer(Embedding::from_rows(&rows)?).build(&mut taper::seeded(0))?;
/// let y = model.predict(&Tensor::from([[2.0, 0.0]]))?;
/// assert_eq!(y, Tensor::from_vec([1, 2, 2], vec![5.0, 6.0, 1.0, 2.0])?);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Embedding<T> {
    weight: Param<T>,
    vocabulary: usize,
    dimension: usize,
    padding: Option<usize>,
}

impl<T: Scalar> Embedding<T> {
    /// Rows drawn from a normal distribution of mean 0 and variance 1, as PyTorch's `nn.Embedding`.
    ///
    /// # Errors
    /// [`Error::Setting`] for a vocabulary or a dimension of 0, and for a vocabulary with more numbers than `T` can tell
    /// apart; [`Error::TooLarge`] where the weight does not fit into memory.
    pub fn new(vocabulary: usize, dimension: usize, rng: &mut impl Rng) -> Result<Self> {
        Self::random(vocabulary, dimension, rng)
    }

    pub(crate) fn random(vocabulary: usize, dimension: usize, rng: &mut dyn Rng) -> Result<Self> {
        check_size::<T>(vocabulary, dimension)?;
        let init = Init::Normal { deviation: 1.0 };
        Self::from_rows(&init.initialize([vocabulary, dimension].into(), vocabulary, rng)?)
    }

    /// A layer of given rows, `[vocabulary, dimension]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where it is no matrix; as [`Embedding::new`] for its size.
    pub fn from_rows(rows: &Tensor<T>) -> Result<Self> {
        let &[vocabulary, dimension] = rows.shape().axes() else {
            return Err(Error::shape("rows", "[vocabulary, dimension]", rows.shape()));
        };
        check_size::<T>(vocabulary, dimension)?;
        let weight = Param::new("weight", rows).with_along(Along::Nothing);
        Ok(Self { weight, vocabulary, dimension, padding: None })
    }

    /// Numbers that fill up samples which are too short, PyTorch's `padding_idx`: the row of this number is 0 from now on, and has no gradient. A
    /// row that is set or loaded later stays as it is then, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::Setting`] unless below the vocabulary.
    pub fn with_padding(mut self, number: usize) -> Result<Self> {
        self = self.mark_padding(number)?;
        let row = number * self.dimension..(number + 1) * self.dimension;
        self.weight.buffer_mut()[row].fill(T::zero());
        Ok(self)
    }

    /// The same, with the row as it is.
    pub(crate) fn mark_padding(mut self, number: usize) -> Result<Self> {
        if number >= self.vocabulary {
            return Err(Error::setting("padding", "a number below the vocabulary", number));
        }
        self.padding = Some(number);
        Ok(self)
    }

    /// The number whose row has no gradient.
    #[must_use]
    pub fn padding(&self) -> Option<usize> {
        self.padding
    }

    /// The rows, `[vocabulary, dimension]`.
    #[must_use]
    pub fn weight(&self) -> &Param<T> {
        &self.weight
    }

    /// The rows, to be set or frozen.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        &mut self.weight
    }

    /// The row that a number of the input stands for.
    fn row(&self, x: &TensorView<'_, T>, place: usize) -> Result<usize> {
        let number = x.as_slice()[place];
        // A NaN is in no range.
        if (T::zero()..T::of(self.vocabulary as f64)).contains(&number) && number == number.trunc() {
            return Ok(number.as_f64() as usize);
        }
        let place = x.shape().place(place);
        Err(Error::Index { what: "input", place, below: self.vocabulary, got: number.as_f64() })
    }

    getters! {
        /// The length of a row. [`Layer::vocabulary`] has the number of rows.
        dimension: usize;
    }
}

fn check_size<T: Scalar>(vocabulary: usize, dimension: usize) -> Result<()> {
    // Whole numbers are next to each other up to 2/ε: 2²⁴ in single precision.
    if vocabulary == 0 || vocabulary as f64 > whole_numbers::<T>() {
        return Err(Error::setting("vocabulary", "1 to 2^24 numbers in f32, to 2^53 in f64", vocabulary));
    }
    if dimension == 0 {
        return Err(Error::setting("dimension", "at least 1", dimension));
    }
    Ok(())
}

/// Backward keeps places as numbers of this type.
fn check_places<T: Scalar>(input: Shape, mode: Mode) -> Result<()> {
    if mode == Mode::Train && input.len() as f64 > whole_numbers::<T>() {
        return Err(Error::TooLarge { shape: input.to_string(), limit: "at most 2^24 numbers in f32" });
    }
    Ok(())
}

/// How many whole numbers from 0 on `T` can tell apart.
fn whole_numbers<T: Scalar>() -> f64 {
    2.0 / T::epsilon().as_f64()
}

impl<T: Scalar> Layer<T> for Embedding<T> {
    fn kind(&self) -> &'static str {
        "embedding"
    }

    fn describe(&self) -> String {
        format!("embedding {} -> {}", self.vocabulary, self.dimension)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        check_shapes([(&self.weight, [self.vocabulary, self.dimension].into())])?;
        let axes: Vec<usize> = input.axes().iter().copied().chain([self.dimension]).collect();
        Shape::new(&axes)
    }

    fn check_batch(&self, input: &Shape, batch: usize, mode: Mode) -> Result<()> {
        check_places::<T>(input.with_batch(batch)?, mode)
    }

    fn vocabulary(&self) -> Option<usize> {
        Some(self.vocabulary)
    }

    /// In training a number of the input and its place, for each of them.
    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        Memory { cache: 0, scratch: if mode == Mode::Train { 2 * batch * input.len() } else { 0 } }
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        check_places::<T>(x.shape(), context.mode)?;
        let rows = self.weight.buffer();
        for (place, y) in y.as_mut_slice().chunks_exact_mut(self.dimension).enumerate() {
            let row = self.row(&x, place)?;
            y.copy_from_slice(&rows[row * self.dimension..][..self.dimension]);
        }
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().fill(T::zero());
        }
        if self.weight.is_frozen() {
            return Ok(());
        }
        let (x, dimension) = (pass.x.as_slice(), self.dimension);
        // Sorted by number and then by place, so that a row finds its places, and sums them in their order.
        let places = &mut pass.scratch.as_chunks_mut::<2>().0[..x.len()];
        for (place, (pair, &number)) in places.iter_mut().zip(x).enumerate() {
            *pair = [number, T::of(place as f64)];
        }
        places.sort_unstable_by(|a, b| a.partial_cmp(b).expect("forward lets no NaN through"));
        let padding = self.padding.map(|number| T::of(number as f64));
        let gradient = RowSums { places, dy: pass.dy.as_slice(), dimension, padding };
        sink.take(&mut self.weight, &gradient)
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        visit(&self.weight);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        visit(&mut self.weight);
    }

    fn settings(&self) -> Settings {
        Settings::new()
            .with("vocabulary", self.vocabulary)
            .with("dimension", self.dimension)
            .with("padding", self.padding)
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let x = graph.straight(x);
        let weight = graph.param(&self.weight);
        let numbers = graph.each("Cast", x, &[("to", OnnxGraph::<T>::INT64.into())]);
        let output = Layer::<T>::output_shape(self, &x.shape())?;
        Ok(graph.raw("Gather", &[Some(weight), Some(numbers)], &[("axis", 0.into())], output, false))
    }
}

impl<T: Scalar> Stored<T> for Embedding<T> {
    const KINDS: &'static [&'static str] = &["embedding"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let shape = Shape::from([entry.count("vocabulary")?, entry.count("dimension")?]);
        entry.expect("weight", shape)?;
        let embedding = Self::from_rows(&Tensor::zeros(shape)?)?;
        if entry.has("padding") {
            Ok(embedding.mark_padding(entry.count("padding")?)?)
        } else {
            Ok(embedding)
        }
    }
}

/// The gradient of the rows. Only rows that occur are looked at.
struct RowSums<'a, T> {
    /// Numbers of the input with their places, sorted.
    places: &'a [[T; 2]],
    dy: &'a [T],
    dimension: usize,
    padding: Option<T>,
}

/// So many columns at a time that their sums fit into registers.
const COLUMNS: usize = 16;

impl<T: Scalar> RowSums<'_, T> {
    /// Calls `each` with the sums of some columns of each row in the run that has a gradient: where they are in the buffer,
    /// and the sums.
    fn each(&self, run: Range<usize>, mut each: impl FnMut(Range<usize>, &[T])) {
        let first = T::of((run.start / self.dimension) as f64);
        let start = self.places.partition_point(|[number, _]| *number < first);
        for group in self.places[start..].chunk_by(|[a, _], [b, _]| a == b) {
            let number = group[0][0];
            let row = number.as_f64() as usize * self.dimension;
            if row >= run.end {
                break;
            }
            if self.padding == Some(number) {
                continue;
            }
            let end = run.end.min(row + self.dimension);
            for start in (run.start.max(row)..end).step_by(COLUMNS) {
                let columns = start..end.min(start + COLUMNS);
                let mut sums = [0.0; COLUMNS];
                for [_, place] in group {
                    let dy = &self.dy[place.as_f64() as usize * self.dimension..][..self.dimension];
                    let dy = &dy[columns.start - row..columns.end - row];
                    sums.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy.as_f64());
                }
                each(columns.clone(), &sums.map(T::of)[..columns.len()]);
            }
        }
    }
}

impl<T: Scalar> GradientSource<T> for RowSums<'_, T> {
    fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        if beta == T::zero() {
            out.fill(T::zero());
        } else if beta != T::one() {
            out.iter_mut().for_each(|out| *out *= beta);
        }
        let start = run.start;
        self.each(run, |columns, sums| {
            let out = &mut out[columns.start - start..columns.end - start];
            out.iter_mut().zip(sums).for_each(|(out, &sum)| *out += alpha * sum);
        });
    }

    fn square_norm(&self) -> Option<f64> {
        let mut square = 0.0;
        self.each(0..usize::MAX, |_, sums| {
            square += sums.iter().map(|sum| sum.as_f64().powi(2)).sum::<f64>();
        });
        Some(square)
    }

    fn multiply_adds(&self) -> u64 {
        self.dy.len() as u64
    }
}
