//! How a layer of this crate is written into a file, and made again from what is written there.
//!
//! Each layer says so beside its own definition. A layer of somebody else's is none of these, whatever its kind is called:
//! it is the type that is asked for.

use core::any::Any;

use super::{Layer, Window};
use crate::prelude::*;
use crate::{Error, Scalar, Shape};

/// A layer of this crate that a file can have: of its kind, its settings and its parameters it is made again. Each is one but
/// [`Sequential`](crate::Sequential) and [`Branches`](crate::sequential::Branches), which are layers in a file as well. Layers of one's own
/// are told by [`Open::with_layer`](crate::io::Open::with_layer).
pub trait Stored<T: Scalar>: Layer<T> + Sized {
    /// The kinds that it may be, as [`Layer::kind`] has them.
    #[doc(hidden)]
    const KINDS: &'static [&'static str];

    /// The layer of an entry that has these settings, with any numbers for parameters. Its sizes are what a file claims:
    /// [`Entry::expect`] comes before anything of that size is made.
    #[doc(hidden)]
    fn restore(entry: &mut dyn Entry) -> Restored<Self>;
}

/// What a file says of a layer. A value that is not there, or is none of its type, is an error that tells so.
pub trait Entry {
    fn kind(&self) -> &str;
    /// Whether there is a value of this name.
    fn has(&self, key: &str) -> bool;
    fn flag(&self, key: &str) -> Restored<bool>;
    fn count(&self, key: &str) -> Restored<usize>;
    fn number(&self, key: &str) -> Restored<f64>;
    fn text(&self, key: &str) -> Restored<&str>;
    fn shape(&self, key: &str) -> Restored<Shape>;
    /// A window as it was given; the layer has to check it.
    fn window(&self, key: &str) -> Restored<Window>;
    /// Whether the file has this parameter, in this shape.
    fn expect(&mut self, parameter: &str, shape: Shape) -> Restored<()>;
    /// The same for the weight and bias of a layer of sums, whose weight lies as the orientation of the file says.
    fn expect_sums(&mut self, weight: Shape, has_bias: bool) -> Restored<()>;
}

/// What was made of an entry.
pub(crate) type Restored<L> = Result<L, NotRestored>;

/// Why there is no layer.
#[derive(Debug)]
pub enum NotRestored {
    /// The file lacks something, or has something else: the whole text.
    File(String),
    /// What is wrong with the layer, whose name is still to be told.
    Layer(String),
}

impl From<String> for NotRestored {
    fn from(problem: String) -> Self {
        Self::File(problem)
    }
}

impl From<Error> for NotRestored {
    fn from(error: Error) -> Self {
        Self::Layer(error.to_string())
    }
}

/// A type of layers, for those who do not know the type.
#[derive(Clone)]
pub(crate) struct Kind<T> {
    pub(crate) names: &'static [&'static str],
    /// Whether a layer is of this type.
    pub(crate) has: fn(&dyn Layer<T>) -> bool,
    pub(crate) restore: Restore<T>,
}

/// Makes a layer of an entry.
type Restore<T> = fn(&mut dyn Entry) -> Restored<Box<dyn Layer<T>>>;

impl<T: Scalar> Kind<T> {
    /// The kind of these layers.
    pub(crate) fn of<L: Stored<T>>() -> Self {
        Self {
            names: L::KINDS,
            has: |layer| (layer as &dyn Any).is::<L>(),
            restore: |entry| Ok(Box::new(L::restore(entry)?)),
        }
    }
}
