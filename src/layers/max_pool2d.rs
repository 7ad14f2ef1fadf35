//! Max pooling: the largest number of each window of an image.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::pool_window::{Patch, Zeroed, pool_geometry, pool_window};
use super::samples::by_samples;
use super::stored::{Entry, Restored, Stored};
use super::{Backward, Forward, GradientSink, Layer, OutputKind, Settings, Window};
use crate::getters::getters;
use crate::kernels::{self, Geometry, Kernel, Simd};
use crate::{Result, Scalar, Shape, TensorView, TensorViewMut};

/// Each output is the largest of a window of one channel: y = max xₜ over the places t of the window that lie inside of
/// the image, so padding never wins; NaN does, as in PyTorch.
///
/// The gradient goes to the largest element, of several to the first, row by row, as in PyTorch: dxₜ = Σ dy over the
/// windows whose largest is t. Of several NaN it goes to the first (in PyTorch to the last).
///
/// Which element that was is not kept: it is found again, by comparing x with y, which takes no memory and as much time
/// as PyTorch takes to look it up.
///
/// # Shapes
/// Along each axis, with a dilated window of (kernel − 1)·dilation + 1:
///
/// | padding | input | output |
/// |---|---|---|
/// | `Valid` | `[batch, height, width, channels]` | ⌊(height − window) / stride⌋ + 1, and so for the width |
/// | `Same` | the same | ⌈height / stride⌉ |
/// | `Border` | the same | ⌊(height + 2·border − window) / stride⌋ + 1 |
///
/// The stride is the window's size unless one is set. A border is at most half of the window, as in PyTorch.
///
/// Source: Ranzato et al., 2007; the settings are those of PyTorch's `MaxPool2d` and Keras's `MaxPooling2D`.
///
/// ```
/// use taper::{Sequential, Tensor, layers::MaxPool2d};
///
/// let model = Sequential::builder([2, 4, 1]).layer(MaxPool2d::new(2)?).build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 2, 4, 1], vec![1.0_f32, 2.0, 5.0, 6.0, 3.0, 4.0, 8.0, 7.0])?;
/// assert_eq!(model.predict(&x)?.as_slice(), [4.0, 8.0]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MaxPool2d {
    window: Window,
}

impl MaxPool2d {
    /// A pool with this window; a number is a square that moves by its side.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) where a side, stride or dilation is 0, or a border is wider than half of
    /// the window.
    pub fn new(window: impl Into<Window>) -> Result<Self> {
        Ok(Self { window: pool_window(window.into())? })
    }

    fn geometry(&self, batch: &Shape) -> Geometry {
        let (_, sample) = batch.split_batch().expect("a batch");
        self.window.over(&sample).expect("`output_shape` agreed")
    }

    getters! {
        /// What each output is the largest of.
        window: Window;
    }
}

impl<T: Scalar> Layer<T> for MaxPool2d {
    fn kind(&self) -> &'static str {
        "max_pool2d"
    }

    fn describe(&self) -> String {
        format!("max_pool2d {}", self.window)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let geometry = pool_geometry(&self.window, input)?;
        Ok(geometry.output(geometry.channels).into())
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        input.of_each()
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let geometry = &self.geometry(&x.shape());
        let x = x.as_slice();
        let sample = geometry.positions() * geometry.channels;
        by_samples(context.parallelism, x.len(), y.as_mut_slice(), sample, |first, y| {
            let x = &x[first * geometry.image_len()..];
            kernels::run(Largest { geometry, x, y });
        });
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        let Some(mut dx) = pass.dx else { return Ok(()) };
        let geometry = &self.geometry(&pass.x.shape());
        let (x, y, dy) = (pass.x.as_slice(), pass.y.as_slice(), pass.dy.as_slice());
        let (image, sample) = (geometry.image_len(), geometry.positions() * geometry.channels);
        by_samples(pass.parallelism, x.len(), dx.as_mut_slice(), image, |first, dx| {
            let (x, y, dy) = (&x[first * image..], &y[first * sample..], &dy[first * sample..]);
            kernels::run(ToLargest { geometry, x, y, dy, dx });
        });
        Ok(())
    }

    fn settings(&self) -> Settings {
        Settings::new().with("window", self.window)
    }
}

impl<T: Scalar> Stored<T> for MaxPool2d {
    const KINDS: &'static [&'static str] = &["max_pool2d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        Ok(Self::new(entry.window("window")?)?)
    }
}

/// Channels side by side: a cache line of f32.
const WIDE: usize = 16;
/// Of what is left, so many at a time, and then each.
const NARROW: usize = 4;

