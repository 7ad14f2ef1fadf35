//! The parts of a layer that has layers inside: their memory, and passes through them.

use super::carve::{aligned, carve};
use super::samples::by_samples;
use super::{Activation, Backward, Forward, GradientSink, Layer, Memory, Mode, Others, RandomKey};
use crate::kernels::Parallelism;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

impl Memory {
    /// What [`Forward::run`] and [`Backward::run`] need for a layer inside that takes inputs of this shape: its own memory, and its
    /// output, which is kept.
    #[must_use]
    pub fn of_part<T: Scalar>(layer: &dyn Layer<T>, input: &Shape, batch: usize, mode: Mode) -> Self {
        let own = layer.memory(input, batch, mode);
        // Where there is no output, the layer around it has none either.
        let output = layer.output_shape(input).map_or(0, |output| output.len());
        Self { cache: aligned(own.cache), scratch: own.scratch }.with_cache(batch.saturating_mul(output))
    }

    /// That of another layer too, which runs before or after: what both keep, and scratch for the one that needs more.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let cache = aligned(self.cache).saturating_add(other.cache);
        Self { cache, scratch: self.scratch.max(other.scratch) }
    }

    /// And a buffer of so many elements that is kept: for [`Forward::take_cache`].
    #[must_use]
    pub fn with_cache(self, len: usize) -> Self {
        Self { cache: self.cache.saturating_add(aligned(len)), ..self }
    }

    /// And a buffer of so many elements of scratch, beside what the layers inside need: for [`Forward::take_scratch`] and
    /// [`Backward::take_scratch`], and for [`Backward::run_from_input`] once, of as many as the input has, where it is called for
    /// several layers.
    #[must_use]
    pub fn with_scratch(self, len: usize) -> Self {
        Self { scratch: self.scratch.saturating_add(aligned(len)), ..self }
    }
}

/// For a layer that has layers inside: [`Forward::run`] is a pass through one of them.
///
/// ```
/// use taper::layers::{Backward, Forward, GradientSink, Memory};
/// use taper::{Layer, Mode, Param, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, gradcheck};
///
/// /// y = a(x) · b(x).
/// #[derive(Debug, Clone)]
/// struct Product(Sequential<f64>, Sequential<f64>);
///
/// impl Layer<f64> for Product {
///     fn kind(&self) -> &'static str {
///         "product"
///     }
///     fn output_shape(&self, input: &Shape) -> Result<Shape> {
///         self.0.output_shape(input).and(self.1.output_shape(input))
///     }
///     fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
///         let outputs = batch * self.0.output().len();
///         let parts = Memory::of_part(&self.0, input, batch, mode).and(Memory::of_part(&self.1, input, batch, mode));
///         parts.with_scratch(outputs).with_scratch(outputs).with_scratch(batch * input.len())
///     }
///     fn forward(&self, x: TensorView<f64>, mut y: TensorViewMut<f64>, context: &mut Forward<f64>) -> Result<()> {
///         let (a, b) = (context.run(&self.0, x)?, context.run(&self.1, x)?);
///         for ((y, a), b) in y.as_mut_slice().iter_mut().zip(a.as_slice()).zip(b.as_slice()) {
///             *y = a * b;
///         }
///         Ok(())
///     }
///     fn backward(&mut self, mut pass: Backward<f64>, sink: &mut dyn GradientSink<f64>) -> Result<()> {
///         let (a, b) = (pass.part(&self.0, pass.x)?, pass.part(&self.1, pass.x)?);
///         let (mut da, mut db) = (pass.take_scratch(pass.y.shape())?, pass.take_scratch(pass.y.shape())?);
///         for (index, dy) in pass.dy.as_slice().iter().enumerate() {
///             da.as_mut_slice()[index] = dy * b.output().as_slice()[index];
///             db.as_mut_slice()[index] = dy * a.output().as_slice()[index];
///         }
///         pass.run_from_input(a, &mut self.0, da, sink)?;
///         pass.run_from_input(b, &mut self.1, db, sink)
///     }
///     fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
///         self.0.params(visit);
///         self.1.params(visit);
///     }
///     fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
///         self.0.params_mut(visit);
///         self.1.params_mut(visit);
///     }
/// }
///
/// let path = |name, seed| Sequential::builder([2]).dense(3).tanh().build(&mut taper::seeded(seed))?.with_prefix(name);
/// gradcheck::layer(&mut Product(path("a", 1)?, path("b", 2)?), &Tensor::from([[0.1, -0.2], [0.3, 0.4]]))?;
/// # Ok::<(), taper::Error>(())
/// ```
impl<'a, T: Scalar> Forward<'a, T> {
    /// For a pass through a layer alone, with as much memory as its [`Layer::memory`] says. Other settings are those of a pass of seed
    /// 0, and can be changed.
    #[must_use]
    pub fn new(mode: Mode, cache: &'a mut [T], scratch: &'a mut [T]) -> Self {
        Self {
            mode,
            cache,
            scratch,
            random: RandomKey::new(0, 0),
            parallelism: Parallelism::default(),
            activation: None,
            pool: None,
            others: None,
            parts: 0,
        }
    }

