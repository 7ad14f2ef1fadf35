//! Several paths on one input, joined: residual blocks, and layers side by side.

use core::fmt;
use core::ops::Range;

use super::Sequential;
use super::join::{Columns, Join};
use super::names::check_name;
use super::path_names::{check_names, describe, in_path, path_label};
use crate::layers::{
    Backward, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Order, OutputKind, Param,
    Turn,
};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Several paths on one input, each a model or the input itself, whose outputs are added or laid side by side along the last axis.
///
/// A residual block, y = f(x) + x (He et al., 2016), is a path and the input, added. In a builder it is
/// [`Builder::residual`](super::Builder::residual), with layers on the short way too
/// [`residual_with_shortcut`](super::Builder::residual_with_shortcut), and anything else
/// [`branches`](super::Builder::branches).
///
/// The gradient with respect to x is the sum of those of all paths. Each path draws random numbers of its own.
///
/// # Shapes
/// [`Join::Add`]: all paths make `[batch, …]` of the same axes, and so is y. [`Join::Concat`]: `[batch, …, last]`, and y has the sum of
/// the last axes.
///
/// # Names
/// A parameter's name has that of its path before that of its layer: `fire.expand1x1.0.weight`. The layers of a residual block's long
/// way stand under the block's own name, `block1.conv2.weight`, and those of the short way under `block1.shortcut`.
///
/// ```
/// use taper::layers::Window;
/// use taper::sequential::Join;
/// use taper::{Sequential, Tensor};
///
/// let same = Window::new(3).with_padding(1);
/// let mut model = Sequential::<f32>::builder([8, 8, 4])
///     .residual(|block| block.conv2d(4, same).named("conv1").batch_norm().relu().conv2d(4, same).named("conv2"))
///     .named("block1")
///     .relu()
///     .branches(Join::Concat, |paths| {
///         let paths = paths.path(|path| path.conv2d(6, 1)).named("one");
///         paths.path(|path| path.conv2d(6, same)).named("three").input()
///     })
///     .build(&mut taper::seeded(7))?;
/// assert_eq!(model.output().axes(), [8, 8, 6 + 6 + 4]);
/// assert_eq!(model.param("block1.conv2.weight")?.shape().axes(), [3, 3, 4, 4]);
/// model.freeze("block1.conv2")?;
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone)]
pub struct Branches<T: Scalar> {
    join: Join,
    paths: Vec<Path<T>>,
    input: Shape,
    output: Shape,
}

/// One way from the input to the output.
#[derive(Clone)]
struct Path<T: Scalar> {
    /// None for the long way of a residual block, whose layers stand under the name of the block.
    name: String,
    /// None for the input itself.
    model: Option<Sequential<T>>,
    output: Shape,
    columns: Columns,
}

impl<T: Scalar> Branches<T> {
    /// The name of a residual block's short way.
    pub(super) const SHORTCUT: &'static str = "shortcut";

    /// y = f(x) + x.
    ///
    /// # Errors
    /// [`Error::Shape`] where the block's output has another shape than its input.
    pub fn residual(block: Sequential<T>) -> Result<Self> {
        Self::of_paths(Join::Add, vec![(String::new(), Some(block)), (Self::SHORTCUT.into(), None)])
    }

    /// y = f(x) + g(x), where g takes the short way: a convolution 1×1 with the stride of the block, for one.
    ///
    /// # Errors
    /// [`Error::Shape`] where the two have another input or output; [`Error::DuplicateName`] where a layer of the block is called
    /// `shortcut`.
    pub fn residual_with_shortcut(block: Sequential<T>, shortcut: Sequential<T>) -> Result<Self> {
        let paths = vec![(String::new(), Some(block)), (Self::SHORTCUT.into(), Some(shortcut))];
        Self::of_paths(Join::Add, paths)
    }

    /// Paths with their names; none for the input itself.
    ///
    /// # Errors
    /// [`Error::Setting`] where no path has a layer, or where a name is none; [`Error::DuplicateName`] where two have the same;
    /// [`Error::Shape`] where they have not the same input, or their outputs cannot be joined.
    pub fn new<N: Into<String>>(
        join: Join,
        paths: impl IntoIterator<Item = (N, Option<Sequential<T>>)>,
    ) -> Result<Self> {
        let paths: Vec<_> = paths.into_iter().map(|(name, model)| (name.into(), model)).collect();
        paths.iter().try_for_each(|(name, _): &(String, _)| check_name("path name", name))?;
        Self::of_paths(join, paths)
    }