/// y from x, of the samples that y has.
struct Largest<'a, T> {
    geometry: &'a Geometry,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Largest<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) {
        let geometry = *self.geometry;
        let (row_len, image) = (geometry.columns.outputs * geometry.channels, geometry.image_len());
        let samples = self.y.chunks_exact_mut(geometry.rows.outputs * row_len);
        for (x, y) in self.x.chunks_exact(image).zip(samples) {
            for (row, y) in y.chunks_exact_mut(row_len).enumerate() {
                for (column, y) in y.chunks_exact_mut(geometry.channels).enumerate() {
                    largest_of(x, Patch::of(&geometry, row, column), y);
                }
            }
        }
    }
}

/// All channels of one output.
#[inline(always)]
fn largest_of<T: Scalar>(x: &[T], patch: Patch, y: &mut [T]) {
    let (wide, rest) = y.as_chunks_mut::<WIDE>();
    let mut channel = 0;
    for y in wide {
        largest(x, patch.at_channel(channel), y);
        channel += WIDE;
    }
    let (narrow, rest) = rest.as_chunks_mut::<NARROW>();
    for y in narrow {
        largest(x, patch.at_channel(channel), y);
        channel += NARROW;
    }
    for y in rest.as_chunks_mut::<1>().0 {
        largest(x, patch.at_channel(channel), y);
        channel += 1;
    }
}

#[inline(always)]
fn largest<T: Scalar, const N: usize>(x: &[T], patch: Patch, y: &mut [T; N]) {
    let mut most = [T::neg_infinity(); N];
    for row in 0..patch.rows {
        for column in 0..patch.columns {
            let x: &[T; N] = x[patch.place(row, column)..].first_chunk().expect("inside of the image");
            for lane in 0..N {
                let wins = (x[lane] > most[lane]) | x[lane].is_nan();
                most[lane] = if wins { x[lane] } else { most[lane] };
            }
        }
    }
    *y = most;
}

/// dx from dy, of the samples that dx has.
struct ToLargest<'a, T> {
    geometry: &'a Geometry,
    x: &'a [T],
    y: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for ToLargest<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) {
        let geometry = *self.geometry;
        let Geometry { rows, columns, channels } = geometry;
        let (row_len, image) = (columns.outputs * channels, geometry.image_len());
        let outputs =
            self.y.chunks_exact(rows.outputs * row_len).zip(self.dy.chunks_exact(rows.outputs * row_len));
        let inputs = self.x.chunks_exact(image).zip(self.dx.chunks_exact_mut(image));
        for ((x, dx), (y, dy)) in inputs.zip(outputs) {
            let mut zeroed = Zeroed::none(columns.inputs * channels);
            for (row, (y, dy)) in y.chunks_exact(row_len).zip(dy.chunks_exact(row_len)).enumerate() {
                zeroed.up_to(rows.input(row, rows.taps(row).end - 1) + 1, dx);
                let outputs = y.chunks_exact(channels).zip(dy.chunks_exact(channels));
                for (column, (y, dy)) in outputs.enumerate() {
                    to_largest_of(x, Patch::of(&geometry, row, column), y, dy, dx);
                }
            }
            zeroed.up_to(rows.inputs, dx);
        }
    }
}

/// All channels of one output.
#[inline(always)]
fn to_largest_of<T: Scalar>(x: &[T], patch: Patch, y: &[T], dy: &[T], dx: &mut [T]) {
    let ((wide_y, y), (wide_dy, dy)) = (y.as_chunks::<WIDE>(), dy.as_chunks::<WIDE>());
    let mut channel = 0;
    for (y, dy) in wide_y.iter().zip(wide_dy) {
        to_largest(x, patch.at_channel(channel), y, dy, dx);
        channel += WIDE;
    }
    let ((narrow_y, y), (narrow_dy, dy)) = (y.as_chunks::<NARROW>(), dy.as_chunks::<NARROW>());
    for (y, dy) in narrow_y.iter().zip(narrow_dy) {
        to_largest(x, patch.at_channel(channel), y, dy, dx);
        channel += NARROW;
    }
    for (y, dy) in y.as_chunks::<1>().0.iter().zip(dy.as_chunks::<1>().0) {
        to_largest(x, patch.at_channel(channel), y, dy, dx);
        channel += 1;
    }
}

#[inline(always)]
fn to_largest<T: Scalar, const N: usize>(x: &[T], patch: Patch, y: &[T; N], dy: &[T; N], dx: &mut [T]) {
    // Copies, of which the compiler knows that they do not overlap. Nothing is left of dy once the first of the largest
    // was met.
    let (y, mut left) = (*y, *dy);
    for row in 0..patch.rows {
        for column in 0..patch.columns {
            let place = patch.place(row, column);
            let x: [T; N] = *x[place..].first_chunk().expect("inside of the image");
            let dx: &mut [T; N] = dx[place..].first_chunk_mut().expect("as long as x");
            let mut sum = *dx;
            for lane in 0..N {
                let is_largest = (x[lane] == y[lane]) | x[lane].is_nan();
                sum[lane] += if is_largest { left[lane] } else { T::zero() };
                left[lane] = if is_largest { T::zero() } else { left[lane] };
            }
            *dx = sum;
        }
    }
}