    /// A buffer that is kept until the backward pass, where [`Backward::take_cache`] finds it. Buffers and layers inside lie in the
    /// cache in the order in which they are asked for.
    ///
    /// # Errors
    /// [`Error::Workspace`] where [`Layer::memory`] did not ask for it ([`Memory::with_cache`]).
    pub fn take_cache(&mut self, shape: Shape) -> Result<TensorViewMut<'a, T>> {
        take(&mut self.cache, shape, "cache")
    }

    /// A buffer to be used in this call.
    ///
    /// # Errors
    /// [`Error::Workspace`] where [`Layer::memory`] did not ask for it ([`Memory::with_scratch`]).
    pub fn take_scratch(&mut self, shape: Shape) -> Result<TensorViewMut<'a, T>> {
        take(&mut self.scratch, shape, "scratch")
    }

    /// A pass through a layer inside, whose output is kept until the backward pass. [`Backward::part`] finds both, in the same order.
    ///
    /// # Errors
    /// [`Error::Workspace`] where [`Layer::memory`] did not ask for it ([`Memory::of_part`]); the layer's own.
    pub fn run(&mut self, layer: &dyn Layer<T>, x: TensorView<'_, T>) -> Result<TensorView<'a, T>> {
        let shape = output_of(layer, x.shape())?;
        let y = self.take_cache(shape)?.into_slice();
        self.run_into(layer, x, TensorViewMut::trusted(shape, y))?;
        Ok(TensorView::trusted(shape, y))
    }

    /// The same into a buffer of one's own, which may be the layer's y. [`Backward::part_with_output`] finds it.
    ///
    /// # Errors
    /// As [`Forward::run`]; [`Error::Shape`] where y is no output of the layer.
    pub fn run_into(
        &mut self,
        layer: &dyn Layer<T>,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
    ) -> Result<()> {
        let expected = output_of(layer, x.shape())?;
        if y.shape() != expected {
            return Err(Error::shape("output", expected, y.shape()));
        }
        let memory = memory_of(layer, x.shape(), self.mode);
        let cache = take(&mut self.cache, [memory.cache].into(), "cache")?.into_slice();
        check_room(self.scratch.len(), memory.scratch, "scratch")?;
        let random = self.random.layer(self.parts);
        self.parts += 1;
        let scratch = &mut *self.scratch;
        let mut context = Forward { cache, scratch, random, activation: None, pool: None, parts: 0, ..*self };
        layer.forward(x, y, &mut context)
    }
}

/// A layer inside of another, as a forward pass left it: made by [`Backward::part`]. [`Forward`] has an example.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a, T> {
    x: TensorView<'a, T>,
    y: TensorView<'a, T>,
    cache: &'a [T],
    random: RandomKey,
}

impl<'a, T: Scalar> Part<'a, T> {
    /// Its input in the forward pass.
    #[must_use]
    pub fn input(&self) -> TensorView<'a, T> {
        self.x
    }

    /// Its output in the forward pass.
    #[must_use]
    pub fn output(&self) -> TensorView<'a, T> {
        self.y
    }
}