    /// The same where a path may have no name.
    pub(crate) fn of_paths(join: Join, mut paths: Vec<(String, Option<Sequential<T>>)>) -> Result<Self> {
        let Some(input) = paths.iter().find_map(|(_, model)| Some(model.as_ref()?.input())) else {
            return Err(Error::setting("branches", "a path with a layer", "none"));
        };
        let mut named = paths.iter().filter(|(name, _)| !name.is_empty());
        named.try_for_each(|(name, _)| check_name("path name", name))?;
        check_names(&paths)?;
        for (index, (name, model)) in paths.iter_mut().enumerate() {
            let Some(model) = model else { continue };
            if model.input() != input {
                let error = Error::shape("input", input.batch_pattern(), model.input().batch_pattern());
                return Err(error.in_layer(path_label(index, name)));
            }
            if !name.is_empty() {
                model.params_mut(&mut |param| param.prefix_name(name));
            }
        }
        let outputs: Vec<Shape> =
            paths.iter().map(|(_, model)| model.as_ref().map_or(input, Sequential::output)).collect();
        let output = join.output(&outputs).map_err(|(index, expected)| {
            let hint = match (join, &paths[index].1) {
                (Join::Add, None) => "the short way needs a layer that makes this shape of the input",
                _ => "",
            };
            let got = outputs[index].batch_pattern();
            Error::Shape { what: "output", expected, got, hint }.in_layer(path_label(index, &paths[index].0))
        })?;
        let last = |shape: &Shape| shape.axes().last().copied().unwrap_or(1);
        let mut start = 0;
        let paths = paths.into_iter().zip(outputs).map(|((name, model), own)| {
            let columns = Columns { start, width: last(&own), total: last(&output) };
            start += columns.width;
            Path { name, model, output: own, columns }
        });
        Ok(Self { join, paths: paths.collect(), input, output })
    }

    /// How the outputs of the paths become one.
    #[must_use]
    pub fn join(&self) -> Join {
        self.join
    }

    /// The paths with their names, from the first to the last; none for the input itself. The long way of a residual block has an empty
    /// name.
    #[must_use]
    pub fn paths(&self) -> impl ExactSizeIterator<Item = (&str, Option<&Sequential<T>>)> {
        self.paths.iter().map(|path| (path.name.as_str(), path.model.as_ref()))
    }

    /// What each path makes of inputs that are this, with its place along the last axis.
    pub(super) fn kinds_of_columns(&self, input: OutputKind) -> Vec<(Range<usize>, OutputKind)> {
        let of_path = |Path { model, columns, .. }: &Path<T>| {
            let kind = model.as_ref().map_or(input, |model| model.output_kind(input));
            (columns.start..columns.start + columns.width, kind)
        };
        self.paths.iter().map(of_path).collect()
    }

    /// The same paths, each model exchanged for another one of the same shapes, which is made of the path's name and model.
    pub(super) fn with_models(
        &self,
        mut change: impl FnMut(&str, &Sequential<T>) -> Result<Sequential<T>>,
    ) -> Result<Self> {
        let changed = self.paths.iter().enumerate().map(|(index, Path { name, model, output, columns })| {
            let model = model.as_ref().map(|model| change(name, model)).transpose();
            let model = model.map_err(|error| in_path(index, name, error))?;
            Ok(Path { name: name.clone(), model, output: *output, columns: *columns })
        });
        let paths = changed.collect::<Result<_>>()?;
        Ok(Self { join: self.join, paths, input: self.input, output: self.output })
    }

    /// The same paths, with another model of the same shapes in the place of one.
    pub(super) fn with_path(&self, path: usize, model: Sequential<T>) -> Self {
        let mut changed = self.clone();
        changed.paths[path].model = Some(model);
        changed
    }

    /// The order of the joined outputs, of the orders of the paths' own.
    pub(super) fn joined_order(&self, orders: &[Order]) -> Option<Order> {
        let outputs: Vec<Shape> = self.paths.iter().map(|path| path.output).collect();
        self.join.order(orders, &outputs, &self.output)
    }

    fn models(&self) -> impl Iterator<Item = &Sequential<T>> {
        self.paths.iter().filter_map(|path| path.model.as_ref())
    }

    /// The elements of the longest output of a path that cannot be written where the joined ones lie.
    fn longest(&self, mode: Mode) -> usize {
        let is_beside = |&(index, path): &(usize, &Path<T>)| {
            mode == Mode::Train || path.model.is_some() && (index > 0 || self.join != Join::Add)
        };
        self.paths.iter().enumerate().filter(is_beside).map(|(_, path)| path.output.len()).max().unwrap_or(0)
    }

    fn infer(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let (batch, join, parallelism) = (x.batch(), self.join, context.parallelism);
        let mut buffer = context.take_scratch([batch * self.longest(Mode::Infer)].into())?;
        for (index, path) in self.paths.iter().enumerate() {
            let Some(model) = &path.model else {
                join.put(parallelism, index, path.columns, x.as_slice(), y.as_mut_slice());
                continue;
            };
            let shape = path.output.with_batch(batch)?;
            let is_first_sum = index == 0 && join == Join::Add;
            let place =
                if is_first_sum { y.as_mut_slice() } else { &mut buffer.as_mut_slice()[..shape.len()] };
            let run = context.run_into(model, x, TensorViewMut::trusted(shape, place));
            run.map_err(|error| in_path(index, &path.name, error))?;
            if !is_first_sum {
                let output = &buffer.as_slice()[..shape.len()];
                join.put(parallelism, index, path.columns, output, y.as_mut_slice());
            }
        }
        Ok(())
    }
}

