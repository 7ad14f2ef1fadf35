//! Branches in a builder.

use core::fmt;

use super::branches::Branches;
use super::builder::Builder;
use super::join::Join;
use super::names::check_name;
use super::path_names::{describe, in_path};
use crate::prelude::*;
use crate::{Error, Result, Scalar};

impl<T: Scalar> Builder<T> {
    /// A residual block: y = f(x) + x, where `block` adds the layers of f, whose output has the shape of x. An activation behind the sum
    /// is the next layer.
    ///
    /// ```
    /// use taper::Sequential;
    /// use taper::layers::Window;
    ///
    /// let same = Window::new(3).with_padding(1);
    /// let model = Sequential::<f32>::builder([32, 32, 3])
    ///     .conv2d(16, same).relu()
    ///     .residual(|block| block.conv2d(16, same).batch_norm().relu().conv2d(16, same).batch_norm()).relu()
    ///     .global_avg_pool2d()
    ///     .dense(10)
    ///     .build(&mut taper::seeded(7))?;
    /// assert_eq!(model.output().axes(), [10]);
    /// # Ok::<(), taper::Error>(())
    /// ```
    #[must_use]
    pub fn residual(self, block: impl FnOnce(Self) -> Self) -> Self {
        let long = (Some(String::new()), Some(block(Self::of_path())));
        let short = (Some(Branches::<T>::SHORTCUT.to_owned()), None);
        self.joined(Join::Add, vec![long, short])
    }

    /// A residual block with layers on the short way: y = f(x) + g(x), where `block` adds the layers of f and `shortcut` those of g.
    /// For blocks whose output has another shape than x.
    #[must_use]
    pub fn residual_with_shortcut(
        self,
        block: impl FnOnce(Self) -> Self,
        shortcut: impl FnOnce(Self) -> Self,
    ) -> Self {
        let long = (Some(String::new()), Some(block(Self::of_path())));
        let short = (Some(Branches::<T>::SHORTCUT.to_owned()), Some(shortcut(Self::of_path())));
        self.joined(Join::Add, vec![long, short])
    }

    /// Several paths on one input, whose outputs are added or laid side by side: [`Branches`]. Several outputs of a model are paths at
    /// its end.
    ///
    /// ```
    /// use taper::Sequential;
    /// use taper::sequential::Join;
    ///
    /// let model = Sequential::<f32>::builder([5])
    ///     .dense(32).relu()
    ///     .branches(Join::Concat, |paths| paths
    ///         .path(|path| path.dense(3)).named("class")
    ///         .path(|path| path.dense(8).relu().dense(1)).named("price"))
    ///     .named("heads")
    ///     .build(&mut taper::seeded(7))?;
    /// assert_eq!(model.output().axes(), [3 + 1]);
    /// assert_eq!(model.param("heads.price.2.weight")?.shape().axes(), [8, 1]);
    /// # Ok::<(), taper::Error>(())
    /// ```
    #[must_use]
    pub fn branches(self, join: Join, paths: impl FnOnce(Paths<T>) -> Paths<T>) -> Self {
        match paths(Paths { paths: Vec::new(), problem: None }) {
            Paths { problem: Some(error), .. } => self.failed("branches", error),
            Paths { paths, .. } => self.joined(join, paths),
        }
    }

    fn joined(self, join: Join, paths: Vec<Planned<T>>) -> Self {
        let kind = describe(join, paths.len());
        self.made_later(kind, move |input, rng| {
            let build = |(index, (name, builder)): (usize, Planned<T>)| {
                let name = name.unwrap_or_else(|| index.to_string());
                let model = builder.map(|builder: Builder<T>| builder.build_on(*input, rng)).transpose();
                let model = model.map_err(|error| in_path(index, &name, error))?;
                Ok((name, model))
            };
            let paths: Result<Vec<_>> = paths.into_iter().enumerate().map(build).collect();
            Ok(Box::new(Branches::of_paths(join, paths?)?))
        })
    }
}

/// The name of a path, unless it is its place, and its layers, unless it is the input itself.
type Planned<T> = (Option<String>, Option<Builder<T>>);

/// The paths of [`Builder::branches`] to be, from the first to the last. An example is there.
pub struct Paths<T: Scalar> {
    paths: Vec<Planned<T>>,
    problem: Option<Error>,
}

impl<T: Scalar> Paths<T> {
    /// A path of the layers that `layers` adds.
    #[must_use]
    pub fn path(mut self, layers: impl FnOnce(Builder<T>) -> Builder<T>) -> Self {
        self.paths.push((None, Some(layers(Builder::of_path()))));
        self
    }

    /// The input itself.
    #[must_use]
    pub fn input(mut self) -> Self {
        self.paths.push((None, None));
        self
    }

    /// Names the path added last. Paths without a name are called by their place, from 0.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        let checked = check_name("path name", name);
        let checked = checked.and_then(|()| {
            self.paths.last_mut().ok_or_else(|| Error::setting("named", "a path before it", "none"))
        });
        match checked {
            Ok(path) => path.0 = Some(name.to_owned()),
            Err(error) => self.problem = self.problem.take().or(Some(error)),
        }
        self
    }
}

impl<T: Scalar> fmt::Debug for Paths<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} paths so far", self.paths.len())
    }
}