/// For a layer that has layers inside: [`Backward::run`] is a pass through one of them. [`Forward`] has an example.
impl<'a, T: Scalar> Backward<'a, T> {
    /// For a pass through a layer alone, after a forward pass with this cache. The gradient with respect to x is computed where
    /// [`Backward::dx`] is set. Other settings are those of a pass of seed 0, and can be changed.
    ///
    /// ```
    /// use taper::layers::{Backward, Forward, Memory};
    /// use taper::{Dense, GradientStore, Layer, Mode, Shape, Tensor};
    ///
    /// let mut layer = Dense::from_parts(&Tensor::from([[1.0, 2.0], [3.0, 4.0]]), None)?;
    /// let x = Tensor::from([[0.5, -0.5]]);
    /// let Memory { cache, scratch } = layer.memory(&[2].into(), 1, Mode::Train);
    /// let (mut cache, mut scratch) = (vec![0.0; cache], vec![0.0; scratch]);
    /// let (mut y, mut dy, mut dx) = (Tensor::zeros([1, 2])?, Tensor::from([[1.0, 0.0]]), Tensor::zeros([1, 2])?);
    /// layer.forward(x.view(), y.view_mut(), &mut Forward::new(Mode::Train, &mut cache, &mut scratch))?;
    ///
    /// let mut pass = Backward::new(x.view(), y.view(), dy.view_mut(), &cache, &mut scratch);
    /// pass.dx = Some(dx.view_mut());
    /// let mut gradients = GradientStore::new(&mut layer);
    /// layer.backward(pass, &mut gradients)?;
    /// assert_eq!(dx, Tensor::from([[1.0, 3.0]]));
    /// # Ok::<(), taper::Error>(())
    /// ```
    #[must_use]
    pub fn new(
        x: TensorView<'a, T>,
        y: TensorView<'a, T>,
        dy: TensorViewMut<'a, T>,
        cache: &'a [T],
        scratch: &'a mut [T],
    ) -> Self {
        let (random, parallelism, others) = (RandomKey::new(0, 0), Parallelism::default(), None);
        let (dx, chain, parts, has_dx) = (None, Activation::chain, 0, false);
        Self { x, y, dy, dx, cache, scratch, random, parallelism, others, chain, parts, has_dx }
    }

    /// What [`Forward::take_cache`] gave, in the same order.
    ///
    /// # Errors
    /// [`Error::Workspace`] where there is no such buffer.
    pub fn take_cache(&mut self, shape: Shape) -> Result<TensorView<'a, T>> {
        check_room(self.cache.len(), aligned(shape.len()), "cache")?;
        let (front, back) = self.cache.split_at(aligned(shape.len()));
        self.cache = back;
        Ok(TensorView::trusted(shape, &front[..shape.len()]))
    }

    /// A buffer to be used in this call.
    ///
    /// # Errors
    /// [`Error::Workspace`] where [`Layer::memory`] did not ask for it ([`Memory::with_scratch`]).
    pub fn take_scratch(&mut self, shape: Shape) -> Result<TensorViewMut<'a, T>> {
        take(&mut self.scratch, shape, "scratch")
    }

    /// What [`Forward::run`] left of a layer inside, whose input was this one. To be asked for in the order of the forward pass,
    /// whatever the order of the passes back.
    ///
    /// # Errors
    /// [`Error::Workspace`] where there is no such part.
    pub fn part(&mut self, layer: &dyn Layer<T>, x: TensorView<'a, T>) -> Result<Part<'a, T>> {
        let y = self.take_cache(output_of(layer, x.shape())?)?;
        self.part_with_output(layer, x, y)
    }

    /// The same of [`Forward::run_into`], which wrote this output.
    ///
    /// # Errors
    /// [`Error::Workspace`] where there is no such part.
    pub fn part_with_output(
        &mut self,
        layer: &dyn Layer<T>,
        x: TensorView<'a, T>,
        y: TensorView<'a, T>,
    ) -> Result<Part<'a, T>> {
        let cache = self.take_cache([memory_of(layer, x.shape(), Mode::Train).cache].into())?.as_slice();
        let random = self.random.layer(self.parts);
        self.parts += 1;
        Ok(Part { x, y, cache, random })
    }

    /// A pass back through a layer inside: hands the gradients of its parameters to the sink, and writes that with respect to its
    /// input to dx, if there is one.
    ///
    /// # Errors
    /// [`Error::Workspace`] where [`Layer::memory`] did not ask for its scratch; [`Error::Shape`] where dy or dx has not the shape of
    /// its output or input; the layer's and the sink's own.
    pub fn run(
        &mut self,
        part: Part<'_, T>,
        layer: &mut dyn Layer<T>,
        dy: TensorViewMut<'_, T>,
        dx: Option<TensorViewMut<'_, T>>,
        sink: &mut dyn GradientSink<T>,
    ) -> Result<()> {
        run_back(self.scratch, (self.parallelism, self.others), part, layer, [Some(dy), dx], sink)
    }

    /// The same for a layer inside whose input is x itself: the gradient with respect to it is added to [`Backward::dx`], where that is
    /// asked for. So dx is the sum over all of them.
    ///
    /// # Errors
    /// As [`Backward::run`].
    pub fn run_from_input(
        &mut self,
        part: Part<'_, T>,
        layer: &mut dyn Layer<T>,
        dy: TensorViewMut<'_, T>,
        sink: &mut dyn GradientSink<T>,
    ) -> Result<()> {
        let Some(dx) = &mut self.dx else { return self.run(part, layer, dy, None, sink) };
        let (shape, parallelism, others) = (dx.shape(), self.parallelism, self.others);
        if !self.has_dx {
            self.has_dx = true;
            let dx = TensorViewMut::trusted(shape, dx.as_mut_slice());
            return run_back(self.scratch, (parallelism, others), part, layer, [Some(dy), Some(dx)], sink);
        }
        let mut scratch = &mut *self.scratch;
        let own = take(&mut scratch, shape, "scratch")?.into_slice();
        let own_dx = TensorViewMut::trusted(shape, &mut *own);
        run_back(scratch, (parallelism, others), part, layer, [Some(dy), Some(own_dx)], sink)?;
        add(parallelism, dx.as_mut_slice(), own);
        Ok(())
    }

    /// Adds numbers to [`Backward::dx`], where that is asked for: of a way from x that goes through no layer inside.
    ///
    /// # Errors
    /// [`Error::Length`] where they are not as many as x has.
    pub fn add_to_dx(&mut self, gradient: &[T]) -> Result<()> {
        let Some(dx) = &mut self.dx else { return Ok(()) };
        let dx = dx.as_mut_slice();
        if gradient.len() != dx.len() {
            let what = "gradient with respect to the input".to_owned();
            return Err(Error::Length { what, expected: dx.len(), got: gradient.len() });
        }
        if self.has_dx {
            add(self.parallelism, dx, gradient);
        } else {
            self.has_dx = true;
            dx.copy_from_slice(gradient);
        }
        Ok(())
    }

    /// dy, to be used while passes through parts go on.
    pub(crate) fn take_dy(&mut self) -> TensorViewMut<'a, T> {
        core::mem::replace(&mut self.dy, TensorViewMut::trusted([0].into(), &mut []))
    }
}