impl<T: Scalar> Layer<T> for Branches<T> {
    fn kind(&self) -> &'static str {
        "branches"
    }

    fn describe(&self) -> String {
        describe(self.join, self.paths.len())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        if *input == self.input {
            return Ok(self.output);
        }
        Err(Error::shape("input", self.input.batch_pattern(), input.batch_pattern()))
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let own = |model: &Sequential<T>| match mode {
            Mode::Infer => model.memory(input, batch, mode),
            Mode::Train => Memory::of_part(model, input, batch, mode),
        };
        let parts = self.models().map(own).fold(Memory::default(), Memory::and);
        let parts = parts.with_scratch(batch.saturating_mul(self.longest(mode)));
        // The gradient with respect to the input of all paths but the first.
        if mode == Mode::Train { parts.with_scratch(batch.saturating_mul(input.len())) } else { parts }
    }

    fn check_batch(&self, input: &Shape, batch: usize, mode: Mode) -> Result<()> {
        self.paths.iter().enumerate().try_for_each(|(index, path)| {
            let checked = path.model.as_ref().map_or(Ok(()), |model| model.check_batch(input, batch, mode));
            checked.map_err(|error| in_path(index, &path.name, error))
        })
    }

    fn check_mode(&self, mode: Mode) -> Result<()> {
        self.paths.iter().enumerate().try_for_each(|(index, path)| {
            let checked = path.model.as_ref().map_or(Ok(()), |model| model.check_mode(mode));
            checked.map_err(|error| in_path(index, &path.name, error))
        })
    }

    fn vocabulary(&self) -> Option<usize> {
        self.models().filter_map(Layer::vocabulary).min()
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        if context.mode == Mode::Infer {
            return self.infer(x, y, context);
        }
        let parallelism = context.parallelism;
        for (index, path) in self.paths.iter().enumerate() {
            let run = path.model.as_ref().map_or(Ok(x), |model| context.run(model, x));
            let output = run.map_err(|error| in_path(index, &path.name, error))?.as_slice();
            self.join.put(parallelism, index, path.columns, output, y.as_mut_slice());
        }
        Ok(())
    }

    fn backward(&mut self, mut pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (x, dy, parallelism, join) = (pass.x, pass.take_dy(), pass.parallelism, self.join);
        let mut buffer = pass.take_scratch([x.batch() * self.longest(Mode::Train)].into())?;
        for (index, path) in self.paths.iter_mut().enumerate() {
            let shape = path.output.with_batch(x.batch())?;
            let gradient = &mut buffer.as_mut_slice()[..shape.len()];
            let result = match &mut path.model {
                None if join == Join::Add => pass.add_to_dx(dy.as_slice()),
                None => {
                    join.part_of(parallelism, path.columns, dy.as_slice(), gradient);
                    pass.add_to_dx(gradient)
                }
                Some(model) => {
                    let part = pass.part(model, x)?;
                    if pass.dx.is_none() && model.lowest_trainable().is_none() {
                        continue;
                    }
                    join.part_of(parallelism, path.columns, dy.as_slice(), gradient);
                    pass.run_from_input(part, model, TensorViewMut::trusted(shape, gradient), sink)
                }
            };
            result.map_err(|error| in_path(index, &path.name, error))?;
        }
        Ok(())
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.models().for_each(|model| model.params(visit));
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.paths
            .iter_mut()
            .filter_map(|path| path.model.as_mut())
            .for_each(|model| model.params_mut(visit));
    }

    fn turns(&self, input: &Shape, order: Order, visit: &mut dyn FnMut(Turn)) -> Order {
        let _ = input;
        let mut turns = Vec::new();
        let order = self.walk(order, &mut turns).order;
        turns.into_iter().for_each(visit);
        order
    }

    fn output_order(&self, input: &Shape, order: Order) -> Order {
        self.turns(input, order, &mut |_| {})
    }

    fn follows_batches(&self) -> bool {
        self.models().any(Layer::follows_batches)
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        let mut kinds = self.kinds_of_columns(input).into_iter().map(|(_, kind)| kind);
        match (kinds.next(), self.join) {
            (Some(kind), _) if !kinds.all(|other| other == kind) => OutputKind::Unknown,
            (Some(OutputKind::Values), _) => OutputKind::Values,
            (Some(OutputKind::IndependentProbabilities), Join::Concat) => {
                OutputKind::IndependentProbabilities
            }
            _ => OutputKind::Unknown,
        }
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let mut outputs = Vec::new();
        for Path { name, model, .. } in &self.paths {
            let outer = graph.enter(name);
            outputs.push(model.as_ref().map_or(Ok(x), |model| model.onnx(x, graph))?);
            graph.leave(outer);
        }
        Ok(self.join.operation(&outputs, self.output, graph))
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        self.models().map(|model| model.multiply_adds(input)).sum()
    }
}

impl<T: Scalar> fmt::Debug for Branches<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Branches {} -> {}, {} ", self.input, self.output, self.join)?;
        f.debug_map().entries(self.paths().map(|(name, model)| (name.to_owned(), model))).finish()
    }
}