fn run_back<T: Scalar>(
    scratch: &mut [T],
    (parallelism, others): (Parallelism, Option<&dyn Others>),
    part: Part<'_, T>,
    layer: &mut dyn Layer<T>,
    [dy, dx]: [Option<TensorViewMut<'_, T>>; 2],
    sink: &mut dyn GradientSink<T>,
) -> Result<()> {
    let Part { x, y, cache, random } = part;
    let dy = dy.expect("every pass back has one");
    for (what, expected, got) in [
        ("output gradient", y.shape(), Some(dy.shape())),
        ("input gradient", x.shape(), dx.as_ref().map(TensorViewMut::shape)),
    ] {
        if let Some(got) = got.filter(|&got| got != expected) {
            return Err(Error::shape(what, expected, got));
        }
    }
    check_room(scratch.len(), memory_of(layer, x.shape(), Mode::Train).scratch, "scratch")?;
    let pass = Backward::new(x, y, dy, cache, scratch);
    layer.backward(Backward { dx, random, parallelism, others, ..pass }, sink)
}

/// sum ← sum + other.
pub(crate) fn add<T: Scalar>(parallelism: Parallelism, sum: &mut [T], other: &[T]) {
    by_samples(parallelism, 2 * sum.len(), sum, 1, |start, sum| {
        sum.iter_mut().zip(&other[start..]).for_each(|(sum, &other)| *sum += other);
    });
}

#[expect(clippy::mut_mut, reason = "as `carve`")]
fn take<'a, T: Scalar>(rest: &mut &'a mut [T], shape: Shape, what: &str) -> Result<TensorViewMut<'a, T>> {
    check_room(rest.len(), aligned(shape.len()), what)?;
    Ok(TensorViewMut::trusted(shape, carve(rest, shape.len())))
}

/// That a buffer is as long as what is to lie there.
pub(crate) fn check_room(got: usize, expected: usize, what: &str) -> Result<()> {
    if got >= expected {
        return Ok(());
    }
    let problem =
        format!("expected {what} for {expected} elements, got {got}; ask for it in `Layer::memory`");
    Err(Error::Workspace { problem })
}

fn output_of<T: Scalar>(layer: &dyn Layer<T>, x: Shape) -> Result<Shape> {
    let (batch, sample) = x.split_batch().ok_or_else(|| Error::shape("input", "[batch, …]", x))?;
    layer.output_shape(&sample)?.with_batch(batch)
}

fn memory_of<T: Scalar>(layer: &dyn Layer<T>, x: Shape, mode: Mode) -> Memory {
    x.split_batch().map_or_else(Memory::default, |(batch, sample)| layer.memory(&sample, batch, mode))
}
